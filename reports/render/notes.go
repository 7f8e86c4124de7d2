package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// notes are the sentences below a table: which stages are not valid and why,
// what else there is to know, and what a zero is worth.
func notes(w *sweep.Sweep) []string {
	// A warning that valid stages have too cannot be why a stage is not valid.
	harmless := map[string]bool{}
	for _, p := range w.Points {
		for _, warning := range p.Stage.Warnings {
			harmless[warning] = harmless[warning] || p.Valid()
		}
	}
	var out []string
	out = append(out, told(w, "!", "not valid: ", func(p sweep.Point) []string {
		if p.Valid() {
			return nil
		}
		why := slices.DeleteFunc(slices.Clone(p.Stage.Warnings), func(s string) bool { return harmless[s] })
		return orSay(why, "no reason was stored")
	})...)
	out = append(out, told(w, "", "", func(p sweep.Point) []string {
		if !p.Valid() || len(p.Invalid) == 0 {
			return nil
		}
		var why []string
		for _, s := range p.Invalid {
			for _, warning := range orSay(s.Warnings, "no reason was stored") {
				if !slices.Contains(p.Stage.Warnings, warning) {
					why = append(why, fmt.Sprintf("%d of %d repeats not valid and left out: %s", len(p.Invalid), p.All, warning))
				}
			}
		}
		return why
	})...)
	out = append(out, told(w, "", "", func(p sweep.Point) []string {
		return slices.DeleteFunc(slices.Clone(p.Stage.Warnings), func(s string) bool { return !harmless[s] })
	})...)
	for _, n := range []string{accounts(w), zeros(w), handshakes(w), reconnects(w), steal(w)} {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}

func orSay(warnings []string, instead string) []string {
	if len(warnings) == 0 {
		return []string{instead}
	}
	return warnings
}

// told collects what is said of the points of a sweep, each sentence once
// with all of its levels: a warning that comes at every level is one line.
func told(w *sweep.Sweep, mark, verb string, say func(sweep.Point) []string) []string {
	var order []string
	levels := map[string][]string{}
	for _, p := range w.Points {
		for _, text := range say(p) {
			if levels[text] == nil {
				order = append(order, text)
			}
			if l := count(int64(p.Level)); !slices.Contains(levels[text], l) {
				levels[text] = append(levels[text], l)
			}
		}
	}
	var out []string
	for _, text := range order {
		where := and(levels[text]) + " " + result.LevelUnit(w.Load, 2)
		if n := len(levels[text]); n == len(w.Points) && n > 1 {
			where = "every level"
		} else if n == 1 && levels[text][0] == "1" {
			where = "1 " + result.LevelUnit(w.Load, 1)
		}
		out = append(out, strings.TrimSpace(mark+" "+where+": "+verb+text))
	}
	return out
}

// handshakes tells what connecting cost where each request did it, at the
// highest level. It is "" where connections were kept.
func handshakes(w *sweep.Sweep) string {
	last := w.Points[len(w.Points)-1]
	c := last.Stage.Connect
	if last.Stage.Settings.Get(result.KeyNewConnection) == "" || c.N() == 0 {
		return ""
	}
	return fmt.Sprintf("each request had a new connection, and latencies contain the connecting: at %s p50 %s, p99 %s of it.",
		sweep.AtLevel(w.Load, last.Level), quantile(c, 0.5), quantile(c, 0.99))
}

// reconnects tells how many connections did not last. It is "" where all did.
func reconnects(w *sweep.Sweep) string {
	var most int64
	for _, p := range w.Points {
		most = max(most, p.Stage.Reconnects)
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf("up to %s connections of a window had been closed, by the server or after a failure, and were made anew.", count(most))
}

// tellSteal is the share of the window from which stolen time is told.
const tellSteal = 0.02

// steal says how much of the CPUs' time the hypervisor took for others: what
// a tail on a shared machine is made of. It is "" where that was next to
// nothing.
func steal(w *sweep.Sweep) string {
	var target, generator float64
	for _, p := range w.Points {
		if p.Stage.Length > 0 {
			target = max(target, p.Stage.Target.Steal.Seconds()/p.Stage.Length.Seconds())
			generator = max(generator, p.Stage.Generator.Steal.Seconds()/p.Stage.Length.Seconds())
		}
	}
	if max(target, generator) < tellSteal {
		return ""
	}
	return fmt.Sprintf("the machine took CPU time away (steal), up to %s of a window from the target and %s from the generator: tails contain it.",
		percent(target), percent(generator))
}

// zeros says what "0 failed" is worth: next to nothing in a stage of 15
// requests, much in one of 30,000. It is "" where no level has a zero.
func zeros(w *sweep.Sweep) string {
	var least, most int64
	for _, p := range w.Points {
		c := p.Stage.Counts
		if n := c.Planned(); n > 0 && (c[result.Rejected] == 0 || c.Failed() == 0) {
			if least == 0 || n < least {
				least = n
			}
			most = max(most, n)
		}
	}
	switch {
	case most == 0:
		return ""
	case least == most:
		return fmt.Sprintf("0 means none seen: <%s at n = %s (95 %%).", seldom(least), count(least))
	}
	return fmt.Sprintf("0 means none seen: <%s at n = %s, <%s at n = %s (95 %%).", seldom(least), count(least), seldom(most), count(most))
}
