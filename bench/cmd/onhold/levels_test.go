package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

func TestParseLevels(t *testing.T) {
	for text, want := range map[string][]float64{
		"1, 50,100":       {1, 50, 100},
		"7":               {7},
		"1..100":          {1, 2, 5, 10, 20, 50, 100},
		"30..300":         {30, 50, 100, 200, 300},
		"100..1000:300":   {100, 400, 700, 1000},
		"1..5,10..20:5":   {1, 2, 5, 10, 15, 20},
		"1,2..4:1":        {1, 2, 3, 4},
		"999999..1000000": {999999, 1000000},
	} {
		if got, err := parseLevels(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "0", "1,,2", "1,x", "-5", "1.5", "5,5", "5,4", "5..5", "5..4", "1..", "..5", "1..5:0", "1..5:x", "1..1000000:1", "1..5,3"} {
		if _, err := parseLevels(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// readLoad reads the load of a command line.
func readLoad(args ...string) (l load.Load, levels []float64, err error) {
	c := &cli.Command{Flags: loadFlags(), Action: func(_ context.Context, c *cli.Command) error {
		if err = readVariables(c); err != nil {
			return nil
		}
		if l, levels, err = loadOf(c, "1..20"); err == nil {
			err = l.Validate()
		}
		return nil
	}}
	if e := c.Run(context.Background(), append([]string{"x"}, args...)); e != nil {
		err = e
	}
	return l, levels, err
}

func TestLoads(t *testing.T) {
	for line, want := range map[string]string{
		"":                                   "1 client [1 2 5 10 20]",
		"--clients 5,6":                      "5 clients [5 6]",
		"--rate 100":                         "100 arrivals per second (poisson) [100]",
		"--rate 100,200 --arrivals constant": "100 arrivals per second (constant) [100 200]",
		"--burst 1001":                       "bursts of 1001 [1001]",
		"--ramp 100..2000":                   "100 to 2000 arrivals per second [2000]",
	} {
		l, levels, err := readLoad(strings.Fields(line)...)
		if got := fmt.Sprint(l, " ", levels); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", line, got, err, want)
		}
	}
	for _, bad := range []string{"--clients 5 --rate 6", "--rate 0", "--ramp 100", "--ramp 5..x", "--rate 5 --arrivals burst"} {
		if _, _, err := readLoad(strings.Fields(bad)...); exitCodeOf(err) != exitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
	var e *field.Error
	if _, _, err := readLoad("--clients", "5", "--arrivals", "constant"); !errors.As(err, &e) || e.Field != "Arrivals" {
		t.Errorf("arrivals of clients: %v", err)
	}
	// What the command line says counts, not what the environment says.
	t.Setenv("ONHOLD_CLIENTS", "7")
	t.Setenv("ONHOLD_ARRIVALS", "constant")
	for line, want := range map[string]string{"": "7 clients [7]", "--burst 5": "bursts of 5 [5]", "--rate 5": "5 arrivals per second (constant) [5]"} {
		l, levels, err := readLoad(strings.Fields(line)...)
		if got := fmt.Sprint(l, " ", levels); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", line, got, err, want)
		}
	}
}
