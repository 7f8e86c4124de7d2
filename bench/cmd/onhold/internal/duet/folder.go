package duet

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// goEnv are the variables of the environment that change what a go command
// builds, or how a Go program runs.
var goEnv = []string{"GOFLAGS", "GOEXPERIMENT", "GOTOOLCHAIN", "CGO_ENABLED", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG"}

// settings are what tells this comparison from others: pairs of two that differ
// in any are not put together, but for what the sides are called.
func (s *session) settings(e result.Environment) result.Settings {
	cpus := "shared with the generator"
	if n := len(s.TargetCPUs); n > 0 {
		cpus = fmt.Sprintf("%d of their own", n)
	}
	out := result.Settings{
		{Key: "base", Value: s.Base}, {Key: "base-commit", Value: s.sides.BaseCommit},
		{Key: "candidate", Value: s.sides.CandidateName}, {Key: "candidate-commit", Value: s.sides.CandidateCommit}, {Key: "candidate-tree", Value: s.sides.CandidateTree},
		{Key: "seed", Value: strconv.FormatUint(s.Seed, 10)}, {Key: "control", Value: strconv.FormatBool(s.Control)},
		{Key: "measure-identical", Value: strconv.FormatBool(s.MeasureIdentical)},
		{Key: "max-steal", Value: strconv.FormatFloat(s.maxSteal(), 'g', -1, 64)}, {Key: "cpus", Value: cpus},
		{Key: "gate-version", Value: strconv.Itoa(compare.Version)},
		{Key: "machine", Value: fmt.Sprintf("%s, %d CPUs, %s/%s, %s", e.CPU, e.Cores, e.OS, e.Arch, e.Kernel)},
	}
	for _, name := range goEnv {
		if v := os.Getenv(name); v != "" {
			out = append(out, result.Setting{Key: name, Value: v})
		}
	}
	return slices.Concat(out, s.Design.Settings(), s.Policy.Settings(), s.Experiment.settings())
}

// names reports whether a setting says only what a side is called. Its contents
// are what counts: a candidate that was committed meanwhile is still the same.
func names(key string) bool { return key == "base" || key == "candidate" || key == "candidate-commit" }

// flags are those by which a user gives a setting, where it is not called the
// same.
var flags = map[string]string{
	"base-commit": "the commit that --base means", "candidate-tree": "the candidate's source",
	"alpha": "alpha, by which is decided", "looks": "--pairs", "spend": "--pairs", "control": "the control (--no-control)",
	"cpus": "the CPUs of the servers (--no-pin)", "gate-version": "the version of the rules", "machine": "the machine",
	"request": "the request (--method, --path)", result.KeyDuration: "--slice", result.KeyWarmup: "--slice-warmup", "body-bytes": "the length of --body", result.KeyRequest: "the digest of the request (--method, --path, --header, --body)", "packages": "the packages",
}

// called is a setting as the user knows it.
func called(key string) string {
	if name, ok := flags[key]; ok {
		return name
	}
	if slices.Contains(goEnv, key) {
		return key + " in the environment"
	}
	return "--" + key
}

// differ names the first setting in which two comparisons differ whose pairs
// are then not to be mixed, with both values; "" where there is none.
func differ(old, now result.Settings) string {
	for _, kv := range slices.Concat(now, old) {
		if was, is := old.Get(kv.Key), now.Get(kv.Key); was != is && !names(kv.Key) {
			return fmt.Sprintf("%s: was %q there and is %q now", called(kv.Key), was, is)
		}
	}
	return ""
}

// openFolder makes the folder for the record, or goes on with one of the same
// comparison, whose seed it takes where none was asked for.
func (s *session) openFolder() error {
	environment := host.Environment()
	old, err := result.ReadRun(s.Out)
	if errors.Is(err, os.ErrNotExist) {
		if s.Seed == 0 {
			s.Seed = drawSeed()
			s.tell("the seed is %d, which was drawn", s.Seed)
		}
		s.folder, err = result.Create(s.Out, result.Run{
			ID: s.began.Format("20060102-150405"), Command: s.Command, Started: s.began,
			Settings: s.settings(environment), Environment: environment,
		})
		if err != nil {
			return &ConfigError{Err: err}
		}
		return s.openEvents()
	}
	if err != nil {
		return &ConfigError{Err: err}
	}
	if old.Settings.Get("base-commit") == "" {
		return &ConfigError{Err: fmt.Errorf("--out=%s: holds a run that is no comparison: name another folder", s.Out)}
	}
	if s.Seed == 0 {
		if s.Seed, err = strconv.ParseUint(old.Settings.Get("seed"), 10, 64); err != nil {
			return &ConfigError{Err: fmt.Errorf("--out=%s: the seed on record is %q: name another folder", s.Out, old.Settings.Get("seed"))}
		}
	}
	if what := differ(old.Settings, s.settings(environment)); what != "" {
		return &ConfigError{Err: fmt.Errorf("--out=%s: holds the pairs of another comparison, which are not to be mixed with this one's; %s: go on with what it was, or name another folder", s.Out, what)}
	}
	if s.folder, err = result.Continue(s.Out); err != nil {
		return &ConfigError{Err: err}
	}
	return s.openEvents()
}

// drawSeed draws a seed that is short enough to be typed again, and not 0,
// which would mean none.
func drawSeed() uint64 { return 1 + uint64(rand.Uint32N(math.MaxUint32)) }
