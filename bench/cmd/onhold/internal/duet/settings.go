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
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// Settings of a comparison's run. Those that a user gives are called as the flags.
const (
	keyBase            = "base"
	keyBaseCommit      = "base-commit"
	keyCandidate       = "candidate"
	keyCandidateCommit = "candidate-commit"
	keySeed            = "seed"
	keyControl         = "control"
	keyVersion         = "gate-version"
	keyPackages        = "packages" // the first setting of a GoBench
	keyBuild           = "build"    // the first setting of a Serve
	keyServe           = "serve"
	keyRounds          = "rounds"
)

// goEnv are the variables of the environment that change what a go command builds,
// or how a Go program runs.
var goEnv = []string{"GOFLAGS", "GOEXPERIMENT", "GOTOOLCHAIN", "CGO_ENABLED", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG"}

// settings distinguish this comparison from others: pairs are mixed only where all
// are equal but for the names of the sides.
func (s *session) settings(e result.Environment) result.Settings {
	cpus := "shared with the generator"
	if n := len(s.TargetCPUs); n > 0 {
		cpus = fmt.Sprintf("%d of their own", n)
	}
	out := result.Settings{
		{Key: keyBase, Value: s.Base}, {Key: keyBaseCommit, Value: s.sides.BaseCommit},
		{Key: keyCandidate, Value: s.sides.CandidateName}, {Key: keyCandidateCommit, Value: s.sides.CandidateCommit}, {Key: "candidate-tree", Value: s.sides.CandidateTree},
		{Key: keySeed, Value: strconv.FormatUint(s.Seed, 10)}, {Key: keyControl, Value: strconv.FormatBool(s.Control)},
		{Key: "measure-identical", Value: strconv.FormatBool(s.MeasureIdentical)},
		{Key: "max-steal", Value: strconv.FormatFloat(s.maxSteal(), 'g', -1, 64)}, {Key: "cpus", Value: cpus},
		{Key: keyVersion, Value: strconv.Itoa(compare.Version)},
		{Key: "machine", Value: fmt.Sprintf("%s, %d CPUs, %s/%s, %s", e.CPU, e.Cores, e.OS, e.Arch, e.Kernel)},
	}
	for _, name := range goEnv {
		if v := os.Getenv(name); v != "" {
			out = append(out, result.Setting{Key: name, Value: v})
		}
	}
	return slices.Concat(out, s.Design.Settings(), s.Policy.Settings(), s.Experiment.settings())
}

// isName reports whether a setting is only a name of a side. Its contents count: a
// candidate that was committed meanwhile is still the same.
func isName(key string) bool {
	return key == keyBase || key == keyCandidate || key == keyCandidateCommit
}

// inWords are settings that no flag has the name of.
var inWords = map[string]string{
	keyBaseCommit: "the base's commit", "candidate-tree": "the candidate's source", "looks": "pairs", "spend": "pairs",
	"cpus": "the CPUs of the servers", keyVersion: "the version of the rules", "machine": "the machine",
	"request": "the request", result.KeyRequest: "the digest of the request", result.KeyBodyBytes: "the length of the body",
}

// differ describes the first setting in which two comparisons differ so that their
// pairs must not be mixed; "" where there is none.
func differ(old, now result.Settings) string {
	for _, kv := range slices.Concat(now, old) {
		if was, is := old.Get(kv.Key), now.Get(kv.Key); was != is && !isName(kv.Key) {
			name := kv.Key
			if words, ok := inWords[name]; ok {
				name = words
			}
			return fmt.Sprintf("%s: %q in the record, %q now", name, was, is)
		}
	}
	return ""
}

// openFolder makes the folder for the record, or continues one of the same
// comparison, with its seed where none is given.
func (s *session) openFolder() error {
	environment := host.Environment()
	wrong := func(format string, args ...any) error {
		return &ConfigError{Err: field.Check(false, "Out", s.Out, fmt.Sprintf("another folder: this one holds "+format, args...))}
	}
	old, err := result.ReadRun(s.Out)
	if errors.Is(err, os.ErrNotExist) {
		if s.Seed == 0 {
			s.Seed = drawSeed()
			s.log("random seed: %d", s.Seed)
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
	if old.Settings.Get(keyBaseCommit) == "" {
		return wrong("a run that is not a comparison")
	}
	if s.Seed == 0 {
		if s.Seed, err = strconv.ParseUint(old.Settings.Get(keySeed), 10, 64); err != nil {
			return wrong("a record with the seed %q", old.Settings.Get(keySeed))
		}
	}
	if what := differ(old.Settings, s.settings(environment).Redacted()); what != "" {
		return wrong("the pairs of another comparison (%s); or continue that one with the settings it had", what)
	}
	if s.folder, err = result.Continue(s.Out); err != nil {
		return &ConfigError{Err: err}
	}
	return s.openEvents()
}

// drawSeed draws a seed that is short enough to type, and not 0, which means none.
func drawSeed() uint64 { return 1 + uint64(rand.Uint32N(math.MaxUint32)) }
