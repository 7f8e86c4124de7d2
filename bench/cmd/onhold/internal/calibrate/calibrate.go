// Package calibrate measures how far the comparison of two builds can be
// trusted: how often it reports a regression in a program compared with itself (a
// false alarm), and how often it does not report one that was injected (a miss).
// Every run is a complete comparison by package duet, of servers built from source.
// Begin with [Calibrate].
package calibrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
)

// Injection is a regression that is injected into the candidate.
type Injection struct {
	Name  string // in the record
	Flags string // of onhold serve
	About string
}

// Injections are used in turn: one adds to the work of a request, the other to
// the tail of the latency.
var Injections = []Injection{
	{"cpu", "--inject-cpu 40us", "40 µs more CPU per request"},
	{"delay", "--inject-delay 20ms@2%", "20 ms more wait for 2 % of the requests"},
}

// none is what an identical pair of programs has.
var none = Injection{About: "nothing: the source against itself"}

const (
	// RunsFile is the record in the folder Out: one line of JSON per run.
	RunsFile = "runs.jsonl"
	// Placeholder is replaced by the injected flags in a server's command.
	Placeholder = "INJECT"
	// flagsFile holds the flags, in the source of each side. Nothing else differs
	// between the sides.
	flagsFile = "injected.flags"
	// treeFolder is the clone in the temporary folder.
	treeFolder = "tree"
)

// Config is what is measured.
type Config struct {
	Repo      string // a clone of this module's repository; what is committed there is compared
	Identical int    // comparisons of the source with itself
	Injected  int    // comparisons with an injected regression
	Out       string // folder of the record; runs that it holds already are kept and count
	Seed      uint64

	// Duet is how a comparison is made; Repo, Base, Out and Seed are filled in.
	Duet duet.Config
	// Serve is the server, with Placeholder in its command.
	Serve *duet.Serve

	Progress func(string)
}

// Run is one comparison, as it is recorded.
type Run struct {
	Time     time.Time         `json:"time"`
	Injected string            `json:"injected,omitempty"` // name of the injection; empty: the source against itself
	Commit   string            `json:"commit"`
	Seed     uint64            `json:"seed"`
	Version  int               `json:"gate_version"`
	Verdict  compare.Verdict   `json:"verdict"`
	Exit     int               `json:"exit_code"`
	Pairs    int               `json:"pairs"`
	Repeated int               `json:"repeated"`
	Took     float64           `json:"took_s"`
	Reasons  []string          `json:"reasons"`
	Findings []compare.Finding `json:"findings"` // of the gated metrics, without their pairs
	Error    string            `json:"error,omitempty"`
}

// Count returns how often the rules of a version were wrong, and how many of
// their runs were not valid.
func Count(all []Run, version int) (c compare.Calibration, invalid int) {
	c.Version = version
	for _, r := range all {
		failed := r.Verdict.ExitCode() == compare.ExitRegressed
		rate, wrong := &c.Identical, failed
		if r.Injected != "" {
			rate, wrong = &c.Injected, !failed
		}
		switch {
		case r.Version != version:
		case r.Verdict == compare.Invalid:
			invalid++
		default:
			rate.Runs++
			if wrong {
				rate.Count++
			}
		}
	}
	return c, invalid
}

// Calibrate makes the comparisons, spread evenly, and returns all runs that the
// record then holds.
func Calibrate(ctx context.Context, c Config) (all []Run, err error) {
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(c.Out, RunsFile)
	all, err = Read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	dir, commit, err := clone(ctx, c.Repo)
	if err != nil {
		return all, err
	}
	defer dir.Remove()
	tree := filepath.Join(dir.Path, treeFolder)
	record, err := files.OpenLog(path, false)
	if err != nil {
		return all, err
	}
	var unwritten error
	defer func() { err = errors.Join(err, unwritten, record.Close()) }()
	for i, injection := range order(c.Identical, c.Injected) {
		c.Progress(fmt.Sprintf("run %d of %d: injects %s", i+1, c.Identical+c.Injected, injection.About))
		run, err := c.one(ctx, tree, injection, len(all)+1)
		if ctx.Err() != nil {
			return all, ctx.Err() // an interrupted run does not count
		}
		if _, ok := errors.AsType[*files.Unwritten](err); err != nil && !ok {
			return all, err
		}
		unwritten = errors.Join(unwritten, err)
		run.Commit = commit
		line, err := json.Marshal(run)
		if err != nil {
			return all, err
		}
		_ = record.Append(append(line, '\n')) // Close returns the error
		all = append(all, run)
		c.Progress(fmt.Sprintf("%s after %d pairs and %.0f s %s", run.Verdict, run.Pairs, run.Took, run.Error))
	}
	return all, nil
}

