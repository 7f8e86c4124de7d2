package finding

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

// Notes are the sentences below a table: which stages are not valid and why, what
// else must be known, and what a zero is worth.
func Notes(w *sweep.Sweep) []string {
	if w.Step() != "" {
		return stepNotes(w)
	}
	out := byLevel(w, "! ", "not valid: ", func(p sweep.Point) []string { return p.Stage.Invalid })
	out = append(out, byLevel(w, "", "", func(p sweep.Point) (why []string) {
		for _, s := range p.Invalid {
			for _, reason := range s.Invalid {
				if p.Valid() {
					why = append(why, fmt.Sprintf("%d of %d repeats not valid and left out: %s", len(p.Invalid), p.All, reason))
				}
			}
		}
		return why
	})...)
	out = append(out, byLevel(w, "", "", func(p sweep.Point) []string { return p.Stage.Warnings })...)
	out = append(out, byLevel(w, "", "", drift)...)
	for _, n := range []string{accounts(w), zeros(w), connecting(w), reconnects(w), steal(w)} {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}

// byLevel collects what there is to say of each point, every sentence once with all
// of its levels: a warning that comes at every level is one line.
func byLevel(w *sweep.Sweep, mark, state string, say func(sweep.Point) []string) []string {
	var out []string
	var levels words.Groups[string, string]
	for _, p := range w.Points {
		for _, text := range say(p) {
			if l := units.Int(p.Level); !slices.Contains(levels.Of[text], l) {
				levels.Add(text, l)
			}
		}
	}
	for _, text := range levels.Keys {
		at := levels.Of[text]
		where := units.List(at) + " " + result.LevelUnit(w.Load, 2)
		if n := len(at); n == len(w.Points) && n > 1 {
			where = "every level"
		} else if n == 1 && at[0] == "1" {
			where = "1 " + result.LevelUnit(w.Load, 1)
		}
		out = append(out, strings.TrimSpace(mark+where+": "+state+text))
	}
	return out
}

// drift is what changed during a soak.
func drift(p sweep.Point) []string {
	var found, none []string
	for _, t := range series.Drift(p.Stage) {
		if t.Drifts {
			found = append(found, t.String())
		} else {
			none = append(none, t.Name)
		}
	}
	text := "no drift found"
	switch {
	case len(found) > 0:
		text = "drift: " + units.List(found)
		if len(none) > 0 {
			text += "; none found in " + units.List(none)
		}
	case len(none) > 0:
		text += " in " + units.List(none)
	case p.Stage.Length >= series.Soak && len(p.Stage.Slices) > 0 && p.Stage.Load() != "ramp":
		return []string{"drift is not tested: too little of the stage was undisturbed"}
	default:
		return nil
	}
	return []string{fmt.Sprintf("%s (over %s, error rate of all tests together %s)", text, units.Duration(p.Stage.Length), units.Percent(series.DriftError))}
}

// accounts is what became of the requests that were accepted.
func accounts(w *sweep.Sweep) string {
	if !slices.ContainsFunc(w.Points, sweep.Point.HasCompletion) {
		return ""
	}
	all := result.NewCompletion()
	for _, p := range w.Points {
		if p.HasCompletion() {
			all.Merge(p.Stage.Completion)
		}
	}
	return words.Join("; ", words.Join(", ", fmt.Sprintf("accepted %s, completed %s, backlog %s, lost %s", units.Int(all.Accepted), units.Int(all.Completed()), units.Int(all.Backlog), units.Int(all.Lost)),
		words.If(all.Unknown > 0, "unknown "+units.Int(all.Unknown)), "duplicates "+units.Int(all.Duplicates)), sweep.Broker(w.Points[0].Stage.Settings)) + "."
}

// connecting is what connecting cost at the highest level where each request did
// it; "" where connections were kept.
func connecting(w *sweep.Sweep) string {
	last := w.Last()
	c := last.Stage.Connect
	if last.Stage.Settings.Get(result.KeyNewConnection) == "" || c.N() == 0 {
		return ""
	}
	note := fmt.Sprintf("each request opened a connection, and latencies contain it: at %s, connecting took p50 %s, p99 %s",
		sweep.AtLevel(w.Load, last.Level), sweep.Quantile(c, 0.5), sweep.Quantile(c, 0.99))
	if h := last.Stage.TLS; h != nil {
		note += fmt.Sprintf(", and the TLS handshake p50 %s, p99 %s", sweep.Quantile(h, 0.5), sweep.Quantile(h, 0.99))
	}
	return note + "."
}

// reconnects is how many connections were lost; "" where none was.
func reconnects(w *sweep.Sweep) string {
	var most int64
	for _, p := range w.Points {
		most = max(most, p.Stage.Reconnects)
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf("up to %s connections per stage were closed, by the server or after a failure, and opened again.", units.Int(most))
}

// leastSteal is the share of the window from which stolen time is reported.
const leastSteal = 0.02

// steal is how much CPU time the hypervisor took for others: what a tail on a shared
// machine is made of. It is "" where that was next to nothing.
func steal(w *sweep.Sweep) string {
	var target, generator float64
	for _, p := range w.Points {
		if p.Stage.Length > 0 {
			target = max(target, p.Stage.Target.Steal.Seconds()/p.Stage.Length.Seconds())
			generator = max(generator, p.Stage.Generator.Steal.Seconds()/p.Stage.Length.Seconds())
		}
	}
	if max(target, generator) < leastSteal {
		return ""
	}
	return fmt.Sprintf("the hypervisor took CPU time away (steal): up to %s of a stage from the target and %s from the generator. It adds to the tail.",
		units.Percent(target), units.Percent(generator))
}

// zeros says what "0 failed" is worth: next to nothing in a stage of 15 requests,
// much in one of 30,000. It is "" where no level has a zero.
func zeros(w *sweep.Sweep) string {
	var least, most int64
	for _, p := range w.Points {
		c := p.Stage.Shown().Counts
		if n := c.Planned(); n > 0 && (c[result.Rejected] == 0 || c.Failed() == 0) {
			if least == 0 || n < least {
				least = n
			}
			most = max(most, n)
		}
	}
	bound := func(n int64) string { return fmt.Sprintf("below %s at n = %s", units.RuleOfThree(n), units.Int(n)) }
	switch {
	case most == 0:
		return ""
	case least == most:
		return fmt.Sprintf("0 %%: none occurred; the true share is %s (95 %% confidence).", bound(least))
	}
	return fmt.Sprintf("0 %%: none occurred; the true share is %s and %s (95 %% confidence).", bound(least), bound(most))
}
