package compare

import (
	"maps"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/result"
)

// shiftQuantiles show whether all requests take longer, or a few.
var shiftQuantiles = []float64{0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}

// shiftAlpha of each bound gives a 95 % interval.
const shiftAlpha = 0.025

// AddShifts adds the change of each latency quantile to the findings on p99, from
// the stages of a comparison with pairs. The stages of an arm are merged for each
// pair. The intervals are those of the exact signed-rank test over pairs; each
// holds for its quantile alone, so they never decide.
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
