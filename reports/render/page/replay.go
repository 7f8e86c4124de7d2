package page

import (
	"fmt"
	"io"
	"time"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// mostDifferences is how many differences texts name; verify.json has all of them.
const mostDifferences = 8

// ReplayText writes what a replay found of each trace to w.
func ReplayText(w io.Writer, all []*conformance.Fates) error {
	t := table.New(table.Numbers("trace", "workers", "queue", "requests", "rejected", "admission differs", "replay differs", "equal", "unexplained")...)
	for _, f := range all {
		t.Row(f.Trace, units.Int(f.Workers), units.Int(f.Places), units.Int(f.Requests), units.Int(f.Rejected),
			units.Int(len(f.Gate)), units.Int(len(f.Replay)), equalShare(f), units.Int(f.Unexplained()))
	}
	_, err := io.WriteString(w, t.String()+"\n"+replayText(conformance.Total(all)))
	return err
}

func equalShare(f *conformance.Fates) string { return fmt.Sprintf("%.3f %%", 100*f.EqualShare()) }

// replayText is the replay in words, and the first differences by name: those that are
// unexplained before others.
func replayText(f *conformance.Fates) string {
	text := words.Paragraph(replaySentence(f), "")
	say := func(s string) { text += words.Paragraph(s, "  ") }
	say(admissionSentence(f))
	order := "no request was taken out of order"
	if f.Turns > 0 {
		order = fmt.Sprintf("%s requests were taken out of order, by up to %s", units.Int(f.Turns), units.Duration(f.TurnMax))
	}
	say(fmt.Sprintf("A free worker took its next request after up to %s, and %s: near such a moment, the exact queue may accept another request.",
		units.Duration(f.Way.Max), order))
	for _, w := range f.Warnings {
		say(w)
	}
	var named []string
	for _, d := range f.Gate {
		named = append(named, fmt.Sprintf("%s at %s was %s with %d inside: UNEXPLAINED", requestOf(d), d.At, decision(d.Accepted), d.Inside))
	}
	for _, explained := range []bool{false, true} {
		for _, d := range f.Replay {
			if d.Explained == explained && !d.Gate {
				named = append(named, fmt.Sprintf("%s at %s was %s: %s", requestOf(d), d.At, decision(d.Accepted), cause(d)))
			}
		}
	}
	for i, n := range named {
		if i == mostDifferences {
			say(fmt.Sprintf("… and %d more, which the JSON names", len(named)-i))
			break
		}
		say(n)
	}
	return text
}

// requestOf is the request, and the trace where there are several.
func requestOf(d conformance.Difference) string {
	if d.Trace == "" {
		return fmt.Sprintf("request %d", d.Number)
	}
	return fmt.Sprintf("%s: request %d", d.Trace, d.Number)
}

func decision(accepted bool) string {
	if accepted {
		return "accepted"
	}
	return "rejected"
}

// cause is why a decision differs, as far as the log shows.
func cause(d conformance.Difference) string {
	slack := "no departure of the exact queue would change that"
	if d.Slack < time.Hour {
		slack = units.Duration(d.Slack) + " from the departure that decides"
	}
	if !d.Explained {
		return slack + ": UNEXPLAINED"
	}
	return fmt.Sprintf("%s; since request %d, workers were late by %s in total", slack, d.Cause, units.Duration(d.Way))
}

func noneOr(n int) string {
	if n == 0 {
		return "none"
	}
	return units.Int(n)
}

// admissionSentence is whether decisions follow from what was in the server.
func admissionSentence(f *conformance.Fates) string {
	return fmt.Sprintf("Admission: %s of %s decisions contradict how many requests were in the server.", noneOr(len(f.Gate)), units.Int(f.Requests))
}

func replaySentence(f *conformance.Fates) string {
	if f.Requests == 0 {
		return "Replay: no request was traced"
	}
	s := fmt.Sprintf("Replay: %s of %s decisions match the exact queue (%s)", units.Int(f.Equal()), units.Int(f.Requests), equalShare(f))
	if n := len(f.Replay); n > 0 || f.Unexplained() > 0 {
		s += fmt.Sprintf("; %d differ, %d unexplained", n, f.Unexplained())
	}
	return s
}
