package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/load"
)

// mostCount bounds every number. Flags that allow less check that themselves.
const mostCount = 1_000_000_000

// kinds are the types of flags, by their names in the library: how a help text
// writes their values, and what these must be.
var kinds = map[string]struct{ placeholder, wanted string }{
	"string":   {"TEXT", "a value"},
	"bool":     {"", "true or false, or no value"},
	"duration": {"DURATION", "a duration, such as 500ms, 3s or 2m"},
	"int":      {"N", fmt.Sprintf("a whole number from 0 to %d", mostCount)},
	"uint":     {"N", "a whole number of 0 or more"},
	"float":    {"N", "a number, such as 0.5"},
}

// wanted is what the values of a flag must be.
func wanted(flag cli.Flag) string { return kinds[flag.(cli.DocGenerationFlag).TypeName()].wanted }

// placeholderOf separates a flag's usage from the name of its value, which may stand
// at its beginning, within backquotes.
func placeholderOf(f cli.DocGenerationFlag) (value, usage string) {
	usage = f.GetUsage()
	if name, rest, ok := strings.Cut(strings.TrimPrefix(usage, "`"), "` "); ok && usage[0] == '`' {
		return name, rest
	}
	return kinds[f.TypeName()].placeholder, usage
}

// withinBounds refuses values that no flag allows: negative numbers and durations,
// those so large that sums overflow, infinity and NaN.
func withinBounds(c *cli.Command) error {
	for _, flag := range c.Flags {
		var want string
		switch v := flag.Get().(type) {
		case time.Duration:
			want = outside(v, load.MaxDuration)
		case int:
			want = outside(v, mostCount)
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				want = "a finite number"
			}
		}
		if want != "" {
			return usageError("--%s=%v: want %s", flag.Names()[0], flag.Get(), want)
		}
	}
	return nil
}

// outside is what is wanted in place of a value that is not within 0 and most.
func outside[T int | time.Duration](v, most T) string {
	switch {
	case v < 0:
		return "0 or more"
	case v > most:
		return fmt.Sprintf("at most %v", most)
	}
	return ""
}
