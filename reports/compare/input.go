package compare

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/perf/benchfmt"
)

// FromStages reads samples from stages. The arm and the pair of a stage are settings;
// without them it belongs to arm, and to no pair. The
// slices of one launch are merged. Stages that were discarded are left out;
// invalid names stages that are not valid, which no comparison may pass over.
func FromStages(stages []*result.Stage, arm Arm) (samples []Sample, invalid []string) {
	type launch struct {
		scenario string
		arm      Arm
		pair     int
		repeat   int // separates launches that belong to no pair
	}
	launches := map[launch][]*result.Stage{}
	var order []launch
	for i, s := range stages {
		if s.Discarded() != "" {
			continue
		}
		l := launch{scenario: ScenarioOf(s.TargetName(), s.Load(), s.Level()), arm: arm, pair: s.Settings.Int(result.KeyPair)}
		if a := s.Settings.Get(result.KeyArm); a != "" {
			l.arm = Arm(a)
		}
		if l.pair == 0 {
			l.repeat = i + 1
		}
		if !s.Valid() {
			invalid = append(invalid, fmt.Sprintf("a stage of the %s is not valid (%s): %s", l.arm, l.scenario, strings.Join(s.Invalid, "; ")))
			continue
		}
		if launches[l] == nil {
			order = append(order, l)
		}
		launches[l] = append(launches[l], s)
	}
	for _, l := range order {
		merged := result.Merge(launches[l])
		for _, m := range result.Metrics {
			if v, ok := m.BenchValue(merged); ok {
				samples = append(samples, Sample{Scenario: l.scenario, Unit: m.Bench, Higher: m.Higher, Arm: l.arm, Pair: l.pair, Value: v, Driven: merged.Settings.Driven()})
			}
		}
	}
	return samples, invalid
}

// ProcsKey is a configuration key of benchmark text: "none" says that names do not
// end in a number of CPUs.
const ProcsKey = "procs"

// faults are the errors in a text, of which the first are kept.
type faults struct {
	first []error
	more  int
}

func (f *faults) add(err error) {
	const most = 20
	if len(f.first) < most {
		f.first = append(f.first, err)
	} else {
		f.more++
	}
}

func (f *faults) err() error {
	if f.more > 0 {
		return errors.Join(append(f.first, fmt.Errorf("and %d more", f.more))...)
	}
	return errors.Join(f.first...)
}

// ReadBench reads samples from Go benchmark text, which may have other output between
// its lines. The arm and the pair of a line are the configuration keys arm and pair;
// without them it belongs to arm, and to no pair. Iterations are not a figure, and a
// number out of range is infinite. A line that begins like a benchmark and is none is
// an error with its number.
//
// Where the text contains several packages, their paths are part of the scenario.
// Names are as in the text: see [WithoutProcs].
func ReadBench(r io.Reader, name string, arm Arm) (samples []Sample, err error) {
	var lines BenchLines
	text := readBenchLines(r, &lines)
	defer text.Close()
	reader := benchfmt.NewReader(text, name)
	var wrong faults
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.Result:
			from := Sample{Scenario: string(rec.Name.Full()), Arm: arm, NoProcs: rec.GetConfig(ProcsKey) == "none", Package: rec.GetConfig("pkg")}
			if a := rec.GetConfig("arm"); a != "" {
				from.Arm = Arm(a)
			}
			if p := rec.GetConfig("pair"); p != "" {
				if from.Pair, err = strconv.Atoi(p); err != nil || from.Pair < 1 {
					return nil, fmt.Errorf("%s: pair: %q: want a whole number of at least 1", name, p)
				}
			}
			for _, v := range rec.Values {
				s := from
				s.Unit, s.Value = v.Unit, v.Value
				if v.OrigUnit != "" { // as it stands in the text, not in the library's base units
					s.Unit, s.Value = v.OrigUnit, v.OrigValue
				}
				samples = append(samples, s)
			}
			if len(samples) > benchesMax {
				return nil, fmt.Errorf("%s: has more than %d figures, the maximum", name, benchesMax)
			}
		case *benchfmt.SyntaxError:
			wrong.add(rec)
		}
	}
	for _, line := range lines.bad {
		wrong.add(fmt.Errorf("%s:%d: the line begins like a benchmark and has no figures", name, line))
	}
	for _, f := range lines.Failures {
		wrong.add(fmt.Errorf("%s: %s failed: %s", name, f.Name, strings.TrimSpace(f.Output)))
	}
	for _, broken := range lines.Broken {
		wrong.add(fmt.Errorf("%s: %s: its figures cannot be separated from its output", name, broken))
	}
	if err := errors.Join(wrong.err(), reader.Err()); err != nil {
		return nil, err
	}
	units := reader.Units()
	if severalPackages(samples) {
		namePackages(samples)
	}
	for i := range samples {
		samples[i].Higher = strings.HasSuffix(samples[i].Unit, "/s")
		if better := units.GetBetter(samples[i].Unit); better != 0 {
			samples[i].Higher = better > 0
		}
	}
	return samples, nil
}

func severalPackages(samples []Sample) bool {
	return slices.ContainsFunc(samples, func(s Sample) bool { return s.Package != samples[0].Package })
}

func namePackages(samples []Sample) {
	for i, s := range samples {
		if s.Package != "" {
			samples[i].Scenario = s.Package + "." + s.Scenario
		}
	}
}
