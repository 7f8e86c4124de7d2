package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// loadNames are the flags that say how much load there is. One of them is given
// at most.
var loadNames = []string{"clients", "rate", "burst", "ramp"}

func loadFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(catLoad, "clients", "", "`LEVELS` clients, each sends after its last reply: 1,50,100 or 1..2000 or 100..1000:100; the second is a ladder (1, 2, 5, 10 …), the third has a step. Give at most one of --clients, --rate, --burst and --ramp"),
		stringFlag(catLoad, "rate", "", "`LEVELS` arrivals per second, whatever the server does"),
		stringFlag(catLoad, "burst", "", "`LEVELS` clients that send at the same instant, wave after wave"),
		stringFlag(catLoad, "ramp", "", "`FROM..TO` arrivals per second, rising during the stage"),
		stringFlag(catLoad, "arrivals", string(load.Poisson), "with --rate, --ramp: poisson (at random) or constant (at equal distances)"),
	}
}

// loadFlagOf is the one of the flags that says how much load there is; empty
// where none does. What is on the command line counts, before the environment.
func loadFlagOf(c *cli.Command) (string, error) {
	names := slices.DeleteFunc(slices.Clone(loadNames), func(name string) bool { return !given(c, name) })
	for _, name := range names {
		if c.String(name) == "" { // as of a shell variable that is not set
			return "", usageError("--%s is empty: give a value, or leave the flag out", name)
		}
	}
	if len(names) == 0 {
		names = slices.DeleteFunc(slices.Clone(loadNames), func(name string) bool { return c.String(name) == "" })
	}
	switch len(names) {
	case 0:
		return "", nil
	case 1:
		return names[0], nil
	}
	return "", usageError("--%s=%s and --%s=%s: give one of them; a run has one kind of load", names[0], c.String(names[0]), names[1], c.String(names[1]))
}

// loadOf reads the flags of loadFlags: a load, and the levels it is driven at.
// Where none is given, there are as many clients as otherwise says.
func loadOf(c *cli.Command, otherwise string) (l load.Load, levels []float64, err error) {
	name, err := loadFlagOf(c)
	if err != nil {
		return l, nil, err
	}
	text := c.String(name)
	if name == "" {
		name, text = "clients", otherwise
	}
	if name == "ramp" {
		from, to, err := parseRamp(text)
		if err != nil {
			return l, nil, usageError("--ramp=%s: %w", text, err)
		}
		l.Ramp, levels = load.Range{From: from, To: to}, []float64{to}
	} else if levels, err = parseLevels(text); err != nil {
		return l, nil, usageError("--%s=%s: %w", name, text, err)
	}
	switch name {
	case "clients":
		l.Clients = int(levels[0])
	case "rate":
		l.Rate = levels[0]
	case "burst":
		l.Burst = int(levels[0])
	}
	if l.Model().Open() || given(c, "arrivals") {
		l.Arrivals = load.Model(c.String("arrivals"))
	}
	return l, levels, nil
}

func parseRamp(text string) (from, to float64, err error) {
	first, last, ok := strings.Cut(text, "..")
	a, err := strconv.Atoi(strings.TrimSpace(first))
	b, wrong := strconv.Atoi(strings.TrimSpace(last))
	if !ok || err != nil || wrong != nil || a < 1 || b < 1 {
		return 0, 0, fmt.Errorf("want FROM..TO in arrivals per second, whole numbers of at least 1, like 100..2000")
	}
	return float64(a), float64(b), nil
}

// parseLevels reads rising levels, whole numbers of at least 1: a list like
// 1,50,100, a ladder FIRST..LAST (FIRST, 1, 2, 5, 10, 20 and so on between, LAST),
// or steps FIRST..LAST:STEP.
func parseLevels(text string) (levels []float64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		some, err := parseRange(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if n := len(levels); n > 0 && some[0] <= levels[n-1] {
			return nil, fmt.Errorf("%g comes after %g: levels must rise", some[0], levels[n-1])
		}
		if levels = append(levels, some...); len(levels) > result.MaxStages {
			return nil, fmt.Errorf("want at most %d levels", result.MaxStages)
		}
	}
	return levels, nil
}

// parseRange reads a level, a ladder or steps.
func parseRange(text string) (levels []float64, err error) {
	first, rest, ranged := strings.Cut(text, "..")
	last, step, stepped := strings.Cut(rest, ":")
	number := func(s string) int {
		n, e := strconv.Atoi(strings.TrimSpace(s))
		if e != nil || n < 1 {
			err = fmt.Errorf("%q is not a level: want whole numbers of at least 1, like 1,50,100, or FIRST..LAST, or FIRST..LAST:STEP", s)
		}
		return n
	}
	a := number(first)
	if !ranged || err != nil {
		return []float64{float64(a)}, err
	}
	b := number(last)
	by := 1
	if stepped {
		by = number(step)
	}
	switch {
	case err != nil:
		return nil, err
	case b <= a:
		return nil, fmt.Errorf("%q: %d comes after %d: levels must rise", text, b, a)
	case stepped:
		for l := a; l <= b && len(levels) <= result.MaxStages; l += by {
			levels = append(levels, float64(l))
		}
		return levels, nil
	}
	levels = []float64{float64(a)}
	for ten := 1; ten < b; ten *= 10 {
		for _, n := range []int{1, 2, 5} {
			if l := n * ten; l > a && l < b {
				levels = append(levels, float64(l))
			}
		}
	}
	return append(levels, float64(b)), nil
}
