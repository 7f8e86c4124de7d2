package page

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// mostDifferences is how many differences texts name; verify.json has all of them.
const mostDifferences = 8

// ReplayText writes what a replay found of each trace to w.
func ReplayText(w io.Writer, all []*conformance.Decisions) error {
	t := table.New(table.Numbers("trace", "workers", "queue", "requests", "rejected", "admission differs", "replay differs", "equal", "unexplained")...)
	for _, f := range all {
		t.Row(f.Trace, units.Int(f.Workers), units.Int(f.Queue), units.Int(f.Requests), units.Int(f.Rejected),
			units.Int(len(f.Admission)), units.Int(len(f.Replay)), equalShare(f), units.Int(f.Unexplained()))
	}
	_, err := io.WriteString(w, t.String()+"\n"+replayText(conformance.Total(all)))
	return err
}

func equalShare(f *conformance.Decisions) string { return fmt.Sprintf("%.3f %%", 100*f.EqualShare()) }

// replayText is the replay in words, and the first differences by name: those that are
// unexplained before others.
func replayText(f *conformance.Decisions) string {
	text := words.Paragraph(replaySentence(f), "")
	say := func(s string) { text += words.Paragraph(s, "  ") }
	say(admissionSentence(f))
	order := "no request was taken out of order"
	if f.OutOfOrder > 0 {
		order = fmt.Sprintf("%s requests were taken out of order, by up to %s", units.Int(f.OutOfOrder), units.Duration(f.OutOfOrderMax))
	}
	say(fmt.Sprintf("A free worker took its next request after up to %s, and %s: near such a moment, the exact queue may accept another request.",
		units.Duration(f.DispatchMax), order))
	for _, w := range f.Warnings {
		say(w)
	}
	var named []string
	for _, d := range f.Admission {
		named = append(named, fmt.Sprintf("%s at %s was %s with %d inside: UNEXPLAINED", requestOf(d), d.At, decision(d.Accepted), d.Inside))
	}
	for _, explained := range []bool{false, true} {
		for _, d := range f.Replay {
			if d.Explained == explained && !d.Admission {
				named = append(named, fmt.Sprintf("%s at %s was %s: %s", requestOf(d), d.At, decision(d.Accepted), cause(d)))
			}
		}
	}
	for _, n := range words.AtMost(named, mostDifferences, "… and %d more, which the JSON names") {
		say(n)
	}
	return text
}

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
	return fmt.Sprintf("%s; since request %d, workers were late, or took requests out of order, by %s in total", slack, d.Cause, units.Duration(d.Dispatch))
}

func noneOr(n int) string {
	if n == 0 {
		return "none"
	}
	return units.Int(n)
}

// admissionSentence is whether decisions follow from what was in the server.
func admissionSentence(f *conformance.Decisions) string {
	return fmt.Sprintf("Admission: %s of %s decisions contradict how many requests were in the server.", noneOr(len(f.Admission)), units.Int(f.Requests))
}

func replaySentence(f *conformance.Decisions) string {
	if f.Requests == 0 {
		return "Replay: no request was traced"
	}
	s := fmt.Sprintf("Replay: %s of %s decisions match the exact queue (%s)", units.Int(f.Equal()), units.Int(f.Requests), equalShare(f))
	if n := len(f.Replay); n > 0 || f.Unexplained() > 0 {
		s += fmt.Sprintf("; %d differ, %d unexplained", n, f.Unexplained())
	}
	return s
}

// Prediction writes what theory expects of a load and a server to w, aligned.
func Prediction(w io.Writer, s theory.Setting, p *theory.Prediction) error {
	exact := "exact"
	if !p.Exact {
		exact = "not exact"
	}
	text := words.Paragraph(settingOf(s, true), "") +
		words.Paragraph(fmt.Sprintf("Model %s, %s: %s.", p.Model, exact, figure.MethodWords(p.Method)), "") + "\n"
	in := theory.Intervals{}
	if p.Interval != nil {
		in = *p.Interval
	}
	single := table.New(table.Column{Left: true}, table.Column{}, table.Column{Left: true})
	for _, row := range []struct {
		name  string
		value *float64
		in    *theory.Range
		text  func(float64) string
	}{
		{"rejected", p.Rejected, in.Rejected, share},
		{"throughput", p.Throughput, in.Throughput, units.Rate.Text},
		{"utilisation", p.Utilisation, in.Utilisation, share},
		{"must wait, of the served", p.WaitProbability, in.WaitProbability, share},
		{"in flight, on average", p.InFlight, in.InFlight, units.Number},
	} {
		cell := ""
		if row.in != nil {
			cell = fmt.Sprintf("(%s to %s)", row.text(row.in[0]), row.text(row.in[1]))
		}
		single.Row(row.name, known(row.value, row.text), cell)
	}
	times := table.New(table.Numbers("of the served", "mean", "p50", "p90", "p99")...)
	for _, t := range []struct {
		name string
		of   theory.Times[*float64]
	}{{"wait", p.Wait}, {"latency", p.Latency}} {
		row := []string{t.name}
		for _, v := range []*float64{t.of.Mean, t.of.P50, t.of.P90, t.of.P99} {
			row = append(row, knownTime(v))
		}
		times.Row(row...)
	}
	text += single.String() + "\n" + times.String()
	if p.Interval != nil {
		text += fmt.Sprintf("\nIn brackets: intervals with %s confidence. The JSON output has those of the times.\n", units.Percent(p.Interval.Confidence))
	}
	_, err := io.WriteString(w, text+predictionNotes(p.Notes))
	return err
}

