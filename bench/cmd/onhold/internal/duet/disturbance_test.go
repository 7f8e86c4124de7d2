package duet

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

func TestDisturbedIsRepeated(t *testing.T) {
	s, f := newSession(t), &fake{value: noise(0.3, 0.01)}
	f.s = s
	f.breach = func(p pairPlan, row int) *disturbance {
		if p.number == 3 && row < 3 {
			return &disturbance{Kind: kindSteal, Arm: compare.Control, Why: "the machine was busy"}
		}
		return nil
	}
	if _, err := s.drive(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if r := s.conclude(nil); r.Repeated != 2 || r.Pairs != 14 || r.Verdict != compare.Regressed || strings.Contains(strings.Join(r.Reasons, " "), "and count all the same") {
		t.Errorf("%d again of %d pairs: %s, %q", r.Repeated, r.Pairs, r.Verdict, r.Reasons)
	}
}

// A machine that disturbs all of the time, or now and then in each pair, gets its
// verdict: what it disturbs counts in the end, and the report says so.
func TestAlwaysDisturbedCounts(t *testing.T) {
	for why, c := range map[string]struct {
		row    int // up to which a slice is disturbed
		again  int
		kept   bool
		kind   kind
		either bool // base and candidate in turn
	}{
		"always, by steal":            {math.MaxInt, 28, true, kindSteal, false},
		"always, by a quota":          {math.MaxInt, 28, true, kindQuota, false},
		"twice in each pair":          {2, 28, false, kindSteal, false},
		"once in each pair, in turn":  {1, 14, false, kindQuota, true},
		"thrice in each pair, though": {3, 28, true, kindClock, false},
	} {
		s, f := newSession(t), &fake{value: noise(0.4, 0.02)}
		f.s = s
		f.breach = func(p pairPlan, row int) *disturbance {
			if row > c.row {
				return nil
			}
			b := &disturbance{Kind: c.kind, Arm: compare.Candidate, Why: "the machine was busy"}
			if c.either && p.number%2 == 0 {
				b.Arm = compare.Base
			}
			return b
		}
		whole, err := s.drive(t.Context(), f)
		r := s.conclude(nil)
		said := strings.Join(r.Reasons, " ")
		if err != nil || !whole || r.Verdict != compare.Regressed || r.Pairs != 14 || r.Repeated != c.again || strings.Contains(said, "14 stages or launches were disturbed and count all the same") != c.kept {
			t.Errorf("%s: %s after %d pairs, %d again, %v: %q", why, r.Verdict, r.Pairs, r.Repeated, err, said)
		}
	}
	// Beyond a fifth of what was planned, which is 29 of 144, nothing is run again.
	s, f := newSession(t), &fake{value: noise(0, 0.05)}
	f.s, s.Patient = s, true
	f.breach = func(_ pairPlan, row int) *disturbance {
		return &disturbance{Kind: kindSteal, Arm: compare.Base, Why: "the machine was busy"}
	}
	if _, err := s.drive(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if r := s.conclude(nil); r.Repeated != 29 || !strings.Contains(strings.Join(r.Reasons, " "), "48 stages or launches were disturbed") {
		t.Errorf("%d again: %q", r.Repeated, r.Reasons)
	}
}

// A slice that is not valid says nothing and cannot count. The pair is begun
// again, and where that is of no use the run ends; a later one goes on.
func TestInvalidStagesCannotCount(t *testing.T) {
	s, f := newSession(t), &fake{value: noise(0.3, 0.01)}
	f.s = s
	tries := 0
	f.breach = func(p pairPlan, row int) *disturbance {
		if row == 1 && p.number == 2 {
			tries++
		}
		if p.number == 2 && tries < 3 {
			return &disturbance{Kind: kindInvalid, Arm: compare.Control, Why: "the generator was late"}
		}
		return nil
	}
	if _, err := s.drive(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if r := s.conclude(nil); r.Verdict != compare.Regressed || r.Repeated != 12 {
		t.Errorf("%s, %d again: %q", r.Verdict, r.Repeated, r.Reasons)
	}
	s, f = newSession(t), &fake{value: noise(0.3, 0.01)}
	f.s = s
	f.breach = func(p pairPlan, row int) *disturbance {
		return &disturbance{Kind: kindInvalid, Arm: compare.Control, Why: "the generator was late"}
	}
	if _, err := s.drive(t.Context(), f); !errors.Is(err, errDisturbed) || len(f.ran) != pairTries || len(s.disturbances) != pairTries*invalidRow {
		t.Errorf("%d tries, %d slices: %v", len(f.ran), len(s.disturbances), err)
	}
	// Now and then, but all of the time.
	s, f = newSession(t), &fake{value: noise(0, 0.05)}
	f.s, s.Patient = s, true
	f.breach = func(p pairPlan, row int) *disturbance {
		if row < invalidRow {
			return &disturbance{Kind: kindInvalid, Arm: compare.Control, Why: "the generator was late"}
		}
		return nil
	}
	if _, err := s.drive(t.Context(), f); !errors.Is(err, errDisturbed) || s.pairs != 28 {
		t.Errorf("after %d pairs: %v", s.pairs, err)
	}
}

// An arm that disturbs the machine is not to be helped by leaving its bad slices
// out. Retries of one slice are not independent of each other, what was kept is
// not left out, and steal comes from outside.
func TestLopsided(t *testing.T) {
	all := func(arm compare.Arm, n, row int, change func(*disturbance)) (out []disturbance) {
		for i := range n {
			for range row {
				b := disturbance{Kind: kindQuota, Arm: arm, Pair: i + 1, Unit: int(arm[0])}
				change(&b)
				out = append(out, b)
			}
		}
		return out
	}
	plain := func(*disturbance) {}
	for _, c := range []struct {
		base, candidate, control, row int
		change                        func(*disturbance)
		invalid                       bool
	}{
		{0, 0, 0, 1, plain, false}, {3, 4, 9, 1, plain, false}, {0, 7, 0, 1, plain, false}, {0, 8, 0, 1, plain, true}, {1, 10, 0, 1, plain, false}, {1, 11, 0, 1, plain, true}, {8, 0, 3, 1, plain, true},
		{1, 4, 0, 3, plain, false}, // 3 against 12 in all
		{0, 7, 0, 3, plain, false},
		{0, 8, 0, 3, plain, true},
		{0, 20, 0, 1, func(b *disturbance) { b.Kind = kindSteal }, false},
		{0, 20, 0, 1, func(b *disturbance) { b.Kind = kindClock }, false},
		{0, 20, 0, 1, func(b *disturbance) { b.Kind = kindInvalid }, true},
		{0, 20, 0, 1, func(b *disturbance) { b.Kept = true }, false},
	} {
		breaches := append(append(all(compare.Base, c.base, c.row, c.change), all(compare.Candidate, c.candidate, c.row, c.change)...), all(compare.Control, c.control, c.row, c.change)...)
		if got := lopsided(breaches); (got != "") != c.invalid {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// The kernel shows stolen time in ticks of 10 ms for each CPU: what these cannot
// show does not disturb.
func TestStealBelowATick(t *testing.T) {
	for _, c := range []struct {
		steal, length time.Duration
		cpus          string
		bound         float64
		disturbed     bool
	}{
		{10 * time.Millisecond, 370 * time.Millisecond, "0", 0.01, false}, // 2.7 % if it were one
		{10 * time.Millisecond, 370 * time.Millisecond, "0-1", 0.01, false},
		{20 * time.Millisecond, 370 * time.Millisecond, "0-1", 0.01, false},
		{30 * time.Millisecond, 370 * time.Millisecond, "0-1", 0.01, true},
		{10 * time.Millisecond, 10 * time.Millisecond, "0", 0.01, false},
		{20 * time.Millisecond, 10 * time.Millisecond, "0", 0.01, true},
		{80 * time.Millisecond, time.Second, "0-7", 0.01, false},
		{100 * time.Millisecond, time.Second, "0-7", 0.01, true},
		{100 * time.Millisecond, 10 * time.Second, "0-1", 0.01, false},
		{100 * time.Millisecond, 10 * time.Second, "", 0.001, true},
		{0, time.Second, "0", 0.01, false},
		{30 * time.Millisecond, 0, "0", 0.01, true},
	} {
		b := stolen(compare.Base, result.Usage{Steal: c.steal, CPUs: c.cpus}, c.length, c.bound)
		if (b != nil) != c.disturbed || b != nil && b.Kind != kindSteal {
			t.Errorf("%+v: %+v", c, b)
		}
	}
}

func TestDisturbedStages(t *testing.T) {
	slice := func(change func(*result.Stage)) *result.Stage {
		s := result.NewStage()
		s.Length = time.Second
		change(s)
		return s
	}
	for why, c := range map[string]struct {
		stage *result.Stage
		want  string
	}{
		"quiet":         {slice(func(*result.Stage) {}), ""},
		"late":          {slice(func(s *result.Stage) { s.Invalidate("the generator was late") }), "the generator was late"},
		"stolen":        {slice(func(s *result.Stage) { s.Target.Steal = 30 * time.Millisecond }), "took at least 2.0 % of a CPU"},
		"a quota":       {slice(func(s *result.Stage) { s.Target.Throttled = result.Throttled{Times: 2, Time: time.Millisecond} }), "a CPU quota stopped the server of the candidate 2 times for 1ms"},
		"one tick":      {slice(func(s *result.Stage) { s.Length, s.Target.Steal = 100*time.Millisecond, 10*time.Millisecond }), ""},
		"hardly stolen": {slice(func(s *result.Stage) { s.Generator.Steal = 5 * time.Millisecond }), ""},
	} {
		b := disturbed(compare.Candidate, c.stage, DefaultMaxSteal)
		if (b == nil) != (c.want == "") || b != nil && (!strings.Contains(b.Why, c.want) || b.Arm != compare.Candidate) {
			t.Errorf("%s: %+v, want %q", why, b, c.want)
		}
	}
}
