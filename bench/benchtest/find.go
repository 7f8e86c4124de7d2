package benchtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/find"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

const (
	// searched is how many times the plan's level a search goes up to.
	searched = 1000

	// searchBudget is below the time that go test allows by default.
	searchBudget = 5 * time.Minute
)

var capacityUnits sync.Once

// Find searches the capacity of the target, as one sub-benchmark of b: the highest level
// at which the conditions hold in the long run, such as adjusted-p99<50ms,rejected<1%. It
// searches from the plan's level upwards, for 5 minutes at most, and reports capacity/s
// and the two proven levels between which it lies, capacity-low/s and capacity-high/s;
// in closed loads, the units end in clients. It fails b where one of these is not proven.
// Warmup and Duration are those of the search. Run it with -benchtime 1x.
func Find(b *testing.B, p bench.Plan, t Target, conditions string) {
	b.Helper()
	unit := "/s"
	if p.Load.Model() == load.Closed {
		unit = "-clients"
	}
	if benchmarking() {
		capacityUnits.Do(func() {
			for _, name := range []string{"capacity", "capacity-low", "capacity-high"} {
				fmt.Fprintf(os.Stdout, "Unit %s%s better=higher\n", name, unit)
			}
		})
	}
	s, c, err := newSearch(p, conditions)
	if err == nil {
		err = check(bench.Sweep{Plan: p, Levels: []float64{c.Low}}, t)
	}
	if err == nil {
		err = t.request.Endless()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("target=%s/load=%s/find=capacity", t.name, p.Load.Model()), func(sub *testing.B) {
		defer func() {
			if sub.Failed() {
				b.Fail()
			}
		}()
		for sub.Loop() {
			a := capacity(sub, s, c, t)
			if a.Low == 0 || a.High == 0 || a.Outcome == search.Changed {
				sub.Fatalf("no capacity (%s): from %.0f on, %.0f is the highest level proven to meet %s, and %.0f the lowest proven to miss it (0: none)", a.Outcome, c.Low, a.Low, conditions, a.High)
			}
			sub.ReportMetric(0, "ns/op")
			sub.ReportMetric(min(max(a.Estimate, a.Low), a.High), "capacity"+unit)
			sub.ReportMetric(a.Low, "capacity-low"+unit)
			sub.ReportMetric(a.High, "capacity-high"+unit)
		}
	})
}

func newSearch(p bench.Plan, conditions string) (s find.Search, c search.Config, err error) {
	required, err := compare.ParseRequirements(conditions)
	if err != nil {
		return s, c, err
	}
	if s.Conditions, err = find.Conditions(required, p.Load.Model()); err != nil {
		return s, c, err
	}
	s.Plan = p
	most := float64(load.MaxRate)
	if p.Load.Model() == load.Closed {
		most = load.MaxClients
	}
	low := p.Load.Level()
	c, err = s.Config(search.Config{Low: low, High: min(low*searched, most), Precision: find.DefaultPrecision, Confidence: find.DefaultConfidence, Budget: searchBudget})
	return s, c, err
}

// capacity searches once.
func capacity(b *testing.B, s find.Search, c search.Config, t Target) search.Answer {
	target := t.start(b, s.Plan)
	s.Plan = target.plan(s.Plan)
	s.Gone = target.gone
	s.Stage = func(ctx context.Context, p bench.Plan) (*result.Stage, error) {
		return bench.Run(ctx, p, target.driver)
	}
	s.Keep = func(stage *result.Stage) error {
		_, err := kept.begin(b.Name(), s.Plan)
		return errors.Join(err, kept.end(stage))
	}
	r := &search.Record{Target: t.name, Load: s.Plan.Load, Config: c}
	if err := s.Run(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	return r.Answer
}
