// Package page writes what people read of a run: a text for the terminal ([Text])
// and summary.md ([Summary]).
package page

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

//go:embed *.tmpl
var texts embed.FS

var templates = words.Templates(texts, nil)

// Text writes the finding and a table of each target to w, aligned, without
// colours, in at most words.Width columns. It fails where w does.
func Text(w io.Writer, run result.Run, stages []*result.Stage) error {
	var b strings.Builder
	sweeps := sweep.Of(stages)
	title, _ := finding.Of(sweeps)
	b.WriteString(words.Paragraph(title, ""))
	if limits := finding.Limits(sweeps); limits != "" {
		b.WriteString(words.Paragraph(words.Sentence(limits), ""))
	}
	if stamp := sweep.Stamp(run, len(stages)); stamp != "" {
		b.WriteString(words.Paragraph(stamp, ""))
	}
	for i := range sweeps {
		if sweeps[i].Step() == "" {
			b.WriteString("\n" + textOf(&sweeps[i]))
		}
	}
	for _, sc := range sweep.Scenarios(sweeps) {
		b.WriteString("\n" + stepsOf([]*sweep.Scenario{sc}, (*sweep.Scenario).Levels).String())
		for i := range sc.Steps {
			for _, n := range finding.Notes(&sc.Steps[i]) {
				b.WriteString(words.Paragraph(sc.Steps[i].Step()+": "+n, "  "))
			}
		}
	}
	if len(sweeps) > 0 {
		b.WriteString("\n" + words.Paragraph(legend(pointsOf(sweeps)), ""))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func textOf(w *sweep.Sweep) string {
	repeats := 1
	for _, p := range w.Points {
		repeats = max(repeats, p.All)
	}
	head := words.Join(", ", cmp.Or(w.Key, w.Name), words.If(w.Load != "", w.Load+" load"), w.Setup(), words.If(repeats > 1, fmt.Sprintf("%d repeats merged", repeats)))
	t, columns := tableOf(w.Points, table.Column{Head: result.LevelUnit(w.Load, 2)})
	for _, p := range w.Points {
		row := []string{level(p)}
		for _, c := range columns {
			row = append(row, c.cell(p))
		}
		t.Row(row...)
	}
	rows, out := t.Text()
	var text strings.Builder
	text.WriteString(words.Paragraph(head, "") + rows)
	if t := rampOf(w); t != nil {
		text.WriteString("\n" + t.String() + "\n")
	}
	if t := streamsOf([]sweep.Sweep{*w}); t != nil {
		text.WriteString("\n" + t.String() + "\n")
	}
	if t := agentsOf([]sweep.Sweep{*w}); t != nil {
		text.WriteString("\n" + t.String() + "\n")
	}
	if t := statusesOf([]sweep.Sweep{*w}); t != nil {
		text.WriteString("\n" + t.String() + "\n")
	}
	if len(out) > 0 {
		text.WriteString(words.Paragraph(fmt.Sprintf("Not shown, as there is no room: %s. summary.md has all columns.", units.List(out)), "  "))
	}
	for _, n := range finding.Notes(w) {
		text.WriteString(words.Paragraph(n, "  "))
	}
	return text.String()
}

func pointsOf(sweeps []sweep.Sweep) []sweep.Point {
	var all []sweep.Point
	for _, w := range sweeps {
		all = append(all, w.Points...)
	}
	return all
}

// column is a metric that the tables of a run show, and what there is to know of it.
type column struct {
	metric   string
	text     func(sweep.Point) string // of a column that shows no metric
	spare    int                      // where text has no room, the highest goes first
	accepted bool                     // of a target that completes the work later, the time until it accepts
	shown    func(sweep.Point) bool
	legend   string
}

// columns are those behind the level, by the names that metrics have in package
// result. A column for which no stage has a value is left out.
var columns = []column{
	{metric: "ok/s"},
	{metric: "p50", accepted: true}, {metric: "p90", accepted: true}, {metric: "p99", accepted: true}, {metric: "p99.9", accepted: true},
	{metric: "p99 interval", spare: 1, shown: func(p sweep.Point) bool { return series.Percentile(p.Stage, 0.99).TooShort == "" },
		text:   func(p sweep.Point) string { return series.Percentile(p.Stage, 0.99).String() },
		legend: "p99 interval: 95 % confidence, within this run; where it says so, the run is too short for one."},
	{metric: "ttfb-p99", spare: 3, shown: func(p sweep.Point) bool { return p.Stage.InParts() },
		legend: "ttfb: time to the first byte of the reply, from the planned instant."},
	{metric: "completion-p50", legend: "completion: from the planned instant to the end of the work, over all accepted requests; work not completed when the stage ended counts as slowest. " +
		"Other latencies of such a target end when it accepts, and its CPU time, memory and threads exclude the workers."},
	{metric: "completion-p99"},
	{metric: "backlog", legend: "backlog: accepted, but not completed when the stage ended."},
	{metric: "lost", legend: "lost: accepted, but will never be completed."},
	{metric: "unknown", shown: func(p sweep.Point) bool { return p.HasCompletion() && p.Stage.Completion.Unknown > 0 },
		legend: "unknown: accepted, but nothing could say whether it was completed."},
	{metric: "duplicates", spare: 5, legend: "duplicates: delivered again, and recognised."},
	{metric: "adjusted-p99", legend: "adjusted p99: over all requests, where one that was rejected or failed counts as infinitely slow."},
	{metric: "rejected"},
	{metric: "failed"},
	// Accepting does not wait for the backend.
	{metric: "served-per-wait", spare: 2, shown: func(p sweep.Point) bool { return !p.HasCompletion() },
		legend: "served per wait: requests served during one backend wait."},
	{metric: "cpu", spare: 2, legend: "CPU per request: the target's CPU time per served request; it includes what rejecting others cost."},
	{metric: "memory", spare: 3},
	{metric: "threads", spare: 4},
	{metric: "limit", spare: 1, text: func(p sweep.Point) string { return p.Limit.Short() },
		legend: "limit: who set the pace, with the CPUs or places in use, and how many there are."},
}

type shown struct {
	column
	result.Metric
}

func columnsOf(points []sweep.Point) []shown {
	var out []shown
	for _, c := range columns {
		if c.text != nil {
			if c.shown == nil || slices.ContainsFunc(points, c.shown) {
				out = append(out, shown{c, result.Metric{Heading: c.metric}})
			}
			continue
		}
		m, _ := result.MetricNamed(c.metric)
		if m.Unit == units.Rate {
			m.Unit = units.Count // the heading says that it is a rate
		}
		for _, p := range points {
			if m.Read(p.Stage).Reason == "" && (c.shown == nil || c.shown(p)) {
				out = append(out, shown{c, m})
				break
			}
		}
	}
	return out
}

func (c shown) cell(p sweep.Point) string {
	switch {
	case c.text != nil:
		return c.text(p)
	case c.column.shown != nil && !c.column.shown(p):
		return units.None
	}
	return c.Cell(p.Stage)
}

// tableOf has the columns behind those that are given. Their headings have two lines.
func tableOf(points []sweep.Point, first ...table.Column) (*table.Table, []shown) {
	columns := columnsOf(points)
	for _, c := range columns {
		head := c.Heading
		if c.accepted && sweep.HasCompletion(points) {
			head = "accepted " + head
		}
		if at := strings.LastIndexByte(head, ' '); at >= 0 {
			head = head[:at] + "\n" + head[at+1:]
		}
		first = append(first, table.Column{Head: head, Spare: 1 + c.spare})
	}
	return table.New(first...), columns
}

// legend explains the headings and marks of tables of these points.
func legend(points []sweep.Point) string {
	text := []string{"Percentiles are of ok requests, measured from the planned instant."}
	var thin, none, invalid bool
	var of []string
	for _, c := range columnsOf(points) {
		for _, p := range points {
			thin = thin || c.text == nil && c.Read(p.Stage).Thin
			none = none || c.cell(p) == units.None
			invalid = invalid || !p.Valid()
		}
		of = append(of, c.legend)
	}
	text = append(text, words.If(thin, "~: fewer than ten samples lie beyond."),
		words.If(none, units.None+": no value, or too few samples."), words.If(invalid, "!: the stage is not valid."))
	if slices.ContainsFunc(points, hasStreams) {
		of = append(of, streamsLegend)
	}
	if slices.ContainsFunc(points, func(p sweep.Point) bool { return p.Stage.Settings.Get(result.KeyStep) != "" }) {
		of = append(of, "of a session's time: time in ok requests of the step, as a share of that of ok sessions.")
	}
	return words.Join(" ", append(text, of...)...)
}

func level(p sweep.Point) string {
	if !p.Valid() {
		return "! " + units.Int(p.Level)
	}
	return units.Int(p.Level)
}

// mostNotes bounds the notes of a summary, which is read on one screen.
const mostNotes = 8

// Summary is summary.md: the finding, the pictures, one table, what must be known to
// trust it, and how to repeat the run.
func Summary(r *sweep.Report) ([]sweep.File, error) {
	title, _ := finding.Of(r.Sweeps)
	notes := r.Missing
	tables := Tables(r.Sweeps)
	var more []string // tables
	if tables.Streams != nil {
		more = append(more, tables.Streams.Markdown())
	}
	if tables.Agents != nil {
		more = append(more, tables.Agents.Markdown())
	}
	if tables.Statuses != nil {
		more = append(more, tables.Statuses.Markdown())
	}
	for i := range r.Sweeps {
		if t := rampOf(&r.Sweeps[i]); t != nil {
			more = append(more, t.Markdown())
		}
		for _, n := range finding.Notes(&r.Sweeps[i]) {
			notes = append(notes, fmt.Sprintf("%s: %s", r.Sweeps[i].ShortName(40), n))
		}
	}
	text := words.Fill(templates, "summary.md.tmpl", map[string]any{
		"Title": title, "Limits": finding.Limits(r.Sweeps), "Stamp": sweep.Stamp(r.Run, len(r.Stages)), "Made": r.Made,
		"Overview": tables.Overview.Markdown(), "Steps": tables.Steps.Markdown(), "Validity": words.UpperFirst(sweep.Validity(r.Stages)),
		"Levels": tables.Levels.Markdown(), "Legend": tables.Legend, "More": more,
		"Notes": words.AtMost(notes, mostNotes, "and %d more"), "WhatWasRun": sweep.WhatWasRun(r.Run, r.Sweeps),
	})
	return []sweep.File{{Name: "summary.md", Data: []byte(text)}}, nil
}

// tableOfAll is one table of all targets: one for each would fill the screen with
// headings.
func tableOfAll(sweeps []sweep.Sweep) *table.Table {
	loads := map[string]bool{}
	for _, w := range sweeps {
		loads[result.LevelUnit(w.Load, 2)] = true
	}
	levels := "load"
	if len(loads) == 1 {
		levels = result.LevelUnit(sweeps[0].Load, 2)
	}
	t, columns := tableOf(pointsOf(sweeps), table.Column{Head: "target", Left: true}, table.Column{Head: levels})
	for i := range sweeps {
		w := &sweeps[i]
		for _, p := range w.Points {
			row := []string{w.ShortName(40), level(p)}
			if len(loads) > 1 {
				row[1] += " " + result.LevelUnit(w.Load, p.Level)
			}
			for _, c := range columns {
				row = append(row, c.cell(p))
			}
			t.Row(row...)
		}
	}
	return t
}
