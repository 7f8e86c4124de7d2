package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// deed is a way of failing as a verb phrase, by number of targets: some is what
// they do to a part of their callers, all what they do to everybody.
type deed struct{ some, all [2]string }

var deeds = map[result.Outcome]deed{
	result.Rejected:   {[2]string{"turns callers away", "turn callers away"}, [2]string{"turns everybody away", "turn everybody away"}},
	result.Refused:    {[2]string{"refuses connections", "refuse connections"}, [2]string{"refuses every connection", "refuse every connection"}},
	result.Reset:      {[2]string{"drops connections", "drop connections"}, [2]string{"drops every connection", "drop every connection"}},
	result.Timeout:    {[2]string{"lets callers time out", "let callers time out"}, [2]string{"lets everybody time out", "let everybody time out"}},
	result.Error:      {[2]string{"answers with errors", "answer with errors"}, [2]string{"answers with nothing but errors", "answer with nothing but errors"}},
	result.Unfinished: {[2]string{"leaves callers without an answer", "leave callers without an answer"}, [2]string{"leaves everybody without an answer", "leave everybody without an answer"}},
}

// clause says what is true of all of the verdicts, which are alike.
func clause(same []verdict) string {
	v := same[0]
	var names []string
	for _, s := range same {
		names = append(names, s.name)
	}
	who := and(names)
	number := min(len(same), 2) - 1
	verb := func(forms ...string) string { return forms[number] }
	switch v.conduct {
	case shutsOut:
		return who + " " + deeds[v.outcome].all[number]
	case turnsAway, fails:
		does := deeds[v.outcome].some[number]
		if v.few > 0 {
			does = fmt.Sprintf("%s up to %s of callers away", verb("turns", "turn"), percent(v.few))
		}
		s := fmt.Sprintf("%s %s %s", who, does, v.where)
		if v.grown {
			s += fmt.Sprintf(" and takes up to %s for the others (%s)", atMost(v.slow), percentile(v.q))
		}
		return s + v.after
	case slows:
		grows := "reaches " + atMost(v.slow)
		if float64(v.slow) > muchSlower*float64(v.base) {
			grows = fmt.Sprintf("grows from %s to %s", duration(v.base), atMost(v.slow))
		}
		of := percentile(v.q)
		if v.later {
			of += " until accepted"
		}
		return fmt.Sprintf("%s %s down %s: %s %s", who, verb("slows", "slow"), v.where, of, grows) + v.after
	case holds:
		var slow time.Duration
		for _, s := range same {
			slow = max(slow, s.slow)
		}
		upTo := "up to "
		if v.single {
			upTo = ""
		}
		does := verb("serves", "serve")
		if v.later {
			does = verb("accepts", "accept")
		}
		return fmt.Sprintf("%s %s %s%s within %s (%s)%s", who, does, upTo, sweep.AtLevel(v.load, v.top), atMost(slow), percentile(v.q), v.after)
	}
	return fmt.Sprintf("%s: cannot tell (%s)", who, v.why)
}

// inShort counts the targets by what they do, for more of them than a title
// has room to name.
func inShort(verdicts []verdict) string {
	var parts []string
	for c := shutsOut; c <= unsure; c++ {
		var of []verdict
		for _, v := range verdicts {
			if v.conduct == c {
				of = append(of, v)
			}
		}
		if len(of) == 0 {
			continue
		}
		n := fmt.Sprint(len(of))
		if len(parts) == 0 {
			n = fmt.Sprintf("%d of %d targets", len(of), len(verdicts))
		}
		verb := func(forms ...string) string { return forms[min(len(of), 2)-1] }
		slow := slices.MaxFunc(of, func(a, b verdict) int { return int(a.slow - b.slow) })
		switch c {
		case shutsOut:
			parts = append(parts, n+" "+verb("serves", "serve")+" nobody")
		case turnsAway:
			parts = append(parts, fmt.Sprintf("%s %s callers away", n, verb("turns", "turn")))
		case fails:
			parts = append(parts, fmt.Sprintf("%s %s callers", n, verb("fails", "fail")))
		case slows:
			parts = append(parts, fmt.Sprintf("%s %s down (%s, %s of %s)", n, verb("slows", "slow"), atMost(slow.slow), percentile(slow.q), slow.name))
		case holds:
			parts = append(parts, fmt.Sprintf("%s %s everybody within %s", n, verb("serves", "serve"), atMost(slow.slow)))
		case unsure:
			parts = append(parts, fmt.Sprintf("of %s nothing can be told", n))
		}
	}
	return strings.Join(parts, ", ")
}

// tailFinding says how long the unlucky wait at the highest load that each
// target still serves. It is false, and a question, where samples are too few.
func tailFinding(sweeps []sweep.Sweep) (string, bool) {
	const ask = "How long do the unlucky callers wait?"
	q := 0.99
	at := make([]sweep.Point, len(sweeps))
	var served []int
	for i := range sweeps {
		p, ok := lastServed(sweeps[i].Points)
		if !ok {
			continue
		}
		if carriedQ, _ := p.Carried(); carriedQ == 0 {
			return ask, false
		} else if carriedQ < q {
			q = carriedQ
		}
		at[i], served = p, append(served, i)
	}
	if len(served) == 0 {
		return ask, false
	}
	var parts []string
	names := map[string][]string{} // of the targets that wait as long at the same level
	for _, i := range served {
		p := at[i]
		part := atMost(p.Stage.Latency.Quantile(q)) + " on %s (" + sweep.AtLevel(sweeps[i].Load, p.Level) + ")"
		if p.HasCompletion() && !p.Stage.Completion.Thin(q) {
			if d, done := p.Stage.Completion.Quantile(q); done {
				part += " until accepted and " + atMost(d) + " until done"
			} else {
				part += " until accepted, the order still undone at the end"
			}
		}
		if names[part] == nil {
			parts = append(parts, part)
		}
		names[part] = append(names[part], sweeps[i].ShortName(30))
	}
	for i, part := range parts {
		parts[i] = fmt.Sprintf(part, and(names[part]))
	}
	odds := map[float64]string{0.99: "1 caller in 100", 0.9: "1 caller in 10", 0.5: "Every other caller"}[q]
	if slices.ContainsFunc(served, func(i int) bool { return at[i].Level != at[served[0]].Level }) {
		// Or the reader wonders why one target is shown at 300 clients and
		// another at 2,000.
		odds = "Where 99 % or more are served, " + odds
	}
	return odds + " waits longer than " + and(parts), true
}
