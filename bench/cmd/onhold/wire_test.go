package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
)

// way drives a server at addr with one wave of clients, asked as a subcommand's flags say.
type way func(t *testing.T, addr, path string, clients int, flags ...string) error

// ways are those of each subcommand and driver that sends requests.
func ways() map[string]way {
	act := func(t *testing.T, c *cli.Command, action cli.ActionFunc, args ...string) error {
		c.DisableSliceFlagSeparator = true // as the command does
		c.Action = action
		return c.Run(t.Context(), args)
	}
	wave := func(clients int) bench.Plan {
		return bench.Plan{Load: bench.Load{Burst: clients}, Duration: 10 * time.Millisecond}
	}
	run := func(driver string) way {
		return func(t *testing.T, addr, path string, clients int, flags ...string) error {
			return act(t, runCommand(), func(ctx context.Context, c *cli.Command) error {
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
					_, err = bench.Run(ctx, wave(clients), d)
				}
				return err
			}, append([]string{"run", "http://" + addr + path, "--driver", driver}, flags...)...)
		}
	}
	ways := map[string]way{
		"run, goroutine": run(bench.GoroutineName),
		"find": func(t *testing.T, addr, path string, clients int, flags ...string) error {
			return act(t, findCommand(), func(ctx context.Context, c *cli.Command) error {
				_, f, _, err := newFind(ctx, c)
				if err == nil {
					_, err = f.Stage(ctx, wave(clients))
				}
				return err
			}, append([]string{"find", "http://" + addr + path, "--require", "rejected<1%", "--rate", "10..20"}, flags...)...)
		},
		"duet": func(t *testing.T, addr, path string, clients int, flags ...string) error {
			return act(t, duetCommand(), func(ctx context.Context, c *cli.Command) error {
				e, err := serveExperiment(c)
				if err != nil {
					return err
				}
				d, err := e.(*duet.Serve).Driver(addr)
				if err == nil {
					_, err = bench.Run(ctx, wave(clients), d)
				}
				return err
			}, append([]string{"duet", "--build", "true", "--serve", "true", "--path", path}, flags...)...)
		},
	}
	if epoll.Supported {
		ways["run, epoll"] = run(epoll.Name)
	}
	return ways
}

// Header lines go from the command line to the server byte for byte, commas,
// quotes and braces included, whichever subcommand and driver sends them.
func TestHeaderLinesFromTheCommandLine(t *testing.T) {
	lines := []string{`Cookie: session="abc.def"`, `Cookie: prefs={"k":"v"}, x`, "x-EMPTY:", "X-Utf:  caf\xc3\xa9 ", "Accept: text/html, application/json;q=0.9"}
	flags := []string{"--method", "POST", "--body", "{\"a\": 1}"}
	for _, line := range lines {
		flags = append(flags, "--header", line)
	}
	for name, send := range ways() {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Start(t)
			if err := send(t, s.Addr, "/a//b?x={1}", 1, flags...); err != nil {
				t.Fatal(err)
			}
			want := "POST /a//b?x=%7B1%7D HTTP/1.1\r\nUser-Agent: onhold\r\nHost: " + s.Addr + "\r\n" + strings.Join(lines, "\r\n") + "\r\nContent-Length: 8\r\n\r\n{\"a\": 1}"
			if got := s.Requests(); len(got) == 0 || got[0] != want {
				t.Errorf("the requests are\n%q, want\n%q", got, want)
			}
		})
	}
}

// The rows of files make requests differ, whichever subcommand and driver sends them.
// What measures for as long as it needs to takes no data that ends.
func TestDataFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	ids, rows := filepath.Join(dir, "ids.csv"), filepath.Join(dir, "rows.jsonl")
	for file, text := range map[string]string{ids: "id\n0\n1\n2\n3\n4\n5\n6\n", rows: `{"path":"/a/{id}"}` + "\n" + `{"path":"/b/{id}"}` + "\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, send := range ways() {
		t.Run(name, func(t *testing.T) {
			for want, flags := range map[int][]string{7: {"--data", ids}, 14: {"--data", ids, "--requests", rows}} {
				s := wiretest.Start(t)
				if err := send(t, s.Addr, "/u/{id}", 20, flags...); err != nil {
					t.Fatal(err)
				}
				lines := map[string]bool{}
				for _, text := range s.Requests() {
					line, _, _ := strings.Cut(text, "\r\n")
					lines[line] = true
				}
				if len(lines) != want || lines["GET /u/6 HTTP/1.1"] != (want == 7) || lines["GET /a/6 HTTP/1.1"] != (want == 14) {
					t.Errorf("%v: %d requests that differ, want %d: %v", flags, len(lines), want, lines)
				}
			}
			err := send(t, wiretest.Start(t).Addr, "/u/{id}", 20, "--data", ids, "--data-end", "stop")
			if ends := strings.HasPrefix(name, "run"); (err == nil) != ends || !ends && !strings.Contains(err.Error(), "DataEnd is stop, want cycle, as this measures for as long as it needs to") {
				t.Errorf("data that ends: %v", err)
			}
		})
	}
}

// What is wrong with a path is reported of the flag that has it.
func TestDuetNamesThePath(t *testing.T) {
	_, stderr, code := onhold(t, t.TempDir(), "duet", "--base", "HEAD", "--build", "true {out}", "--serve", "{out} {addr}", "--path", "/u/{nam}")
	if code != exitUsage || !strings.Contains(stderr, "--path=/u/{nam}: want ") || strings.Contains(stderr, "127.0.0.1") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