// order spreads the runs with an injection evenly among the others, each
// injection in turn.
func order(identical, injected int) (all []Injection) {
	for i := range identical + injected {
		before, after := i*injected/(identical+injected), (i+1)*injected/(identical+injected)
		if after > before {
			all = append(all, Injections[before%len(Injections)])
		} else {
			all = append(all, none)
		}
	}
	return all
}

// one makes one comparison. A server that does not build or start makes the run
// not valid. The error is a wrong configuration, or a [*files.Unwritten] where the
// run was made and not all of its record could be written.
func (c Config) one(ctx context.Context, tree string, injection Injection, number int) (Run, error) {
	run := Run{Time: time.Now().UTC().Truncate(time.Second), Injected: injection.Name, Seed: c.Seed + uint64(number), Version: compare.Version}
	if err := os.WriteFile(filepath.Join(tree, flagsFile), []byte(injection.Flags+"\n"), 0o644); err != nil {
		return run, err
	}
	d := c.Duet
	serve := *c.Serve
	serve.Command = strings.ReplaceAll(serve.Command, Placeholder, "$(cat "+flagsFile+")")
	d.Repo, d.Base, d.Seed, d.Experiment = tree, "HEAD", run.Seed, &serve
	d.MeasureIdentical = true // whether the measurement differs is the question
	d.Out = filepath.Join(c.Out, fmt.Sprintf("run-%03d", number))
	// An interrupted run left this folder and is not in the record.
	if err := os.RemoveAll(d.Out); err != nil {
		return run, err
	}
	d.Progress = func(e duet.Event) { c.Progress(fmt.Sprintf("  [%d/%d] %s", e.Pair, e.Of, e.What)) }
	report, _, err := duet.Run(ctx, d)
	var wrong *duet.ConfigError
	switch {
	case errors.As(err, &wrong):
		return run, err
	case report == nil:
		run.Verdict, run.Exit, run.Error = compare.Invalid, compare.ExitInvalid, err.Error()
		return run, nil
	}
	run.Verdict, run.Exit, run.Pairs, run.Repeated, run.Took, run.Reasons = report.Verdict, report.Exit, report.Pairs, report.Repeated, report.Took, report.Reasons
	for _, f := range report.Findings {
		if f.Gated {
			f.Values = nil
			run.Findings = append(run.Findings, f)
		}
	}
	return run, err
}

// clone makes a clone of what is committed, with an empty flagsFile committed, in
// a temporary folder's treeFolder, and returns the commit it was made from.
func clone(ctx context.Context, repo string) (dir *scratch.Dir, commit string, err error) {
	if dir, err = scratch.New("onhold-calibrate-"); err != nil {
		return nil, "", err
	}
	tree := filepath.Join(dir.Path, treeFolder)
	git := func(in string, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = in
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
		}
		return strings.TrimSpace(string(out)), nil
	}
	if commit, err = git(repo, "rev-parse", "HEAD"); err == nil {
		_, err = git(repo, "clone", "--quiet", "--no-hardlinks", ".", tree)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(tree, flagsFile), []byte("\n"), 0o644)
	}
	for _, args := range [][]string{{"add", "-f", flagsFile}, {"-c", "user.name=calibrate", "-c", "user.email=calibrate@localhost", "commit", "--quiet", "-m", "inject nothing"}} {
		if err == nil {
			_, err = git(tree, args...)
		}
	}
	if err != nil {
		return nil, "", errors.Join(err, dir.Remove())
	}
	return dir, commit, nil
}

// Read reads a record of runs.
func Read(path string) (all []Run, err error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for records := json.NewDecoder(f); ; {
		var r Run
		if err := records.Decode(&r); err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, fmt.Errorf("%s: line %d: %w", path, len(all)+1, err)
		}
		all = append(all, r)
	}
}
