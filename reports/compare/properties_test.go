package compare_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/compare"
)

// some are a metric and pairs of it, with ties and without.
func some(t *rapid.T) compare.Series {
	unit := rapid.SampledFrom([]string{"p99-ns", "cpu-ns/req", "rejected-ppm"}).Draw(t, "unit")
	n := rapid.SampledFrom([]int{9, 13, 14, 17, 20, 32, 40, 48, 50}).Draw(t, "pairs")
	worse := rapid.SampledFrom([]float64{-0.15, -0.04, -0.02, 0, 0.005, 0.025, 0.05, 0.15}).Draw(t, "worse")
	noise := rapid.SampledFrom([]float64{0, 0.0005, 0.005, 0.02, 0.08}).Draw(t, "noise")
	round := rapid.Bool().Draw(t, "round")
	s := compare.Series{Scenario: "s", Metric: compare.MetricOf(unit, false)}
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for i := range n {
		p := compare.Pair{Number: i + 1, Base: 1e5 * math.Exp(noise*r.NormFloat64()), Candidate: 1e5 * math.Exp(worse+noise*r.NormFloat64())}
		if round {
			p.Base, p.Candidate = asInHistogram(p.Base), asInHistogram(p.Candidate)
		}
		s.Pairs = append(s.Pairs, p)
	}
	return s
}

// decided is what is said of a series.
func decided(s compare.Series) compare.Finding {
	return compare.Decide(compare.DefaultDesign(), []compare.Series{s})[0]
}

// alike fails where two findings differ by more than rounding may. A bound at
// the very margin may fall on either side of it: then there is nothing to say.
func alike(t *rapid.T, what string, got, want compare.Finding) {
	const rounding = 1e-9
	for _, edge := range []float64{want.Margin, want.Tolerance} {
		edge = inLog(want, edge)
		for _, b := range []compare.Bound{want.Lower, want.Upper} {
			if math.Abs(math.Abs(inLog(want, float64(b)))-edge) < rounding {
				t.Skip("a bound is at an edge")
			}
		}
	}
	close := func(a, b float64) bool { return a == b || math.Abs(a-b) < rounding }
	if got.Verdict != want.Verdict || got.Look != want.Look || got.Pairs != want.Pairs ||
		!close(float64(got.Estimate), float64(want.Estimate)) || !close(float64(got.Lower), float64(want.Lower)) || !close(float64(got.Upper), float64(want.Upper)) {
		t.Errorf("%s: %s at look %d by %g (%g to %g), want %s at look %d by %g (%g to %g)", what,
			got.Verdict, got.Look, float64(got.Estimate), float64(got.Lower), float64(got.Upper),
			want.Verdict, want.Look, float64(want.Estimate), float64(want.Lower), float64(want.Upper))
	}
}

// inLog is a change on the scale on which is decided.
func inLog(f compare.Finding, v float64) float64 {
	if f.Scale == compare.Points || math.IsInf(v, 0) {
		return v
	}
	return math.Log1p(v)
}

func outOfLog(f compare.Finding, v float64) float64 {
	if f.Scale == compare.Points || math.IsInf(v, 0) {
		return v
	}
	return math.Expm1(v)
}

// A pair's own speed does not matter: of ratios a factor that both arms share,
// of shares an amount.
func TestWhatAPairSharesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := some(t)
		moved := s
		moved.Pairs = slices.Clone(s.Pairs)
		for i := range moved.Pairs {
			p := &moved.Pairs[i]
			if s.Metric.Scale == compare.Points {
				by := rapid.Float64Range(0, 1e5).Draw(t, "by")
				p.Base, p.Candidate = p.Base+by, p.Candidate+by
				continue
			}
			by := rapid.Float64Range(0.1, 10).Draw(t, "by")
			p.Base, p.Candidate = p.Base*by, p.Candidate*by
		}
		alike(t, "moved", decided(moved), decided(s))
	})
}

// With base and candidate swapped everything is reported the other way round.
func TestSwappedIsMirrored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := some(t)
		swapped := s
		swapped.Pairs = slices.Clone(s.Pairs)
		for i, p := range s.Pairs {
			swapped.Pairs[i].Base, swapped.Pairs[i].Candidate = p.Candidate, p.Base
		}
		want, got := decided(s), decided(swapped)
		mirror := func(v float64) float64 { return outOfLog(want, -inLog(want, v)) }
		want.Lower, want.Upper = compare.Bound(mirror(float64(want.Upper))), compare.Bound(mirror(float64(want.Lower)))
		want.Estimate = compare.Bound(mirror(float64(want.Estimate)))
		switch {
		case want.Verdict == compare.Regressed || want.Verdict == compare.Minor:
			want.Verdict = compare.Improved
		case want.Verdict == compare.Improved && float64(want.Upper) >= want.Tolerance:
			want.Verdict = compare.Regressed
		case want.Verdict == compare.Improved:
			want.Verdict = compare.Minor
		}
		alike(t, "swapped", got, want)
	})
}

// Within a look the order of pairs does not matter.
func TestOrderWithinALookDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := some(t)
		mixed := s
		mixed.Pairs = slices.Clone(s.Pairs)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		from := 0
		for _, upto := range append(compare.DefaultDesign().Looks, len(s.Pairs)) {
			if upto = min(upto, len(s.Pairs)); upto > from {
				part := mixed.Pairs[from:upto]
				r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
				from = upto
			}
		}
		alike(t, "mixed", decided(mixed), decided(s))
	})
}

// It is the same whether it is asked after every look or once at the end.
func TestAskedOnceOrOften(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := some(t)
		for len(s.Pairs) < most {
			s.Pairs = append(s.Pairs, s.Pairs...)
		}
		s.Pairs = s.Pairs[:most]
		often := playLive(compare.DefaultDesign(), []compare.Series{s})
		once := compare.Conclude(compare.DefaultDesign(), []compare.Series{s}, nil, nil)
		alike(t, "once", once.Findings[0], often.Findings[0])
		if quick := play(compare.DefaultDesign(), []compare.Series{s}); quick.Verdict != often.Verdict || quick.Pairs != often.Pairs {
			t.Errorf("played quickly %s after %d pairs, live %s after %d", quick.Verdict, quick.Pairs, often.Verdict, often.Pairs)
		}
		if once.Verdict != often.Verdict || once.Exit != often.Exit {
			t.Errorf("once %s with exit code %d, often %s with %d", once.Verdict, once.Exit, often.Verdict, often.Exit)
		}
	})
}
