package finding

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// way is a way of failing as a verb and its object: some is what happens to a part
// of the requests, all what happens to all of them.
type way struct{ verb, some, all string }

var ways = map[result.Outcome]way{
	result.Rejected:   {"reject", "requests", "every request"},
	result.Refused:    {"refuse", "connections", "every connection"},
	result.Reset:      {"reset", "connections", "every connection"},
	result.Timeout:    {"time", "out", "out on every request"},
	result.Error:      {"answer", "with errors", "every request with an error"},
	result.Unfinished: {"leave", "requests unanswered", "every request unanswered"},
	result.Unknown:    {"leave", "requests unaccounted for", "every request unaccounted for"}, // of agents that were lost
}

func verb(n int, infinitive string) string {
	if n == 1 {
		return infinitive + "s"
	}
	return infinitive
}

// clause states what is true of all of the verdicts, which are alike.
func clause(same []verdict) string {
	v := same[0]
	var names []string
	var slow time.Duration
	for _, s := range same {
		names = append(names, s.name)
		slow = max(slow, s.slow)
	}
	who := units.List(names)
	does := func(infinitive string) string { return who + " " + verb(len(same), infinitive) }
	switch v.kind {
	case servesNobody:
		return does(ways[v.outcome].verb) + " " + ways[v.outcome].all
	case rejects, fails:
		what := ways[v.outcome].some
		if v.few > 0 {
			what = fmt.Sprintf("up to %s of requests", units.Percent(v.few))
		}
		return fmt.Sprintf("%s %s %s", does(ways[v.outcome].verb), what, v.where) +
			words.If(v.grown, fmt.Sprintf(" and %s the others within %s (%s)", verb(len(same), "serve"), sweep.OrMore(v.slow), units.Percentile(v.q))) + v.completion
	case slows:
		grows := "reaches " + sweep.OrMore(v.slow)
		if float64(v.slow) > muchSlower*float64(v.base) {
			grows = fmt.Sprintf("grows from %s to %s", units.Duration(v.base), sweep.OrMore(v.slow))
		}
		of := units.Percentile(v.q) + words.If(v.accepts, " until accepted")
		return fmt.Sprintf("%s down %s: %s %s", does("slow"), v.where, of, grows) + v.completion
	case serves:
		infinitive := "serve"
		if v.accepts {
			infinitive = "accept"
		}
		return fmt.Sprintf("%s %s%s within %s (%s)%s", does(infinitive), words.If(!v.single, "up to "), sweep.AtLevel(v.load, v.top), sweep.OrMore(slow), units.Percentile(v.q), v.completion)
	}
	return fmt.Sprintf("%s: inconclusive (%s)", who, v.why)
}

