package duet

import (
	"fmt"
	"math"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
)

// hopeless is the prognosis at each look: whether no later look would decide any
// gated metric that is undecided.
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
		needs := "more pairs than are possible"
		if f.Needed > 0 {
			needs = fmt.Sprintf("about %d pairs", f.Needed)
		}
		bad = append(bad, fmt.Sprintf("%s of %s (noise %.1f %% per pair) needs %s for a change of %.3g %%", f.Metric, f.Scenario, 100*f.Noise, needs, 100*f.Tolerance))
	}
	if len(bad) == 0 {
		return false
	}
	const most = 3
	if len(bad) > most {
		bad = append(bad[:most], fmt.Sprintf("and %d more", len(bad)-most))
	}
	s.note("stopped after %d pairs, because up to %d would not decide: %s. Keep the server busier, measure longer, allow a wider tolerance or gate other metrics",
		s.pairs, d.MaxPairs(), strings.Join(bad, "; "))
	return true
}

// unprovable reports whether not even the last look can prove anything, because it
// has too few pairs for the number of gated metrics, or because a metric that should
// decide is none that this server has. Both are known after the first pair.
func (s *session) unprovable() bool {
	if gated := (compare.Policy{Gate: s.Policy.Gate}); len(gated.Gate) > 0 {
		if missing, _ := gated.Unmeasured(s.series()); len(missing) > 0 {
			s.note("stopped after the first pair, because more pairs would not decide: %s", strings.Join(missing, "; "))
			return true
		}
	}
	d, _ := s.findings(0)
	if d.MinPairs() <= d.MaxPairs() {
		return false
	}
	s.note("stopped after the first pair: %d pairs cannot prove a change in %d gated metrics; allow at least %d pairs, or gate fewer metrics", d.MaxPairs(), d.Tests, d.MinPairs())
	return true
}
