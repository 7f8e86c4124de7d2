package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/fleet"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/files/filestest"
	"github.com/a628bb15/onhold/reports/result"
)

// A coordinator that is killed in a stage is taken over from: the record is complete,
// and the server has been sent nothing twice.
func TestRunIsResumed(t *testing.T) {
	t.Parallel()
	resumes(t, false, 0, false)
}

func TestSlowRunIsResumed(t *testing.T) {
	slow.Only(t)
	for name, c := range map[string]struct {
		embedded  bool
		down      time.Duration
		restarted bool // an agent, which was killed as well
	}{
		"the agents have given it up": {false, 7 * time.Second, false},
		"its bus was its own":         {true, 0, false},
		"both":                        {true, 7 * time.Second, false},
		"an agent was killed":         {false, 9 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resumes(t, c.embedded, c.down, c.restarted)
		})
	}
}

// within waits until something is so.
func within(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: %s is not so", limit, what)
		}
	}
}

func resumes(t *testing.T, embedded bool, down time.Duration, restarted bool) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	dir := t.TempDir()
	out := filepath.Join(dir, "run")
	printed := new(commandtest.Output)
	// Without a warm-up, all that is sent is recorded.
	args := []string{"run", server.URL, "--rate", "100,150,200", "--warmup", "0s", "--duration", "1500ms", "--max-lag", "1m", "--retries", "0", "--agents", "2", "--no-report", "--header", "X-Key: s3cret-value"}
	bus := ""
	started := func(bus string, args ...string) *exec.Cmd {
		cmd := command(t, dir, args...)
		if cmd.Stdout, cmd.Stderr = printed, printed; bus != "" {
			cmd.Env = append(cmd.Env, "ONHOLD_BUS="+bus)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd
	}
	if !embedded {
		b, err := fleet.Embed()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		bus = b.URL
	}
	lead := started(bus, append(args, "--out", out)...)
	if embedded {
		at := regexp.MustCompile(`ONHOLD_BUS=(\S+) onhold agent`)
		within(t, time.Minute, "the address is printed", func() bool { return at.MatchString(printed.String()) })
		bus = at.FindStringSubmatch(printed.String())[1]
	}
	agents := map[string]*exec.Cmd{}
	for _, name := range []string{"a", "b"} {
		agents[name] = started(bus, "agent", "--name", name, "--keep-in", dir)
	}
	within(t, time.Minute, "the second stage is under way", func() bool {
		u, err := readUnfinished(out)
		return err == nil && u.Started && u.Recorded == 1 && time.Since(u.Start) > 200*time.Millisecond
	})
	lead.Process.Kill()
	lead.Wait()
	if text, err := os.ReadFile(filepath.Join(out, fleetFile)); err != nil || strings.Contains(string(text), "s3cret") || strings.Contains(string(text), "@") {
		t.Errorf("%s: %s, %v", fleetFile, text, err)
	}
	if embedded {
		if _, errOut, code := onhold(t, dir, append(args, "--resume", out)...); code != exitUsage || !strings.Contains(errOut, "the bus of that run was part of its coordinator. Set ONHOLD_BUS to the address") {
			t.Errorf("without the address: exit code %d, %s", code, errOut)
		}
	}
	time.Sleep(down)
	if restarted {
		agents["b"].Process.Kill()
		agents["b"].Wait()
		started(bus, "agent", "--name", "b", "--keep-in", dir)
	}
	again := started(bus, append(args, "--resume", out)...)
	if err := again.Wait(); err != nil {
		t.Errorf("%v\n%s", err, printed.String())
	}
	run, stages, warnings, err := result.Open(out)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v %v\n%s", warnings, err, printed.String())
	}
	if run.Partial || len(stages) != 3 || exists(filepath.Join(out, fleetFile)) || !strings.Contains(strings.Join(run.Notes, ";"), "with 1 of 3 stages; 2 agents drive the load: a (on ") {
		t.Errorf("partial %v, %d stages, %q", run.Partial, len(stages), run.Notes)
	}
	sent := int64(0)
	for i, s := range stages {
		p := bench.Plan{Load: bench.Load{Rate: []float64{100, 150, 200}[i]}, Duration: 1500 * time.Millisecond, Seed: bench.DefaultSeed}
		if n := p.Planned(p.Duration, 0); s.Counts.Planned() != n || s.Counts[result.OK] != n {
			t.Errorf("stage %d: %v, want %d that are ok; %q", i+1, s.Counts, n, s.Invalid)
		}
		sent += s.Counts.Planned()
	}
	if n := requests.Load(); n != sent {
		t.Errorf("the server had %d requests, and %d are recorded", n, sent)
	}
	if t.Failed() {
		t.Log(printed.String())
	}
}

// A broker that is gone in a stage and comes back costs nothing. One that does not makes
// the stage not valid, and what is not known is counted.
func TestBrokerIsRestarted(t *testing.T) {
	t.Parallel()
	restarts(t, time.Second)
}