// Predictions writes what theory expects at some levels to w, as a table.
func Predictions(w io.Writer, points []model.Point) error {
	first := points[0].Case.Setting
	columns := table.Numbers(result.LevelUnit(string(first.Load.Model()), 2), "rejected", "ok/s", "busy", "wait", "p50", "p90", "p99", "model")
	columns[0].Left, columns[len(columns)-1].Left = false, true
	t := table.New(columns...)
	var notes []string
	simulated := false
	for _, p := range points {
		model := p.Model
		if !p.Exact {
			model, simulated = "~ "+model, true
		}
		t.Row(units.Number(p.Level), known(p.Rejected, share), known(p.Throughput, units.Number), known(p.Utilisation, share), knownTime(p.Wait.Mean),
			knownTime(p.Latency.P50), knownTime(p.Latency.P90), knownTime(p.Latency.P99), model)
		notes = append(notes, p.Notes...)
	}
	text := words.Paragraph(settingOf(first, false), "") + "\n" + t.String() +
		"\nPercentiles are of the latency of served requests. busy: share of time a worker is busy. wait: the mean.\n"
	if simulated {
		text += "~: from a short simulation. A prediction of one level simulates longer and has intervals.\n"
	}
	_, err := io.WriteString(w, text+predictionNotes(notes[:min(len(notes), 1)])) // they differ in numbers only
	return err
}

func predictionNotes(notes []string) string {
	var text strings.Builder
	for _, n := range notes {
		text.WriteString("\n" + words.Paragraph("Note: "+words.Sentence(n), ""))
	}
	return text.String()
}

func settingOf(s theory.Setting, level bool) string {
	model := string(s.Load.Model())
	load := model + " load"
	switch {
	case level && s.Load.Model().Open():
		load = fmt.Sprintf("%s %s, %s", units.Number(s.Load.Rate), result.LevelUnit(model, 2), model)
	case level:
		load = fmt.Sprintf("%s, %s load", sweep.AtLevel(model, int(s.Load.Level())), model)
	}
	service := figure.Precise(s.ServiceTime) + figure.LawWords(s.ServiceLaw)
	switch {
	case s.Calls > 1 && s.Concurrent:
		service = fmt.Sprintf("%d concurrent calls of %s", s.Calls, service)
	case s.Calls > 1:
		service = fmt.Sprintf("%d sequential calls of %s", s.Calls, service)
	default:
		service = "service time " + service
	}
	return words.Join(" · ", load, words.If(s.Load.ThinkTime > 0, "think time "+figure.Precise(s.Load.ThinkTime)+figure.LawWords(s.ThinkLaw)),
		words.If(s.Load.Backoff > 0, "backoff "+figure.Precise(s.Load.Backoff)), figure.ServerWords(s), service,
		words.If(s.MaxWait > 0, "requests are dropped after waiting "+figure.Precise(s.MaxWait)))
}

// known is a value as text, or that it is unknown, which is not 0.
func known(v *float64, text func(float64) string) string {
	if v == nil {
		return "unknown"
	}
	return text(*v)
}

func knownTime(ns *float64) string { return known(ns, units.Time.Text) }

// share is a share to three digits, however small it is.
func share(v float64) string {
	p := 100 * v
	switch {
	case p > 0 && p < 1e-4:
		return strconv.FormatFloat(p, 'g', 2, 64) + " %"
	case p > 99.9 && p < 100:
		return units.Percent(v)
	}
	return units.Number(p) + " %"
}
