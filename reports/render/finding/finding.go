// Package finding states in sentences what a run shows: [Of] and [Tail] are the
// titles of its figures and the first line of its texts, [Notes] is what stands
// below a table.
package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

const (
	fewArrivals = 100  // fewer arrivals than this cannot show that a level is served
	muchSlower  = 1.75 // the factor from which latency counts as grown: a wait that doubles is well above it, noise below
)

// question is the title where the stages do not allow a finding.
const question = "How does the server behave as load rises?"

// kind is what a target does as load rises, the worst first.
type kind int

const (
	servesNobody kind = iota // no request is served at any level
	rejects                  // more than 1 % of requests are rejected
	fails                    // more than 1 % of requests fail in another way
	slows                    // all are served, but latency grows
	serves                   // all are served as if the server were idle
	unclear                  // the stages do not show it
)

// verdict is what the stages of one sweep show of its target.
type verdict struct {
	kind
	name       string
	load       string
	outcome    result.Outcome // the most frequent failure, of servesNobody, rejects and fails
	where      string         // "above 300 clients", of rejects, fails and slows
	few        float64        // of rejects: the highest share, where at most 1 % is rejected at every level
	top        int            // the highest level, of serves
	single     bool           // there is no other level
	q          float64        // the highest quantile that the samples carry: at the top level of serves, else where slow is
	slow       time.Duration  // the longest latency of ok at q
	grown      bool           // slow is much more than at low load
	base       time.Duration  // the shortest latency at q of all levels
	why        string         // of unclear
	completion string         // what became of the work that is done after the reply
	accepts    bool           // the work is done after the reply
}

// Of states in one sentence what the targets do as load rises. It is false, and the
// sentence a question, where the stages do not support an answer for any target. Of a
// scenario, it states what becomes of complete sessions, and which step is the slowest.
func Of(sweeps []sweep.Sweep) (text string, found bool) {
	whole := sweep.Whole(sweeps)
	if len(whole) > 0 || len(sweeps) == 0 {
		text, found = ofWhole(whole)
	}
	for _, sc := range sweep.Scenarios(sweeps) {
		if slow := Slowest(sc, sc.Best()); slow != "" {
			text, found = words.Join("; ", text, slow), true
		}
	}
	return cmp.Or(text, question), found
}

func ofWhole(sweeps []sweep.Sweep) (string, bool) {
	var verdicts []verdict
	for i := range sweeps {
		verdicts = append(verdicts, judge(&sweeps[i]))
	}
	if !slices.ContainsFunc(verdicts, func(v verdict) bool { return v.kind != unclear }) {
		var reasons []string
		for _, v := range verdicts {
			if !slices.Contains(reasons, v.why) {
				reasons = append(reasons, v.why)
			}
		}
		if len(reasons) == 0 {
			return question, false
		}
		return question + " Inconclusive: " + strings.Join(reasons, "; "), false
	}
	if len(verdicts) > 3 {
		return inShort(verdicts), true
	}
	slices.SortStableFunc(verdicts, func(a, b verdict) int { return int(a.kind - b.kind) })
	var clauses []string
	for len(verdicts) > 0 {
		// Targets with the same verdict share a clause.
		first := verdicts[0]
		var same, others []verdict
		for i, v := range verdicts {
			if i == 0 || first.alike(v) {
				same = append(same, v)
			} else {
				others = append(others, v)
			}
		}
		clauses, verdicts = append(clauses, clause(same)), others
	}
	return strings.Join(clauses, "; "), true
}

// judge decides what a sweep shows. Only valid stages are evidence.
func judge(w *sweep.Sweep) verdict {
	v := verdict{name: w.Subject(36), load: w.Load, kind: unclear}
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
	v.accepts, v.completion = w.HasCompletion(), completion(valid)
	first := slices.IndexFunc(valid, sweep.Point.Failing)
	if first < 0 {
		return v.served(w, valid)
	}
	bad := valid[first]
	v.outcome = mostFrequent(bad.Stage)
	switch {
	case v.outcome == result.Unsent:
		v.why = "the load was not sent"
		return v
	case !slices.ContainsFunc(valid, func(p sweep.Point) bool { return p.Stage.Counts[result.OK] > 0 }):
		v.kind = servesNobody
		return v
	case v.outcome == result.Rejected:
		v.kind = rejects
	default:
		v.kind = fails
	}
	if v.where = whereFailing(w, bad); slices.ContainsFunc(valid[:first], func(p sweep.Point) bool { return p.Unserved() > 0 }) {
		v.where += " (more than 1 %)"
	}
	v.slowest(valid)
	return v
}

