package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// Every number and duration of every subcommand is bounded on both sides, with an
// error that names the flag and what is allowed.
func TestEveryNumberIsBounded(t *testing.T) {
	startsMany(t)
	seen := 0
	for _, c := range []*cli.Command{
		runCommand(), serveCommand(), reportCommand(), compareCommand(), predictCommand(), verifyCommand(),
		duetCommand(), calibrateCommand(), patternsCommand(), peersCommand(), doctorCommand(),
	} {
		for _, f := range c.Flags {
			var values []string
			switch f.(type) {
			case *cli.DurationFlag:
				values = []string{"-1ns", "-2562047h", "2562047h", "9223372036854775807ns", "721h"}
			case *cli.IntFlag:
				values = []string{"-1", fmt.Sprint(math.MinInt64), fmt.Sprint(math.MaxInt64), "1000000001"}
			case *cli.FloatFlag:
				values = []string{"NaN", "+Inf", "-Inf"}
			}
			for _, v := range values {
				flag := f.Names()[0]
				// By the environment as well: that is another way into a flag.
				for _, way := range []string{"flag", "environment"} {
					args := []string{"onhold", c.Name}
					if way == "flag" {
						args = append(args, fmt.Sprintf("--%s=%s", flag, v))
					} else {
						if !hasVariable(c, flag) {
							continue
						}
						t.Setenv(variableOf(flag), v)
					}
					var out, errOut bytes.Buffer
					code := run(args, &out, &errOut)
					if way == "environment" {
						t.Setenv(variableOf(flag), "")
					}
					if code != exitUsage || !strings.Contains(errOut.String(), "--"+flag) || !strings.Contains(errOut.String(), "must ") && !strings.Contains(errOut.String(), "want ") {
						t.Errorf("%s --%s=%s (%s): exit code %d, %s", c.Name, flag, v, way, code, errOut.String())
					}
					seen++
				}
			}
		}
	}
	if seen < 400 {
		t.Errorf("only %d values were tried", seen)
	}
}
