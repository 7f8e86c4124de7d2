package render

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// Prediction writes what theory expects of a load and a server to w, aligned.
func Prediction(w io.Writer, s theory.Setting, p *theory.Prediction) error {
	var b strings.Builder
	paragraph(&b, settingInWords(s), "")
	if p.Exact {
		paragraph(&b, fmt.Sprintf("Model %s, exact: %s.", p.Model, p.Method), "")
	} else {
		paragraph(&b, fmt.Sprintf("Model %s, not exact: %s.", p.Model, figure.MethodWords(p.Method)), "")
	}
	b.WriteByte('\n')
	in := theory.Intervals{}
	if p.Interval != nil {
		in = *p.Interval
	}
	rows := [][]string{{"", "", ""}}
	add := func(name string, v *float64, r *theory.Range, text func(float64) string) {
		row := []string{name, known(v, text), ""}
		if r != nil {
			row[2] = fmt.Sprintf("(%s to %s)", text(r[0]), text(r[1]))
		}
		rows = append(rows, row)
	}
	perSecond := func(v float64) string { return number(v) + "/s" }
	add("rejected", p.Rejected, in.Rejected, precisely)
	add("throughput", p.Throughput, in.Throughput, perSecond)
	add("utilisation", p.Utilisation, in.Utilisation, precisely)
	add("must wait, of the served", p.WaitProbability, in.WaitProbability, precisely)
	add("in flight, on average", p.InFlight, in.InFlight, number)
	align(&b, rows[1:], 0, 2)
	b.WriteByte('\n')
	times := [][]string{{"of the served", "mean", "p50", "p90", "p99"}}
	for _, t := range []struct {
		name string
		of   theory.Times
	}{{"wait", p.Wait}, {"latency", p.Latency}} {
		row := []string{t.name}
		for _, v := range []*float64{t.of.Mean, t.of.P50, t.of.P90, t.of.P99} {
			row = append(row, known(v, units.Time.Text))
		}
		times = append(times, row)
	}
	align(&b, times, 0)
	if p.Interval != nil {
		fmt.Fprintf(&b, "\n(…): intervals of %s confidence; those of the times are in --json.\n", percent(p.Interval.Confidence))
	}
	expectedNotes(&b, p.Notes)
	_, err := io.WriteString(w, b.String())
	return err
}

// Predictions writes what theory expects at some levels to w, as a table.
func Predictions(w io.Writer, points []model.Point) error {
	var b strings.Builder
	first := points[0].Case.Setting
	first.Rate, first.Clients = 0, 0
	paragraph(&b, settingInWords(first), "")
	b.WriteByte('\n')
	rows := [][]string{{result.LevelUnit(first.Load, 2), "rejected", "ok/s", "busy", "wait", "p50", "p90", "p99", "model"}}
	var told []string
	simulated := false
	for _, p := range points {
		model := p.Model
		if !p.Exact {
			model, simulated = "~ "+model, true
		}
		rows = append(rows, []string{
			number(p.Level), known(p.Rejected, precisely), known(p.Throughput, number), known(p.Utilisation, precisely), known(p.Wait.Mean, units.Time.Text),
			known(p.Latency.P50, units.Time.Text), known(p.Latency.P90, units.Time.Text), known(p.Latency.P99, units.Time.Text), model,
		})
		told = append(told, p.Notes...)
	}
	align(&b, rows, 8)
	b.WriteString("\nPercentiles are of the latency of the served; busy: of a worker; wait: its mean.\n")
	if simulated {
		b.WriteString("~: not exact, by a short simulation; a level by itself is a longer one, with intervals.\n")
	}
	expectedNotes(&b, told[:min(len(told), 1)]) // they are alike, but for numbers
	_, err := io.WriteString(w, b.String())
	return err
}

func expectedNotes(b *strings.Builder, notes []string) {
	for _, n := range notes {
		b.WriteByte('\n')
		paragraph(b, "Note: "+sentence(n), "")
	}
}

// settingInWords says what was asked about.
func settingInWords(s theory.Setting) string {
	parts := []string{s.Load + " load"}
	switch {
	case s.Rate > 0:
		parts[0] = fmt.Sprintf("%s %s, %s", number(s.Rate), result.LevelUnit(s.Load, 2), s.Load)
	case s.Clients > 0:
		parts[0] = fmt.Sprintf("%s, %s load", sweep.AtLevel(s.Load, s.Clients), s.Load)
	}
	if s.Think > 0 {
		parts = append(parts, "think time "+figure.Precise(s.Think)+figure.LawWords(s.ThinkLaw))
	}
	if s.RejectPause > 0 {
		parts = append(parts, "pause after a rejection "+figure.Precise(s.RejectPause))
	}
	parts = append(parts, figure.ServerWords(s), "service "+figure.Precise(s.Service)+figure.LawWords(s.ServiceLaw))
	if s.MaxWait > 0 {
		parts = append(parts, "given up after a wait of "+figure.Precise(s.MaxWait))
	}
	return strings.Join(parts, " · ")
}

// known tells a figure, or that it is not known, which is no 0.
func known(v *float64, text func(float64) string) string {
	if v == nil {
		return "not known"
	}
	return text(*v)
}

// precisely tells a share to three digits, however small it is.
func precisely(share float64) string {
	p := 100 * share
	switch {
	case p > 0 && p < 1e-4:
		return strconv.FormatFloat(p, 'g', 2, 64) + " %"
	case p > 99.9 && p < 100:
		return percent(share)
	}
	return number(p) + " %"
}