// inShort counts the targets by what they do, for more of them than a title has
// room to name.
func inShort(verdicts []verdict) string {
	var parts []string
	for k := servesNobody; k <= unclear; k++ {
		of := slices.DeleteFunc(slices.Clone(verdicts), func(v verdict) bool { return v.kind != k })
		if len(of) == 0 {
			continue
		}
		n := fmt.Sprint(len(of))
		if len(parts) == 0 {
			n = fmt.Sprintf("%d of %d targets", len(of), len(verdicts))
		}
		does := func(infinitive string) string { return n + " " + verb(len(of), infinitive) + " " }
		slow := slices.MaxFunc(of, func(a, b verdict) int { return int(a.slow - b.slow) })
		var s string
		switch k {
		case servesNobody:
			s = does("serve") + "no request"
		case rejects:
			s = does("reject") + "requests"
		case fails:
			s = does("fail") + "requests"
		case slows:
			s = does("slow") + fmt.Sprintf("down (%s, %s of %s)", sweep.OrMore(slow.slow), units.Percentile(slow.q), slow.name)
		case serves:
			s = does("serve") + "every request within " + sweep.OrMore(slow.slow)
		case unclear:
			s = n + " inconclusive"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

// oddsOf are quantiles as the odds of being slower.
var oddsOf = map[float64]string{0.99: "1 in 100", 0.9: "1 in 10", 0.5: "1 in 2"}

// tailOfSteps is Tail of the sweeps of a scenario.
func tailOfSteps(sweeps []sweep.Sweep, at []sweep.Point, served []int, q float64) string {
	var parts []string
	for _, i := range served {
		parts = append(parts, fmt.Sprintf("%s (%s, %s)", sweep.OrMore(at[i].Stage.Shown().Latency.Quantile(q)), sweeps[i].ShortName(30), sweep.AtLevel(sweeps[i].Load, at[i].Level)))
	}
	return oddsOf[q] + " takes longer than " + units.List(parts)
}

// Tail states how long the slowest requests take at the highest load that each
// target still serves. It is false, and a question, where samples are too few.
func Tail(sweeps []sweep.Sweep) (string, bool) {
	const ask = "How long do the slowest requests take?"
	q := 0.99
	at := make([]sweep.Point, len(sweeps))
	var served []int
	for i := range sweeps {
		p, ok := sweep.LastServed(sweeps[i].Points)
		if !ok {
			continue
		}
		carried, _ := p.Carried()
		if carried == 0 {
			return ask, false
		}
		q = min(q, carried)
		at[i], served = p, append(served, i)
	}
	if len(served) == 0 {
		return ask, false
	}
	if len(sweep.Scenarios(sweeps)) == 1 {
		return tailOfSteps(sweeps, at, served, q), true
	}
	var same words.Groups[string, string] // targets with the same latency at the same level
	for _, i := range served {
		p := at[i]
		part := sweep.OrMore(p.Stage.Shown().Latency.Quantile(q)) + " on %s (" + sweep.AtLevel(sweeps[i].Load, p.Level) + ")"
		if p.HasCompletion() && !p.Stage.Completion.Thin(q) {
			if d, done := p.Stage.Completion.Quantile(q); done {
				part += " until accepted and " + sweep.OrMore(d) + " until completed"
			} else {
				part += " until accepted, and its work was not completed"
			}
		}
		same.Add(part, sweeps[i].ShortName(30))
	}
	var parts []string
	for _, part := range same.Keys {
		parts = append(parts, fmt.Sprintf(part, units.List(same.Of[part])))
	}
	odds := strings.Replace(oddsOf[q], "1", "1 request", 1)
	if slices.ContainsFunc(served, func(i int) bool { return at[i].Level != at[served[0]].Level }) {
		// Or the reader wonders why one target is shown at 300 clients and
		// another at 2,000.
		odds = "At the highest load with 99 % served, " + odds
	}
	return odds + " takes longer than " + units.List(parts), true
}

// completion states what became of the work at the highest level, as the end of a
// clause about accepting; "" where replies complete the work, or there is little to
// say.
func completion(valid []sweep.Point) string {
	last := valid[len(valid)-1]
	if !last.HasCompletion() {
		return ""
	}
	var lost, unknown int64
	for _, p := range valid {
		if p.HasCompletion() {
			lost += p.Stage.Completion.Lost
			unknown += p.Stage.Completion.Unknown
		}
	}
	queue := last.Stage.Completion
	switch q, _ := last.Carried(); {
	case lost > 0:
		return fmt.Sprintf(", and loses %s of them", units.Int(lost))
	case unknown > 0:
		return fmt.Sprintf(", and the state of %s of them is unknown", units.Int(unknown))
	case queue.Backlog > 0:
		return fmt.Sprintf(", and leaves %s of %s uncompleted", units.Int(queue.Backlog), units.Int(queue.Accepted))
	case q > 0 && !queue.Thin(q):
		if d, done := queue.Quantile(q); done {
			return fmt.Sprintf(", and completes them within %s (%s)", sweep.OrMore(d), units.Percentile(q))
		}
	}
	return ""
}
