package duet

import (
	"fmt"
	"math"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
)

// mostTold is how many metrics are named for which it gives up.
const mostTold = 3

// hopeless is the prognosis, which is asked for at each look: whether no later
// look would decide any metric that decides and is undecided.
func (s *session) hopeless() bool {
	d, findings := s.findings(math.MaxInt)
	var bad []string
	for _, f := range findings {
		if f.Verdict != compare.Inconclusive {
			continue
		}
		if compare.Reachable(d, f) {
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
	s.giveUp("given up after %d pairs, as up to %d would not decide: %s. A load that keeps the server busier, longer slices, a wider --tolerance or another --gate would",
		s.pairs, d.MaxPairs(), strings.Join(bad, "; "))
	return true
}

// unprovable reports whether even the last look can prove nothing, however large
// a change is, for so few pairs are asked for: all of them are on one side too
// often by chance. How many metrics share the chance of a false alarm is known
// once the first pair is there.
func (s *session) unprovable() bool {
	d, _ := s.findings(0)
	if d.MinPairs() <= d.MaxPairs() {
		return false
	}
	s.giveUp("given up after the first pair: %d pairs can prove nothing where %d metrics decide; it takes --pairs %d at least, or a --gate of fewer", d.MaxPairs(), d.Tests, d.MinPairs())
	return true
}

func (s *session) giveUp(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	s.notes = append(s.notes, note)
	s.tell("%s", note)
}

// pairsFor tells how many pairs are needed; 0 is that none are enough.
func pairsFor(n int) string {
	if n == 0 {
		return "more pairs than can be had"
	}
	return fmt.Sprintf("some %d pairs", n)
}