func TestSlowBrokerIsRestarted(t *testing.T) {
	slow.Only(t)
	for _, down := range []time.Duration{9 * time.Second, -1} {
		t.Run(fmt.Sprint(down), func(t *testing.T) {
			t.Parallel()
			restarts(t, down)
		})
	}
}

// restarts starts the broker again after some time; never where it is negative.
func restarts(t *testing.T, down time.Duration) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	bus, err := fleet.Embed()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "run")
	started := func(args ...string) (*exec.Cmd, *commandtest.Output) {
		cmd, printed := command(t, dir, args...), new(commandtest.Output)
		cmd.Stdout, cmd.Stderr, cmd.Env = printed, printed, append(cmd.Env, "ONHOLD_BUS="+bus.URL)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd, printed
	}
	_, agent := started("agent", "--name", "a", "--keep-in", dir)
	started("agent", "--name", "b", "--keep-in", dir)
	lead, printed := started("run", server.URL, "--rate", "100", "--warmup", "0s", "--duration", "3s", "--drain-timeout", "1s", "--max-lag", "1m", "--retries", "0", "--agents", "2", "--no-report", "--out", out)
	within(t, time.Minute, "the stage is under way", func() bool {
		u, err := readUnfinished(out)
		return err == nil && u.Started && time.Since(u.Start) > 300*time.Millisecond
	})
	bus.Close()
	if down > 0 {
		time.Sleep(down)
		if bus, err = fleet.EmbedAt(bus.URL); err != nil {
			t.Fatal(err)
		}
		defer bus.Close()
	}
	lead.Wait()
	_, stages, _, err := result.Open(out)
	if err != nil || len(stages) != 1 {
		t.Fatalf("%d stages, %v\n%s", len(stages), err, printed)
	}
	s := stages[0]
	p := bench.Plan{Load: bench.Load{Rate: 100}, Duration: 3 * time.Second, Seed: bench.DefaultSeed}
	if n := p.Planned(p.Duration, 0); s.Counts.Planned() != n || down > 0 && s.Counts[result.OK] != n || down < 0 && s.Counts[result.Unknown] == 0 {
		t.Errorf("%v of %d", s.Counts, n)
	}
	wantCode, want := exitOK, "the bus at nats://"
	if down < 0 {
		wantCode, want = exitInvalid, "agent b: was lost: no record within 1m0s of the end of the stage"
	}
	if code := lead.ProcessState.ExitCode(); code != wantCode || !strings.Contains(printed.String(), want) || !strings.Contains(agent.String(), "was lost (") || down > 0 && !strings.Contains(agent.String(), "is back") {
		t.Errorf("exit code %d\n%s\nagent:\n%s", code, printed, agent)
	}
}

// No plan has an agent drive what its own list does not have.
func TestTargetOutsideTheAllowList(t *testing.T) {
	t.Parallel()
	bus, err := fleet.Embed()
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	dir := t.TempDir()
	environ := []string{"ONHOLD_BUS=" + bus.URL}
	agent, said := command(t, dir, "agent", "--name", "a", "--once", "--keep-in", dir), new(commandtest.Output)
	agent.Env, agent.Stderr = append(agent.Env, environ...), said
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Process.Kill(); agent.Wait() })
	_, errOut, code := onholdWith(t, environ, dir, "run", "http://192.0.2.1:8080/", "--rate", "10", "--agents", "1", "--out", "run")
	if want := "http://192.0.2.1:8080 is not among the targets that it allows (--allow)"; code != exitNotStarted || !strings.Contains(errOut, "agent a on ") || !strings.Contains(errOut, "does not take part: "+want) {
		t.Errorf("exit code %d, %s", code, errOut)
	}
	within(t, time.Minute, "the agent says so", func() bool {
		return strings.Contains(said.String(), "agent a: refused: http://192.0.2.1:8080 is not among")
	})
	if exists(filepath.Join(dir, "run")) {
		t.Error("there is a run folder")
	}
}

