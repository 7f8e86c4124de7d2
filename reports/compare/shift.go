package compare

import (
	"maps"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/result"
)

// shiftQuantiles are those of which the change is told: they show whether all
// callers wait longer, or a few.
var shiftQuantiles = []float64{0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}

// shiftAlpha makes two bounds a 95 % interval.
const shiftAlpha = 0.025

// AddShifts finds out where in the distribution of latency a change sits, from
// the stages of a comparison with pairs, and adds it to the findings on p99. Of
// each pair the slices of an arm are merged; the interval is that of the exact
// signed-rank test over pairs, so it holds for each quantile by itself and not
// for all at once: it informs.
func (r *Report) AddShifts(stages []*result.Stage) {
	type launch struct {
		scenario string
		pair     int
	}
	hists := map[launch]map[Arm]*result.Hist{}
	for _, s := range stages {
		pair, arm := s.Settings.Int(result.KeyPair), Arm(s.Settings.Get(result.KeyArm))
		if pair == 0 || s.Discarded() != "" || arm != Base && arm != Candidate {
			continue
		}
		l := launch{ScenarioOf(s.TargetName(), s.Load(), s.Level()), pair}
		if hists[l] == nil {
			hists[l] = map[Arm]*result.Hist{}
		}
		if hists[l][arm] == nil {
			hists[l][arm] = result.NewHist()
		}
		hists[l][arm].Merge(s.Latency)
	}
	changes := map[string]map[float64][]float64{}
	for _, l := range slices.SortedFunc(maps.Keys(hists), func(a, b launch) int { return a.pair - b.pair }) {
		base, candidate := hists[l][Base], hists[l][Candidate]
		if base == nil || candidate == nil {
			continue
		}
		if changes[l.scenario] == nil {
			changes[l.scenario] = map[float64][]float64{}
		}
		for _, q := range shiftQuantiles {
			if b, c := base.Quantile(q), candidate.Quantile(q); b > 0 && c > 0 && base.Resolved(q) && candidate.Resolved(q) {
				changes[l.scenario][q] = append(changes[l.scenario][q], math.Log(float64(c)/float64(b)))
			}
		}
	}
	for i, f := range r.Findings {
		if f.Unit != "p99-ns" {
			continue
		}
		for _, q := range shiftQuantiles {
			d := changes[f.Scenario][q]
			if len(d) == 0 {
				continue
			}
			low, high := exact.SignedRankBounds(d, shiftAlpha)
			r.Findings[i].Shift = append(r.Findings[i].Shift, Shift{q, Ratio.share(exact.HodgesLehmann(d)), Bound(Ratio.share(low)), Bound(Ratio.share(high))})
		}
	}
}
