package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

const (
	tolerated   = 0.01 // the share of failures up to which a level counts as served
	fewFailures = 10   // fewer than this many failures may be chance
	fewArrivals = 100  // fewer arrivals than this cannot show that a level is served
	muchSlower  = 1.75 // the factor from which latency counts as grown: a wait that doubles is well above it, noise below
)

// question is the title where the stages do not allow a finding.
const question = "What does the server do to its callers when load rises?"

// conduct is what a target does to its callers, worst first.
type conduct int

const (
	shutsOut  conduct = iota // nobody is served at any level
	turnsAway                // more than tolerated are rejected
	fails                    // more than tolerated fail in another way
	slows                    // all are served, but later and later
	holds                    // all are served as if alone
	unsure                   // the stages do not tell
)

// verdict is what the stages of one sweep allow to be said of its target.
type verdict struct {
	name    string
	load    string
	conduct conduct
	outcome result.Outcome // the most frequent failure, of shutsOut, turnsAway and fails
	where   string         // "above 300 clients", of turnsAway, fails and slows
	few     float64        // of turnsAway: the highest share, where it is tolerated at every level
	top     int            // the highest level, of holds
	single  bool           // there is no other level
	q       float64        // the highest quantile that the samples carry: at the top level of holds, else where slow is
	slow    time.Duration  // the longest latency of ok at q
	grown   bool           // slow is much more than at low load
	base    time.Duration  // the shortest latency at q of all levels
	why     string         // of unsure
	later   bool           // it accepts, and does the work later
	after   string         // of later: what became of the work
}

// finding says in one sentence what the targets do to their callers when load
// rises. It is false, and the sentence a question, where the stages do not
// support an answer for any target.
func finding(sweeps []sweep) (string, bool) {
	var verdicts []verdict
	for i := range sweeps {
		verdicts = append(verdicts, judge(&sweeps[i]))
	}
	if !slices.ContainsFunc(verdicts, func(v verdict) bool { return v.conduct != unsure }) {
		return question, false
	}
	if len(verdicts) > 3 {
		return inShort(verdicts), true
	}
	// Targets of which the same can be said share a clause.
	var clauses []string
	said := make([]bool, len(verdicts))
	for c := shutsOut; c <= unsure; c++ {
		for i, v := range verdicts {
			if v.conduct != c || said[i] {
				continue
			}
			var same []verdict
			for k, o := range verdicts {
				if k == i || !said[k] && v.alike(o) {
					same, said[k] = append(same, o), true
				}
			}
			clauses = append(clauses, clause(same))
		}
	}
	return strings.Join(clauses, "; "), true
}

// judge decides what a sweep shows. Only valid stages are evidence.
func judge(w *sweep) verdict {
	v := verdict{name: w.shortName(36), load: w.load, conduct: unsure}
	var valid []point
	for _, p := range w.points {
		if p.valid() && p.stage.Counts.Planned() > 0 {
			valid = append(valid, p)
		}
	}
	if len(valid) == 0 {
		v.why = "no valid stage"
		return v
	}
	v.later, v.after = w.later(), after(valid)
	first := slices.IndexFunc(valid, failing)
	if first < 0 {
		return v.served(w, valid)
	}
	bad := valid[first]
	v.outcome = worst(bad.stage)
	switch {
	case v.outcome == result.Unsent:
		v.why = "the load was not sent"
		return v
	case !slices.ContainsFunc(valid, func(p point) bool { return p.stage.Counts[result.OK] > 0 }):
		v.conduct = shutsOut
		return v
	case v.outcome == result.Rejected:
		v.conduct = turnsAway
	default:
		v.conduct = fails
	}
	if v.where = whereFailing(w, bad); slices.ContainsFunc(valid[:first], func(p point) bool { return p.bad() > 0 }) {
		v.where += " (more than 1 %)"
	}
	v.slowest(valid)
	return v
}

// whereFailing says from where on a target fails, no more widely than the
// stages allow: "above" needs a good level right below, and nothing but
// failing ones from there up. Those need not be valid: that the generator was
// late does not make up for a target that turns its callers away.
func whereFailing(w *sweep, bad point) string {
	at := slices.IndexFunc(w.points, func(p point) bool { return p.level == bad.level })
	for _, p := range w.points[at:] {
		if !failing(p) {
			if p.valid() && clean(p) {
				return fmt.Sprintf("at %s, but not at %s", atLevel(w.load, bad.level), count(int64(p.level)))
			}
			return "at " + atLevel(w.load, bad.level)
		}
	}
	switch {
	case at == 0:
		return "already at " + atLevel(w.load, bad.level)
	case !w.points[at-1].valid() || !clean(w.points[at-1]):
		return "at " + atLevel(w.load, bad.level)
	}
	return "above " + atLevel(w.load, w.points[at-1].level)
}

