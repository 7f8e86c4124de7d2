package main

import (
	"math"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/load"
)

// mostCount bounds every number. Flags that allow less check that themselves.
const mostCount = 1_000_000_000

// withinBounds refuses values that no flag allows: negative numbers and durations,
// those so large that sums overflow, infinity and NaN.
func withinBounds(c *cli.Command) error {
	for _, flag := range c.Flags {
		name := flag.Names()[0]
		switch flag.(type) {
		case *cli.DurationFlag:
			switch d := c.Duration(name); {
			case d < 0:
				return usageError("--%s=%v: want 0 or more", name, d)
			case d > load.MaxDuration:
				return usageError("--%s=%v: want at most %v", name, d, load.MaxDuration)
			}
		case *cli.IntFlag:
			switch n := c.Int(name); {
			case n < 0:
				return usageError("--%s=%d: want 0 or more", name, n)
			case n > mostCount:
				return usageError("--%s=%d: want at most %d", name, n, mostCount)
			}
		case *cli.FloatFlag:
			if v := c.Float(name); math.IsNaN(v) || math.IsInf(v, 0) {
				return usageError("--%s=%v: want a finite number", name, v)
			}
		}
	}
	return nil
}
