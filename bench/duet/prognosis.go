package duet

import (
	"fmt"
	"math"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// prognosisAfter is how many pairs there are when it is asked for the first
// time whether this machine can decide at all; it is asked again at every look.
const prognosisAfter = 8

// doubt is the confidence with which the noise is at least as large as the
// prognosis takes it to be: so few pairs are a rough measure, and in doubt it
// goes on.
const doubt = 0.9

// mostTold is how many metrics are named for which it gives up.
const mostTold = 3

// hopeless is the prognosis: whether every metric that decides, and is
// undecided, is so noisy that even the last look would not tell, and nothing
// looks as if it had regressed. Giving up may depend on the ratios, for it can
// only lose a verdict, never make one.
func (s *session) hopeless() bool {
	all, _, _ := s.series()
	d := s.Design
	d.Tests = compare.Tests(all)
	alpha := d.AlphaAt(len(d.Looks) - 1)
	var bad []string
	for _, f := range compare.Decide(d, all) {
		if !f.Gated || f.Verdict != compare.Inconclusive {
			continue
		}
		if f.Scale == compare.Exact {
			if f.Look == 0 && f.Estimate > f.Tolerance {
				return false // the first look will tell
			}
			continue
		}
		n := len(f.Values)
		// Twice the standard error above the margin: as if it had regressed.
		if f.Estimate-2*f.Noise/math.Sqrt(float64(n)) > f.Margin {
			return false
		}
		if exact.MDE(f.Margin, alpha, exact.LeastSD(f.Noise, n, doubt), d.Max()) <= f.Tolerance {
			return false
		}
		bad = append(bad, fmt.Sprintf("%s of %s (noise %.1f %% a pair) would take %s for a change of %.3g %%", f.Metric, f.Scenario, 100*f.Noise, pairsFor(f.Needed), 100*f.Tolerance))
	}
	if len(bad) == 0 {
		return false
	}
	if len(bad) > mostTold {
		bad = append(bad[:mostTold], fmt.Sprintf("and %d more", len(bad)-mostTold))
	}
	note := fmt.Sprintf("given up after %d pairs, as up to %d would not decide: %s. A load that keeps the server busier, longer slices, a wider --tolerance or another --gate would",
		s.pairs, d.Max(), strings.Join(bad, "; "))
	s.notes = append(s.notes, note)
	s.tell("%s", note)
	return true
}

// pairsFor tells how many pairs are needed; 0 is that none are enough.
func pairsFor(n int) string {
	if n == 0 {
		return "more pairs than can be had"
	}
	return fmt.Sprintf("some %d pairs", n)
}
