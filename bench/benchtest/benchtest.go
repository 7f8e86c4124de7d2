// Package benchtest runs stages of load as Go benchmarks. Their metrics are read
// by benchstat and the tools around it.
//
//	func BenchmarkOrders(b *testing.B) {
//		plan := bench.Plan{Load: bench.Load{Rate: 200}, Warmup: time.Second, Duration: 5 * time.Second}
//		benchtest.Run(b, plan, benchtest.Handler(orders))
//	}
//
// How it works:
//
//  1. A [Target] is what is driven: a handler, which is served in this process,
//     an address, or anything that a [bench.Dial] connects to.
//  2. [Run] drives one level and [Sweep] several. Each is a sub-benchmark,
//     /target=handler/load=poisson/level=200, and one op of it is one stage: run
//     it with -benchtime 1x and, for statistics, -count. Several ops are
//     merged into one figure.
//  3. The metrics are those of [result.Metrics]. A metric that is not known for a target
//     is absent. A stage that is not valid fails the benchmark with the reason,
//     and has no metrics at all.
//     What the machine disturbed is left out: a stage runs on until its Duration is
//     undisturbed, at most three times as long unless the plan's Extend says otherwise,
//     and is run again where even then less than half of it is.
//  4. [Find] searches the highest level that meets requirements.
//  5. The flag -onhold.out DIR keeps every stage in a run folder, which the
//     command's report draws.
//
// The lines that say which direction of a unit is the better one are printed
// once, before the first sub-benchmark or by [Main]. Anything that is printed
// later lands between a benchmark's name and its numbers, so a service under
// test must not write to standard output.
//
// A handler shares its process, its CPUs and its garbage collector with the
// generator. Its CPU time is that of the process less that of the generator's
// event loops; where there are none (https, Dial, systems other than Linux)
// the two cannot be separated, and there is no cpu-ns/req. Its allocations are
// those of the process: the generator makes next to none for a request. While a
// stage is driven Go may run at least three goroutines at once, whatever -cpu
// says, as the generator needs one of them for itself. Nothing is pinned but
// the generator's own threads, which end with the stage.
package benchtest

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/retry"
	"github.com/a628bb15/onhold/reports/result"
)

// again is what is left of the further runs of stages, of all benchmarks of the process.
var again retry.Budget

// Run drives the target by the plan, as one sub-benchmark of b. It fails b where
// the plan or the target is invalid; the error names the field. It sets the plan's
// Repeat, and TargetPID where it is known.
func Run(b *testing.B, p bench.Plan, t Target) {
	b.Helper()
	Sweep(b, bench.Sweep{Plan: p, Levels: []float64{p.Load.Level()}}, t)
}

// Sweep drives the target at each level, as a sub-benchmark of b each, as Run
// does.
func Sweep(b *testing.B, s bench.Sweep, t Target) {
	b.Helper()
	printUnits()
	if err := check(s, t); err != nil {
		b.Fatal(err)
	}
	for p := range s.Plans() {
		b.Run(lineName(p, t), func(sub *testing.B) {
			// Of -count 2 package testing would let the second fail and say PASS.
			defer func() {
				if sub.Failed() {
					b.Fail()
				}
			}()
			line(sub, p, t)
		})
	}
}

// check validates plans and target before anything is started.
func check(s bench.Sweep, t Target) error {
	if len(s.Levels) == 0 {
		return fmt.Errorf("levels: there are none, want at least one")
	}
	if err := s.Plan.Validate(); err != nil {
		return err
	}
	for p := range s.Plans() {
		if err := p.Validate(); err != nil {
			return err
		}
	}
	return t.check()
}

// lineName names one line of the output. It ends in a key and its value, which
// is not the number that readers of the format take for GOMAXPROCS.
func lineName(p bench.Plan, t Target) string {
	return fmt.Sprintf("target=%s/load=%s/level=%s", t.name, p.Load.Model(), strconv.FormatFloat(p.Load.Level(), 'f', -1, 64))
}

// line is one sub-benchmark: one line of the output, unless it fails.
func line(b *testing.B, p bench.Plan, t Target) {
	s := t.start(b, p)
	p = s.plan(p)
	if err := bench.CheckLimits(p, s.driver); err != nil {
		b.Fatal(err)
	}
	var stages []*result.Stage
	for b.Loop() {
		stages = append(stages, stage(b, p, s))
	}
	all := result.Merge(stages)
	b.ReportMetric(0, "ns/op") // the length of a stage is no result
	for _, m := range result.Metrics {
		if v, ok := m.BenchValue(all); ok {
			b.ReportMetric(v, m.Bench)
		}
	}
}

// stage runs one stage, again where the machine disturbed it, keeps it in the run
// folder, and fails b where it is not valid.
func stage(b *testing.B, p bench.Plan, s *served) *result.Stage {
	p.Extend = cmp.Or(p.Extend, bench.DefaultExtend)
	p, err := kept.begin(b.Name(), p)
	if err != nil {
		b.Fatal(err)
	}
	var got, before *result.Stage
	for attempt := 1; ; attempt++ {
		if got, err = bench.Run(b.Context(), p, s.driver); err != nil {
			b.Fatal(err)
		}
		if before != nil {
			got.Again(before)
		}
		if !again.Again(retry.Most, attempt, got.Disturbed) {
			break
		}
		if err := s.gone(b.Context()); err != nil {
			got.InvalidateFirst("the target has died, so the stage was not run again: %v", err)
			break
		}
		got.Discard(got.Invalid[0])
		if err := kept.discard(got); err != nil {
			b.Fatal(err)
		}
		before = got
	}
	if err := kept.end(got); err != nil {
		b.Fatal(err)
	}
	if nothing := got.ServedNothing(); nothing != "" {
		b.Fatalf("the target %s", nothing)
	}
	if !got.Valid() {
		b.Fatalf("%s: %s", result.NotValid, strings.Join(got.Notes(), "; "))
	}
	return got
}
