package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
)

// Header lines go from the command line to the server byte for byte, commas,
// quotes and braces included, whichever subcommand and driver sends them.
func TestHeaderLinesFromTheCommandLine(t *testing.T) {
	lines := []string{`Cookie: session="abc.def"`, `Cookie: prefs={"k":"v"}, x`, "x-EMPTY:", "X-Utf:  caf\xc3\xa9 ", "Accept: text/html, application/json;q=0.9"}
	var flags []string
	for _, line := range lines {
		flags = append(flags, "--header", line)
	}
	drive := func(t *testing.T, d bench.Driver) {
		t.Helper()
		if _, err := bench.Run(t.Context(), bench.Plan{Load: bench.Load{Burst: 1}, Duration: 10 * time.Millisecond}, d); err != nil {
			t.Fatal(err)
		}
	}
	run := func(driver string) func(t *testing.T, addr string) {
		return func(t *testing.T, addr string) {
			c := runCommand()
			c.DisableSliceFlagSeparator = true // as the command does
			c.Action = func(_ context.Context, c *cli.Command) error {
				a, err := argumentsOf(c)
				if err != nil {
					return err
				}
				h, err := requestsOf(c, a.mix)
				if err != nil {
					return err
				}
				d, err := driverOf(c, h)
				if err == nil {
					drive(t, d)
				}
				return err
			}
			args := append([]string{"run", "http://" + addr + "/a//b?x={1}", "--method", "POST", "--body", "{\"a\": 1}", "--driver", driver}, flags...)
			if err := c.Run(t.Context(), args); err != nil {
				t.Fatal(err)
			}
		}
	}
	compared := func(t *testing.T, addr string) {
		c := duetCommand()
		c.DisableSliceFlagSeparator = true
		c.Action = func(_ context.Context, c *cli.Command) error {
			e, err := serveExperiment(c)
			if err != nil {
				return err
			}
			d, err := e.(*duet.Serve).Driver(addr)
			if err == nil {
				drive(t, d)
			}
			return err
		}
		args := append([]string{"duet", "--build", "true", "--serve", "true", "--path", "/a//b?x={1}", "--method", "POST", "--body", "{\"a\": 1}"}, flags...)
		if err := c.Run(t.Context(), args); err != nil {
			t.Fatal(err)
		}
	}
	ways := map[string]func(t *testing.T, addr string){"run, goroutine": run(bench.GoroutineName), "duet": compared}
	if epoll.Supported {
		ways["run, epoll"] = run(epoll.Name)
	}
	for name, send := range ways {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Start(t)
			send(t, s.Addr)
			want := "POST /a//b?x=%7B1%7D HTTP/1.1\r\nUser-Agent: onhold\r\nHost: " + s.Addr + "\r\n" + strings.Join(lines, "\r\n") + "\r\nContent-Length: 8\r\n\r\n{\"a\": 1}"
			if got := s.Requests(); len(got) == 0 || got[0] != want {
				t.Errorf("the requests are\n%q, want\n%q", got, want)
			}
		})
	}
}