// A full disk of the coordinator costs the files, and no arrival: the table is printed, and
// the failure has its exit code. An agent that cannot store the files of a plan says so.
func TestFleetWithFullDisks(t *testing.T) {
	t.Parallel()
	disk := filestest.SmallDisk(t, 64<<10)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	dir := t.TempDir()
	body := filepath.Join(dir, "body")
	if err := os.WriteFile(body, make([]byte, 200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	load := []string{"run", server.URL, "--rate", "100", "--arrivals", "constant", "--warmup", "0s", "--duration", "300ms", "--max-lag", "1m", "--agents", "2", "--agents-local", "--retries", "0"}
	_, errOut, code := onholdWith(t, []string{"TMPDIR=" + disk}, dir, append(load, "--out", "other", "--body-file", body)...)
	if code != exitNotStarted || !strings.Contains(errOut, "does not take part: the files of the plan cannot be stored: ") || !strings.Contains(errOut, "no space left on device") {
		t.Errorf("an agent: exit code %d, %s", code, errOut)
	}
	if err := os.WriteFile(filepath.Join(disk, "full"), make([]byte, 48<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errOut, code := onhold(t, dir, append(load, "--out", filepath.Join(disk, "run"))...)
	if code != exitUnwritten || !strings.Contains(errOut, "no space left on device") || !strings.Contains(out, "local-2") || !strings.Contains(out, " 15 ") || !strings.Contains(out, "100 %") {
		t.Errorf("the coordinator: exit code %d\n%s\n%s", code, out, errOut)
	}
}

// A run is resumed as it was begun, or not at all.
func TestResumeUsage(t *testing.T) {
	startsMany(t)
	t.Parallel()
	dir := t.TempDir()
	begun, _ := shipped(t, "127.0.0.1:1", "--rate", "10,20", "--duration", "1s", "--warmup", "1s")
	folder := func(name string, change func(*result.Run, *unfinished)) string {
		run := result.Run{ID: "x", Planned: 2, Settings: begun.effective()}
		u := unfinished{Saved: fleet.Saved{Run: "r", Epoch: 1, Version: version(), Agents: []fleet.SavedAgent{{Name: "a"}, {Name: "b"}}, Stage: 1}}
		change(&run, &u)
		path := filepath.Join(dir, name)
		if f, err := result.Create(path, run); err != nil {
			t.Fatal(err)
		} else if err := errors.Join(f.Finish(time.Now(), false), u.write(path)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	none := func(*result.Run, *unfinished) {}
	plain, bare := folder("plain", none), folder("bare", none)
	if err := os.Remove(filepath.Join(bare, fleetFile)); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []string {
		return append([]string{"run", "127.0.0.1:1", "--rate", "10,20", "--duration", "1s", "--warmup", "1s", "--bus", "nats://127.0.0.1:1"}, args...)
	}
	for want, args := range map[string][]string{
		"--resume=x: requires --agents":                    run("--resume", "x"),
		"--out=y: and --resume=x cannot be given together": run("--agents", "2", "--resume", "x", "--out", "y"),
		"--resume=" + dir + ": run folder":                 run("--agents", "2", "--resume", dir),
		"there is no fleet.json":                           run("--agents", "2", "--resume", bare),
		`repeats was "1", and is "3" now`:                  run("--agents", "2", "--resume", plain, "--repeats", "3"),
		"it has 2 agents, not 4":                           run("--agents", "4", "--resume", plain),
		"it was begun with other flags or other files":     run("--agents", "2", "--resume", plain, "--timeout", "9s"),
		`it was begun with version "v0.0.1", this is`:      run("--agents", "2", "--resume", folder("old", func(_ *result.Run, u *unfinished) { u.Version = "v0.0.1" })),
	} {
		if _, errOut, code := onhold(t, dir, args...); code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%q: exit code %d, %q, want %q", args, code, errOut, want)
		}
	}
}

// What the record has of a stage is taken as it is: the stage, or the attempts at it.
func TestRecordedStagesAreNotRunAgain(t *testing.T) {
	stage := func(discarded string) *result.Stage {
		s := result.NewStage()
		s.Length = time.Second
		if discarded != "" {
			s.Discard(discarded)
		}
		return s
	}
	for name, c := range map[string]struct {
		past []*result.Stage
		ran  int
		note string
		left int
	}{
		"nothing":           {nil, 1, "", 0},
		"the stage":         {[]*result.Stage{stage(""), stage("")}, 0, "", 1},
		"after two":         {[]*result.Stage{stage("x"), stage("y"), stage(""), stage("")}, 0, "", 1},
		"an attempt":        {[]*result.Stage{stage("x")}, 1, "attempt 2; the one before does not count: x", 0},
		"all but the stage": {[]*result.Stage{stage("x"), stage("y")}, 1, "the one before does not count: y", 0},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		folder, err := result.Create(dir, result.Run{Planned: 1})
		if err != nil {
			t.Fatal(err)
		}
		subject := &disturbed{}
		command := runCommand()
		command.Writer = io.Discard
		command.Action = func(ctx context.Context, cmd *cli.Command) error {
			s := &session{c: cmd, folder: folder, progress: newProgress(io.Discard, 1), resume: resumable{past: slices.Clone(c.past)}}
			got, err := s.stage(ctx, subject.target(), bench.Plan{Load: bench.Load{Clients: 5}})
			if err == nil && (got.Discarded() != "" || len(s.resume.past) != c.left || !strings.Contains(fmt.Sprint(got.Warnings), c.note)) {
				t.Errorf("%s: %q, %q, %d left", name, got.Discarded(), got.Warnings, len(s.resume.past))
			}
			return err
		}
		if err := command.Run(t.Context(), []string{"run"}); err != nil || subject.ran != c.ran {
			t.Errorf("%s: driven %d times, want %d; %v", name, subject.ran, c.ran, err)
		}
	}
}