// served completes the verdict where no level fails.
func (v verdict) served(w *sweep, valid []point) verdict {
	last := w.points[len(w.points)-1]
	v.top = last.level
	switch {
	case !last.valid():
		v.why = "its highest load is not valid"
		return v
	case last.stage.Counts.Planned() < fewArrivals || !clean(last):
		v.why = "too few arrivals"
		return v
	}
	if first := slices.IndexFunc(valid, rejecting); first >= 0 {
		// Few, but somebody was turned away: no level that did can be said to
		// serve its callers.
		v.conduct, v.outcome = turnsAway, result.Rejected
		v.where = "at " + atLevel(w.load, valid[first].level)
		if first > 0 {
			v.where = "above " + atLevel(w.load, valid[first-1].level)
		}
		for _, p := range valid {
			v.few = max(v.few, p.stage.RejectedShare())
		}
		v.slowest(valid)
		return v
	}
	// A spike at one level on the way is no slowing down: that lasts up to the
	// highest load.
	if v.slowest(valid); grownAt(last, valid) {
		v.conduct, v.where = slows, v.whereGrown(valid)
		return v
	}
	v.conduct, v.single = holds, len(valid) == 1
	v.q, v.slow = carried(last)
	for _, p := range valid {
		if !p.stage.Latency.Thin(v.q) {
			v.slow = max(v.slow, p.stage.Latency.Quantile(v.q))
		}
	}
	return v
}

// failing: too many failures, and too many of them for chance.
func failing(p point) bool {
	c := p.stage.Counts
	return p.bad() > tolerated && c.Planned()-c[result.OK] >= fewFailures
}

func rejecting(p point) bool { return p.stage.Counts[result.Rejected] > 0 }

func clean(p point) bool { return p.bad() <= tolerated }

func worst(s *result.Stage) result.Outcome {
	most := result.Rejected
	for _, o := range result.Outcomes[1:] {
		if s.Counts[o] > s.Counts[most] {
			most = o
		}
	}
	return most
}

// carried is the highest of p99, p90 and p50 that the samples carry; 0 where
// they carry none.
func carried(p point) (q float64, d time.Duration) {
	for _, q := range []float64{0.99, 0.9, 0.5} {
		if !p.stage.Latency.Thin(q) {
			return q, p.stage.Latency.Quantile(q)
		}
	}
	return 0, 0
}

// slowest fills in the longest latency, and whether it is much longer than at
// low load. Each quantile is held against itself: a service time that
// spreads widely is no growth.
func (v *verdict) slowest(valid []point) {
	for _, p := range valid {
		if q, d := carried(p); q > 0 && d > v.slow {
			v.q, v.slow = q, d
		}
		v.grown = v.grown || grownAt(p, valid)
	}
	v.base = v.slow
	for _, p := range valid {
		if !p.stage.Latency.Thin(v.q) {
			v.base = min(v.base, p.stage.Latency.Quantile(v.q))
		}
	}
}

func grownAt(p point, valid []point) bool {
	for _, q := range []float64{0.99, 0.9, 0.5} {
		if p.stage.Latency.Thin(q) {
			continue
		}
		base := p.stage.Latency.Quantile(q)
		for _, o := range valid {
			if o.level < p.level && !o.stage.Latency.Thin(q) {
				base = min(base, o.stage.Latency.Quantile(q))
			}
		}
		if float64(p.stage.Latency.Quantile(q)) > muchSlower*float64(base) {
			return true
		}
	}
	return false
}

func (v verdict) whereGrown(valid []point) string {
	// The first level has nothing to be held against, so it never counts as grown.
	at := len(valid) - 1
	for at > 1 && grownAt(valid[at-1], valid) {
		at--
	}
	return "above " + atLevel(v.load, valid[at-1].level)
}

func (v verdict) alike(o verdict) bool {
	if v.conduct != o.conduct || v.load != o.load || v.later != o.later || v.after != o.after {
		return false
	}
	switch v.conduct {
	case holds:
		return v.top == o.top && v.q == o.q && v.single == o.single
	case slows:
		return v.where == o.where && v.slow == o.slow && v.base == o.base
	case unsure:
		return v.why == o.why
	}
	return v.outcome == o.outcome && v.where == o.where && v.few == o.few && !v.grown && !o.grown
}
