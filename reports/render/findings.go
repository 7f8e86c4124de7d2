package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	fewArrivals = 100  // fewer arrivals than this cannot show that a level is served
	muchSlower  = 1.75 // the factor from which latency counts as grown: a wait that doubles is well above it, noise below
)

// question is the title where the stages do not allow a finding.
const question = "What does the server do to its callers when load rises?"

// conduct is what a target does to its callers, worst first.
type conduct int

const (
	shutsOut  conduct = iota // nobody is served at any level
	turnsAway                // more than 1 % are rejected
	fails                    // more than 1 % fail in another way
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
	few     float64        // of turnsAway: the highest share, where it is 1 % at every level
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
func finding(sweeps []sweep.Sweep) (string, bool) {
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
func judge(w *sweep.Sweep) verdict {
	v := verdict{name: w.ShortName(36), load: w.Load, conduct: unsure}
	var valid []sweep.Point
	for _, p := range w.Points {
		if p.Valid() && p.Stage.Counts.Planned() > 0 {
			valid = append(valid, p)
		}
	}
	if len(valid) == 0 {
		v.why = "no valid stage"
		return v
	}
	v.later, v.after = w.HasCompletion(), after(valid)
	first := slices.IndexFunc(valid, sweep.Point.Failing)
	if first < 0 {
		return v.served(w, valid)
	}
	bad := valid[first]
	v.outcome = worst(bad.Stage)
	switch {
	case v.outcome == result.Unsent:
		v.why = "the load was not sent"
		return v
	case !slices.ContainsFunc(valid, func(p sweep.Point) bool { return p.Stage.Counts[result.OK] > 0 }):
		v.conduct = shutsOut
		return v
	case v.outcome == result.Rejected:
		v.conduct = turnsAway
	default:
		v.conduct = fails
	}
	if v.where = whereFailing(w, bad); slices.ContainsFunc(valid[:first], func(p sweep.Point) bool { return p.Unserved() > 0 }) {
		v.where += " (more than 1 %)"
	}
	v.slowest(valid)
	return v
}

// whereFailing says from where on a target fails, no more widely than the
// stages allow: "above" needs a good level right below, and nothing but
// failing ones from there up. Those need not be valid: that the generator was
// late does not make up for a target that turns its callers away.
func whereFailing(w *sweep.Sweep, bad sweep.Point) string {
	at := slices.IndexFunc(w.Points, func(p sweep.Point) bool { return p.Level == bad.Level })
	for _, p := range w.Points[at:] {
		if !p.Failing() {
			if p.Valid() && p.Served() {
				return fmt.Sprintf("at %s, but not at %s", sweep.AtLevel(w.Load, bad.Level), count(int64(p.Level)))
			}
			return "at " + sweep.AtLevel(w.Load, bad.Level)
		}
	}
	switch {
	case at == 0:
		return "already at " + sweep.AtLevel(w.Load, bad.Level)
	case !w.Points[at-1].Valid() || !w.Points[at-1].Served():
		return "at " + sweep.AtLevel(w.Load, bad.Level)
	}
	return "above " + sweep.AtLevel(w.Load, w.Points[at-1].Level)
}

// served completes the verdict where no level fails.
func (v verdict) served(w *sweep.Sweep, valid []sweep.Point) verdict {
	last := w.Points[len(w.Points)-1]
	v.top = last.Level
	switch {
	case !last.Valid():
		v.why = "its highest load is not valid"
		return v
	case last.Stage.Counts.Planned() < fewArrivals || !last.Served():
		v.why = "too few arrivals"
		return v
	}
	if first := slices.IndexFunc(valid, rejecting); first >= 0 {
		// Few, but somebody was turned away: no level that did can be said to
		// serve its callers.
		v.conduct, v.outcome = turnsAway, result.Rejected
		v.where = "at " + sweep.AtLevel(w.Load, valid[first].Level)
		if first > 0 {
			v.where = "above " + sweep.AtLevel(w.Load, valid[first-1].Level)
		}
		for _, p := range valid {
			v.few = max(v.few, p.Stage.RejectedShare())
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
	v.q, v.slow = last.Carried()
	for _, p := range valid {
		if !p.Stage.Latency.Thin(v.q) {
			v.slow = max(v.slow, p.Stage.Latency.Quantile(v.q))
		}
	}
	return v
}

func rejecting(p sweep.Point) bool { return p.Stage.Counts[result.Rejected] > 0 }

func worst(s *result.Stage) result.Outcome {
	most := result.Rejected
	for _, o := range result.Outcomes[1:] {
		if s.Counts[o] > s.Counts[most] {
			most = o
		}
	}
	return most
}

// slowest fills in the longest latency, and whether it is much longer than at
// low load. Each quantile is held against itself: a service time that
// spreads widely is no growth.
func (v *verdict) slowest(valid []sweep.Point) {
	for _, p := range valid {
		if q, d := p.Carried(); q > 0 && d > v.slow {
			v.q, v.slow = q, d
		}
		v.grown = v.grown || grownAt(p, valid)
	}
	v.base = v.slow
	for _, p := range valid {
		if !p.Stage.Latency.Thin(v.q) {
			v.base = min(v.base, p.Stage.Latency.Quantile(v.q))
		}
	}
}

func grownAt(p sweep.Point, valid []sweep.Point) bool {
	for _, q := range []float64{0.99, 0.9, 0.5} {
		if p.Stage.Latency.Thin(q) {
			continue
		}
		base := p.Stage.Latency.Quantile(q)
		for _, o := range valid {
			if o.Level < p.Level && !o.Stage.Latency.Thin(q) {
				base = min(base, o.Stage.Latency.Quantile(q))
			}
		}
		if float64(p.Stage.Latency.Quantile(q)) > muchSlower*float64(base) {
			return true
		}
	}
	return false
}

func (v verdict) whereGrown(valid []sweep.Point) string {
	// The first level has nothing to be held against, so it never counts as grown.
	at := len(valid) - 1
	for at > 1 && grownAt(valid[at-1], valid) {
		at--
	}
	return "above " + sweep.AtLevel(v.load, valid[at-1].Level)
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
