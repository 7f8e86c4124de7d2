package compare

import (
	"math"

	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/result"
)

// shiftQuantiles show whether all requests take longer, or a few.
var shiftQuantiles = []float64{0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}

// shiftAlpha of each bound gives a 95 % interval.
const shiftAlpha = 0.025

// AddStages adds what the stages of a comparison with pairs show beside its samples.
func (r *Report) AddStages(stages []*result.Stage) {
	r.addShifts(stages)
	r.addLimits(stages)
}

// addShifts adds the change of each latency quantile to the findings on p99, from
// the stages of a comparison with pairs. The stages of an arm are merged for each
// pair. The intervals are those of the exact signed-rank test over pairs; each
// holds for its quantile alone, so they never decide.
func (r *Report) addShifts(stages []*result.Stage) {
	type launch struct {
		scenario string
		pair     int
		arm      Arm
	}
	hists := map[launch]*result.Hist{}
	for _, s := range stages {
		l := launch{ScenarioOf(s.TargetName(), s.Load(), s.Level()), s.Settings.Int(result.KeyPair), Arm(s.Settings.Get(result.KeyArm))}
		if l.pair == 0 || s.Discarded() != "" {
			continue
		}
		if hists[l] == nil {
			hists[l] = result.NewHist()
		}
		hists[l].Merge(s.Shown().Latency)
	}
	type figure struct {
		scenario string
		quantile float64
	}
	changes := map[figure][]float64{}
	for l, base := range hists {
		candidate := hists[launch{l.scenario, l.pair, Candidate}]
		if l.arm != Base || candidate == nil {
			continue
		}
		for _, q := range shiftQuantiles {
			if b, c := base.Quantile(q), candidate.Quantile(q); b > 0 && c > 0 && base.Resolved(q) && candidate.Resolved(q) {
				changes[figure{l.scenario, q}] = append(changes[figure{l.scenario, q}], math.Log(float64(c)/float64(b)))
			}
		}
	}
	for i, f := range r.Findings {
		for _, q := range shiftQuantiles {
			if d := changes[figure{f.Scenario, q}]; f.Unit == "p99-ns" && len(d) > 0 {
				low, high := exact.SignedRankBounds(d, shiftAlpha)
				r.Findings[i].Shift = append(r.Findings[i].Shift, Shift{q, Ratio.share(exact.HodgesLehmann(d)), Bound(Ratio.share(low)), Bound(Ratio.share(high))})
			}
		}
	}
}
