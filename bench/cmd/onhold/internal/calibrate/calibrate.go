// Package calibrate measures how far the comparison of two builds can be trusted:
// how often it calls a program worse than itself, and how often it misses a
// regression that was planted in a target of ours. Every run is a whole
// comparison, as package duet makes it, of real servers built from source.
package calibrate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// Plant is a regression that is planted in the candidate.
type Plant struct {
	Flags string // of onhold serve
	About string
}

// Plants are the regressions that are planted in turn: one in the work that a
// request costs, one in the tail of what callers wait.
var Plants = []Plant{
	{"--extra-cpu 40us", "40 µs more CPU per request"},
	{"--extra-delay 20ms@2%", "20 ms more wait for 2 % of the requests"},
}

// plantFile holds the flags, in the source of each side: nothing else tells
// the sides apart.
const plantFile = "planted.flags"

// RunsFile is the record in the folder Out: one line of JSON a run.
const RunsFile = "runs.jsonl"

// Config is what is proven.
type Config struct {
	Repo    string // a clone of this module's repository; what is committed there is compared
	Same    int    // comparisons of the source with itself
	Planted int    // comparisons with a planted regression
	Out     string // folder of the record; runs that it holds already are kept and count
	Seed    uint64

	// Duet is how a comparison is made; Repo, Base, Out and Seed are filled in.
	Duet duet.Config
	// Serve is the server's command, with PLANT where the flags go.
	Serve *duet.Serve

	Progress func(string)
}

// PlantWord is what stands in a command for the planted flags.
const PlantWord = "PLANT"

// Outcome is one run.
type Outcome struct {
	Time     time.Time         `json:"time"`
	Plant    string            `json:"plant,omitempty"` // flags; none: the source against itself
	Commit   string            `json:"commit"`
	Seed     uint64            `json:"seed"`
	Version  int               `json:"gate_version"`
	Verdict  compare.Verdict   `json:"verdict"`
	Exit     int               `json:"exit_code"`
	Pairs    int               `json:"pairs"`
	Redone   int               `json:"redone"`
	Took     float64           `json:"took_s"`
	Reasons  []string          `json:"reasons"`
	Findings []compare.Finding `json:"findings"` // of the metrics that decide, without their pairs
	Error    string            `json:"error,omitempty"`
}

// Run makes the comparisons, those of the two kinds in turn, and returns all
// outcomes that the record then holds.
func Run(ctx context.Context, c Config) (all []Outcome, err error) {
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(c.Out, RunsFile)
	all, err = Read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	own, commit, err := cloned(ctx, c.Repo)
	if err != nil {
		return all, err
	}
	defer own.Remove()
	tree := filepath.Join(own.Path, treeFolder)
	record, err := files.OpenLog(path, false)
	if err != nil {
		return all, err
	}
	var lost error
	defer func() { err = errors.Join(err, lost, record.Close()) }()
	for i, plant := range order(c.Same, c.Planted) {
		number := len(all) + 1
		c.Progress(fmt.Sprintf("run %d of %d: %s", i+1, c.Same+c.Planted, aboutOf(plant)))
		o, err := c.one(ctx, tree, plant, number)
		if ctx.Err() != nil {
			return all, ctx.Err() // a run that was cut short proves nothing
		}
		if _, ok := errors.AsType[*files.Unwritten](err); err != nil && !ok {
			return all, err
		}
		lost = errors.Join(lost, err)
		o.Commit = commit
		line, err := json.Marshal(o)
		if err != nil {
			return all, err
		}
		_ = record.Append(append(line, '\n')) // closing it tells that it could not be written
		all = append(all, o)
		c.Progress(fmt.Sprintf("%s after %d pairs and %.0f s %s", o.Verdict, o.Pairs, o.Took, o.Error))
	}
	return all, nil
}

// order spreads the planted runs evenly among the others, each plant in turn.
func order(same, planted int) (plants []string) {
	for i := range same + planted {
		before, after := i*planted/(same+planted), (i+1)*planted/(same+planted)
		if after > before {
			plants = append(plants, Plants[before%len(Plants)].Flags)
		} else {
			plants = append(plants, "")
		}
	}
	return plants
}

func aboutOf(plant string) string {
	if plant == "" {
		return "the source against itself"
	}
	return "planted: " + plant
}

// one makes one comparison. Its error is a [*files.Unwritten] where the outcome is
// there and not all of the record could be written. A server that does not build or start is one that
// was not valid; a configuration that is wrong is an error.
func (c Config) one(ctx context.Context, tree, plant string, number int) (Outcome, error) {
	o := Outcome{Time: time.Now().UTC().Truncate(time.Second), Plant: plant, Seed: c.Seed + uint64(number), Version: compare.Version}
	if err := os.WriteFile(filepath.Join(tree, plantFile), []byte(plant+"\n"), 0o644); err != nil {
		return o, err
	}
	d := c.Duet
	serve := *c.Serve
	serve.Command = strings.ReplaceAll(serve.Command, PlantWord, "$(cat "+plantFile+")")
	d.Repo, d.Base, d.Seed, d.Experiment = tree, "HEAD", o.Seed, &serve
	d.MeasureIdentical = true // how often it is called worse than itself is the question
	d.Out = filepath.Join(c.Out, fmt.Sprintf("run-%03d", number))
	// What lies there was cut short and is not on record.
	if err := os.RemoveAll(d.Out); err != nil {
		return o, err
	}
	d.Progress = func(e duet.Event) { c.Progress(fmt.Sprintf("  [%d/%d] %s", e.Pair, e.Of, e.What)) }
	report, _, err := duet.Run(ctx, d)
	var wrong *duet.ConfigError
	switch {
	case errors.As(err, &wrong):
		return o, err
	case report == nil:
		o.Verdict, o.Exit, o.Error = compare.Invalid, compare.ExitInvalid, err.Error()
		return o, nil
	}
	o.Verdict, o.Exit, o.Pairs, o.Redone, o.Took, o.Reasons = report.Verdict, report.Exit, report.Pairs, report.Redone, report.Took, report.Reasons
	for _, f := range report.Findings {
		if f.Gated {
			f.Values = nil
			o.Findings = append(o.Findings, f)
		}
	}
	return o, err
}

const treeFolder = "tree"

// cloned makes a clone of what is committed, with the file of planted flags
// committed as empty, in a temporary folder's treeFolder, and returns the commit
// it was made from.
func cloned(ctx context.Context, repo string) (own *scratch.Dir, commit string, err error) {
	if own, err = scratch.New("onhold-prove-"); err != nil {
		return nil, "", err
	}
	tree := filepath.Join(own.Path, treeFolder)
	git := func(dir string, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = dir
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
		err = os.WriteFile(filepath.Join(tree, plantFile), []byte("\n"), 0o644)
	}
	for _, args := range [][]string{{"add", "-f", plantFile}, {"-c", "user.name=prove", "-c", "user.email=prove@localhost", "commit", "--quiet", "-m", "nothing is planted"}} {
		if err == nil {
			_, err = git(tree, args...)
		}
	}
	if err != nil {
		return nil, "", errors.Join(err, own.Remove())
	}
	return own, commit, nil
}

// Read reads a record of runs.
func Read(path string) (all []Outcome, err error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o Outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return all, fmt.Errorf("%s: line %d: %w", path, len(all)+1, err)
		}
		all = append(all, o)
	}
	return all, lines.Err()
}
