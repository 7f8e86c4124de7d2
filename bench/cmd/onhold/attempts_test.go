package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// disturbed is a target whose first stages the machine disturbs.
type disturbed struct {
	bad, ran int
	died     error
}

func (s *disturbed) target() *target {
	return &target{
		name: "x", run: s.run, like: &bench.GoroutineDriver{}, gone: func(context.Context) error { return s.died },
		rampUp: func(int) time.Duration { return 0 },
	}
}

func (s *disturbed) run(_ context.Context, p bench.Plan) (*result.Stage, error) {
	s.ran++
	stage := result.NewStage()
	stage.Length = time.Second
	stage.Settings = result.Settings{{Key: result.KeyTarget, Value: "x"}, {Key: result.KeyLevel, Value: fmt.Sprint(p.Load.Level())}, {Key: result.KeyTrace, Value: "traces/x"}}
	stage.Counts[result.OK] = int64(s.ran)
	for range s.ran {
		stage.Latency.Record(time.Millisecond)
	}
	if s.ran <= s.bad {
		stage.Invalidate("late, attempt %d", s.ran)
		stage.Disturbed = true
	}
	return stage, nil
}

// Every attempt of a stage is on record, the one that counts is what is read, and
// it says what happened before. What has died is not driven again.
func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		name     string
		subject  *disturbed
		ran      int
		valid    bool
		attempt  int
		warnings string
	}{
		{"nothing happens", &disturbed{}, 1, true, 0, ""},
		{"disturbed once", &disturbed{bad: 1}, 2, true, 2, "attempt 2; the one before does not count: late, attempt 1"},
		{"disturbed twice", &disturbed{bad: 2}, 3, true, 3, "attempt 3; the one before does not count: late, attempt 2"},
		{"disturbed always", &disturbed{bad: 9}, 3, false, 3, "late, attempt 3"},
		{"died in the first", &disturbed{bad: 1, died: errors.New("process 7 has ended")}, 1, false, 0, "the target has died: process 7 has ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			folder, err := result.Create(dir, result.Run{Planned: 1})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			command := runCommand()
			command.Writer = &out
			command.Action = func(ctx context.Context, cmd *cli.Command) error {
				s := &session{c: cmd, folder: folder, progress: newProgress(io.Discard, 1)}
				_, err := s.stage(ctx, c.subject.target(), bench.Plan{Load: bench.Load{Clients: 5}})
				if err != nil {
					return err
				}
				return folder.Finish(time.Now(), true)
			}
			if err := command.Run(t.Context(), []string{"run", "--json"}); err != nil {
				t.Fatal(err)
			}
			if c.subject.ran != c.ran {
				t.Errorf("it was driven %d times, want %d", c.subject.ran, c.ran)
			}
			_, stages, warnings, err := result.Open(dir)
			if err != nil || len(warnings) > 0 || len(stages) != 1 {
				t.Fatalf("%d stages count, %v, %v", len(stages), warnings, err)
			}
			s := stages[0]
			if s.Valid() != c.valid || s.Attempt != c.attempt || !strings.Contains(strings.Join(s.Notes(), "\n"), c.warnings) || c.warnings == "" && len(s.Notes()) > 0 || s.Settings.Get(result.KeyTrace) == "" {
				t.Errorf("valid %v, attempt %d, %v, %q", s.Valid(), s.Attempt, s.Settings, s.Notes())
			}
			record, err := os.ReadFile(filepath.Join(dir, result.StagesFile))
			if err != nil || !bytes.Equal(record, out.Bytes()) {
				t.Errorf("stdout differs from the record, %v:\n%s\n%s", err, out.Bytes(), record)
			}
			if n := bytes.Count(record, []byte("\n")); n != c.ran || bytes.Count(record, []byte(`"discarded":"late, attempt`)) != c.ran-1 || bytes.Count(record, []byte(`"trace"`)) != 1 {
				t.Errorf("the record has %d lines, want all %d attempts:\n%s", n, c.ran, record)
			}
		})
	}
}

// A server that has gone is not driven at the levels that follow: they would say
// nothing but that.
func TestServerThatDies(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if served.Add(1) == 5 {
			go func() {
				server.Listener.Close()
				server.CloseClientConnections()
			}()
		}
	})
	server.Start()
	defer server.Close()
	dir := t.TempDir()
	_, stderr, code := onhold(t, dir, "run", server.URL, "--clients", "2,3,4", "--out", "out")
	if code != exitInvalid || !strings.Contains(stderr, "has died; the stages that follow are not run") {
		t.Errorf("exit code %d, want %d\n%s", code, exitInvalid, stderr)
	}
	run, stages, _, err := result.Open(filepath.Join(dir, "out"))
	if err != nil || len(stages) != 1 || !run.Partial {
		t.Errorf("%d stages, partial %v, %v; want the one in which it died", len(stages), run.Partial, err)
	}
	for _, s := range stages {
		if len(s.Invalid) == 0 || !strings.HasPrefix(s.Invalid[0], "the target has died: ") {
			t.Errorf("%q", s.Invalid)
		}
		if s.Counts[result.Refused]+s.Counts[result.Reset] == 0 {
			t.Errorf("%v", s.Counts)
		}
	}
}
