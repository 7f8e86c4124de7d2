package main

import (
	"math"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/load"
)

// mostCount is above what any flag of a number may be: those that allow less say
// so themselves.
const mostCount = 1_000_000_000

// withinBounds refuses what no flag may be: a negative number or duration, one so
// large that sums overflow, and what is no number. Each flag that allows less
// checks that itself.
func withinBounds(c *cli.Command) error {
	for _, flag := range c.Flags {
		name := flag.Names()[0]
		switch flag.(type) {
		case *cli.DurationFlag:
			switch d := c.Duration(name); {
			case d < 0:
				return usageError("--%s=%v: must not be negative", name, d)
			case d > load.MaxDuration:
				return usageError("--%s=%v: must be at most %v", name, d, load.MaxDuration)
			}
		case *cli.IntFlag:
			switch n := c.Int(name); {
			case n < 0:
				return usageError("--%s=%d: must not be negative", name, n)
			case n > mostCount:
				return usageError("--%s=%d: must be at most %d", name, n, mostCount)
			}
		case *cli.FloatFlag:
			if v := c.Float(name); math.IsNaN(v) || math.IsInf(v, 0) {
				return usageError("--%s=%v: must be a finite number", name, v)
			}
		}
	}
	return nil
}