// whereFailing is from where on a target fails, no more widely than the stages
// allow: "above" needs a good level right below, and only failing ones from there
// up. Those need not be valid: a late generator does not excuse a target that
// rejects requests.
func whereFailing(w *sweep.Sweep, bad sweep.Point) string {
	at := slices.IndexFunc(w.Points, func(p sweep.Point) bool { return p.Level == bad.Level })
	for _, p := range w.Points[at:] {
		if !p.Failing() {
			if p.Valid() && p.Served() {
				return fmt.Sprintf("at %s, but not at %s", sweep.AtLevel(w.Load, bad.Level), units.Int(p.Level))
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
	last := w.Last()
	v.top = last.Level
	switch {
	case !last.Valid():
		v.why = "its highest load is not valid"
		return v
	case last.Stage.Counts.Planned() < fewArrivals || !last.Served():
		v.why = "too few arrivals"
		return v
	}
	if first := slices.IndexFunc(valid, sweep.Point.Rejecting); first >= 0 {
		v.kind, v.outcome = rejects, result.Rejected
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
		v.kind, v.where = slows, v.whereGrown(valid)
		return v
	}
	v.kind, v.single = serves, len(valid) == 1
	v.q, v.slow = last.Carried()
	for _, p := range valid {
		if !p.Stage.Shown().Latency.Thin(v.q) {
			v.slow = max(v.slow, p.Stage.Shown().Latency.Quantile(v.q))
		}
	}
	return v
}

func mostFrequent(s *result.Stage) result.Outcome {
	most := result.Rejected
	for _, o := range result.Outcomes[1:] {
		if s.Counts[o] > s.Counts[most] {
			most = o
		}
	}
	return most
}

func (v *verdict) slowest(valid []sweep.Point) {
	for _, p := range valid {
		if q, d := p.Carried(); q > 0 && d > v.slow {
			v.q, v.slow = q, d
		}
		v.grown = v.grown || grownAt(p, valid)
	}
	v.base = v.slow
	for _, p := range valid {
		if !p.Stage.Shown().Latency.Thin(v.q) {
			v.base = min(v.base, p.Stage.Shown().Latency.Quantile(v.q))
		}
	}
}

// grownAt reports whether latency at p is much longer than at a lower level. Each
// quantile is compared with itself: latencies that spread widely are no growth.
func grownAt(p sweep.Point, valid []sweep.Point) bool {
	for _, q := range []float64{0.99, 0.9, 0.5} {
		if p.Stage.Shown().Latency.Thin(q) {
			continue
		}
		base := p.Stage.Shown().Latency.Quantile(q)
		for _, o := range valid {
			if o.Level < p.Level && !o.Stage.Shown().Latency.Thin(q) {
				base = min(base, o.Stage.Shown().Latency.Quantile(q))
			}
		}
		if float64(p.Stage.Shown().Latency.Quantile(q)) > muchSlower*float64(base) {
			return true
		}
	}
	return false
}

func (v verdict) whereGrown(valid []sweep.Point) string {
	// The first level has nothing to be compared with, so it never counts as grown.
	at := len(valid) - 1
	for at > 1 && grownAt(valid[at-1], valid) {
		at--
	}
	return "above " + sweep.AtLevel(v.load, valid[at-1].Level)
}

// alike reports whether one clause can state both verdicts.
func (v verdict) alike(o verdict) bool {
	if v.kind != o.kind || v.load != o.load || v.accepts != o.accepts || v.completion != o.completion {
		return false
	}
	switch v.kind {
	case serves:
		return v.top == o.top && v.q == o.q && v.single == o.single
	case slows:
		return v.where == o.where && v.slow == o.slow && v.base == o.base
	case unclear:
		return v.why == o.why
	}
	return v.outcome == o.outcome && v.where == o.where && v.few == o.few && !v.grown && !o.grown
}
