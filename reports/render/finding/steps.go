package finding

import (
	"fmt"
	"math"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// Slowest states which step of a scenario is the slowest at a level, and which share of
// the time of a session it takes; "" where that is not known, or there is no other step.
func Slowest(sc *sweep.Scenario, level int) string {
	at := sc.At(level)
	if at.Slowest < 0 || len(at.Steps) < 2 {
		return ""
	}
	k := at.Steps[at.Slowest]
	return fmt.Sprintf("the slowest step is %s: %s is %s", words.Shorten(k.Name, 40), units.Percentile(at.Quantile), sweep.OrMore(k.Stage.Shown().Latency.Quantile(at.Quantile))) +
		words.If(!math.IsNaN(k.Share), fmt.Sprintf(" (%s of a session's time)", units.Percent(k.Share)))
}

// SessionAt states how long a session takes at a level; "" where that is not known.
func SessionAt(sc *sweep.Scenario, level int) string {
	at := sc.At(level)
	if at.Sessions == nil {
		return ""
	}
	q, d := at.Sessions.Carried()
	if q == 0 {
		return ""
	}
	return fmt.Sprintf("A session of %s takes up to %s (%s) at %s", words.Shorten(sc.Name, 40), sweep.OrMore(d), units.Percentile(q), sweep.AtLevel(sc.Sessions.Load, level)) +
		words.If(at.Between > 0, fmt.Sprintf("; %s of its time is between steps", units.Percent(at.Between))) +
		words.If(!at.Sessions.Served(), fmt.Sprintf("; %s of the sessions are not ok", units.Percent(at.Sessions.Unserved()))) +
		words.If(!at.Sessions.Valid(), "; the stage is not valid")
}

// stepNotes are the notes of a step: those that its sessions have too are left out.
func stepNotes(w *sweep.Sweep) (out []string) {
	known := map[string]bool{}
	for _, sc := range sweep.Scenarios([]sweep.Sweep{*w}) {
		for _, p := range sc.Sessions.Points {
			for _, n := range p.Stage.Notes() {
				known[n] = true
			}
		}
	}
	unknown := func(notes []string) (out []string) {
		for _, n := range notes {
			if !known[n] {
				out = append(out, n)
			}
		}
		return out
	}
	out = byLevel(w, "! ", "not valid: ", func(p sweep.Point) []string { return unknown(p.Stage.Invalid) })
	return append(out, byLevel(w, "", "", func(p sweep.Point) []string { return unknown(p.Stage.Warnings) })...)
}
