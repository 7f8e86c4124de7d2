package render

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/theory"
)

// namedFates are how many differences are named in text; verify.json has all.
const namedFates = 8

// Verify writes verify.png and summary.md of a report into dir, and returns the
// paths of what it wrote.
func Verify(dir string, r *conformance.Report) ([]string, error) {
	return writeVerify(dir, r, canvas.DPI)
}

func writeVerify(dir string, r *conformance.Report, resolution int) ([]string, error) {
	var paths []string
	var errs []error
	picture, err := verifyFile(r, resolution)
	made := []sweep.File{picture, {Name: "summary.md", Data: []byte(verifyMarkdown(r, picture.Alt))}}
	if err != nil {
		errs, made = append(errs, err), made[1:]
	}
	for _, f := range made {
		path := filepath.Join(dir, f.Name)
		if err := files.Write(path, f.Data); err != nil {
			errs = append(errs, err)
			continue
		}
		paths = append(paths, path)
	}
	return paths, errors.Join(errs...)
}

// VerifyText prints a report for people.
func VerifyText(w io.Writer, r *conformance.Report) error {
	var b strings.Builder
	b.WriteString(verifyTitle(r) + "\n\n")
	if rows := verifyRows(r); len(rows) > 0 {
		align(&b, append([][]string{{"cell", "load on c+K", "", "measured", "±", "expected", "off", "answer"}}, textRows(rows)...), 0, 1, 2, 7)
	}
	for _, n := range verifyNotes(r) {
		paragraph(&b, n, "  ")
	}
	b.WriteString("\n")
	fatesText(&b, r.Fates())
	if rows := lossRows(r); len(rows) > 0 {
		fmt.Fprintf(&b, "\nThe same loss for each law of service (no queue, %d workers, Poisson arrivals)\n", r.Insensitive()[0].Spec.Workers)
		align(&b, append([][]string{{"service", "turned away", "Erlang's B"}}, rows...), 0)
	}
	if rows := startRows(r); len(rows) > 0 {
		b.WriteString("\nLock-step: overload, each service takes about the same, and how it began is long remembered\n")
		align(&b, append([][]string{{"workers began", "mean wait", "phases kept", "off", "turned away", "expected"}}, rows...), 0)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// FatesText prints what a replay found of each trace.
func FatesText(w io.Writer, all []*conformance.Fates) error {
	var b strings.Builder
	rows := [][]string{{"trace", "workers", "places", "requests", "rejected", "gate differs", "replay differs", "equal", "unexplained"}}
	for _, f := range all {
		rows = append(rows, []string{f.Trace, fmt.Sprint(f.Workers), fmt.Sprint(f.Places), count(int64(f.Requests)), count(int64(f.Rejected)),
			count(int64(len(f.Gate))), count(int64(len(f.Replay))), equalShare(f), count(int64(f.Unexplained()))})
	}
	align(&b, rows, 0)
	b.WriteString("\n")
	fatesText(&b, conformance.Total(all))
	_, err := io.WriteString(w, b.String())
	return err
}

func equalShare(f *conformance.Fates) string { return fmt.Sprintf("%.3f %%", 100*f.EqualShare()) }

// fatesText is the replay in words, and the first differences by name: those
// that nothing explains before others.
func fatesText(b *strings.Builder, f *conformance.Fates) {
	paragraph(b, fatesSentence(f), "")
	paragraph(b, fmt.Sprintf("Gate: %s of %s decisions contradict what was inside when the request came.", countOrNone(len(f.Gate)), count(int64(f.Requests))), "  ")
	paragraph(b, fmt.Sprintf("A worker that was free took its next after up to %s, and %s requests were taken out of turn, by up to %s: "+
		"near such a moment the exact queue may let in another request.", duration(f.Way.Max), countOrNone(f.Turns), duration(f.TurnMax)), "  ")
	for _, w := range f.Warnings {
		paragraph(b, w, "  ")
	}
	var named []string
	for _, d := range f.Gate {
		named = append(named, fmt.Sprintf("%s at %s was %s with %d inside: UNEXPLAINED", whose(d), d.At, fate(d.Accepted), d.Inside))
	}
	for _, explained := range []bool{false, true} {
		for _, d := range f.Replay {
			if d.Explained != explained || d.Gate {
				continue
			}
			named = append(named, fmt.Sprintf("%s at %s was %s: %s", whose(d), d.At, fate(d.Accepted), cause(d)))
		}
	}
	for i, n := range named {
		if i == namedFates {
			fmt.Fprintf(b, "  … and %d more; the JSON names them all\n", len(named)-i)
			break
		}
		paragraph(b, n, "  ")
	}
}

// whose is the request, and the trace where there are several.
func whose(d conformance.Difference) string {
	if d.Trace == "" {
		return fmt.Sprintf("request %d", d.Number)
	}
	return fmt.Sprintf("%s: request %d", d.Trace, d.Number)
}

func fate(accepted bool) string {
	if accepted {
		return "let in"
	}
	return "turned away"
}

// cause is why a fate differs, as far as the log tells.
func cause(d conformance.Difference) string {
	slack := "no departure of the exact queue would change it"
	if d.Slack < time.Hour {
		slack = duration(d.Slack) + " from the departure that decides"
	}
	if !d.Explained {
		return slack + ": UNEXPLAINED"
	}
	return fmt.Sprintf("%s; since request %d workers were %s on their way, added up", slack, d.Cause, duration(d.Way))
}

func countOrNone(n int) string {
	if n == 0 {
		return "none"
	}
	return count(int64(n))
}

func fatesSentence(f *conformance.Fates) string {
	if f.Requests == 0 {
		return "Replay: no request was traced"
	}
	s := fmt.Sprintf("Replay: %s of %s fates are those of the exact queue (%s)", count(int64(f.Equal())), count(int64(f.Requests)), equalShare(f))
	if n := len(f.Replay); n > 0 || f.Unexplained() > 0 {
		s += fmt.Sprintf("; %d differ, %d unexplained", n, f.Unexplained())
	}
	return s
}

// verifyTitle is the finding.
func verifyTitle(r *conformance.Report) string {
	n := r.Answers()
	total := 0
	for _, k := range n {
		total += k
	}
	confirmed, contradicted, open, spoilt := n[theory.Confirmed.String()], n[theory.Contradicted.String()], n[theory.CannotTell.String()], n[conformance.NotValid]
	part := ""
	if !r.Whole() {
		part = fmt.Sprintf(" (%d of %d cells, interrupted)", len(r.Cells), r.Planned)
	}
	var s string
	switch {
	case total == 0:
		s = "Does the " + r.Target + " server do what theory says? Nothing was judged"
	case contradicted > 0:
		s = fmt.Sprintf("The %s server contradicts theory in %d of %d quantities", r.Target, contradicted, total)
	case confirmed == total:
		s = fmt.Sprintf("The %s server does what theory says: all %d quantities within ±%s", r.Target, total, percent(r.Precision))
	default:
		s = fmt.Sprintf("Does the %s server do what theory says? %d of %d quantities within ±%s, none contradicted", r.Target, confirmed, total, percent(r.Precision))
	}
	if open > 0 {
		s += fmt.Sprintf(", %d cannot be told", open)
	}
	if spoilt > 0 {
		s += fmt.Sprintf(", %d not valid", spoilt)
	}
	// A figure shows more than what is judged.
	furthest := 0.0
	for _, start := range r.Starts {
		furthest = max(furthest, math.Abs(start.Off()))
	}
	if furthest > r.Precision {
		s += fmt.Sprintf("; lock-step, not judged, is up to %s off", percent(furthest))
	}
	return s + part
}

// verifyRows are the table of what was judged.
func verifyRows(r *conformance.Report) (rows [][]string) {
	for _, c := range r.Cells {
		for i, j := range c.Judgements {
			name, load := c.Spec.Name, loadOf(c)
			if i > 0 {
				name, load = "", ""
			}
			answer := j.Answer
			if j.Answer == theory.CannotTell.String() && j.Needs > 0 {
				answer += fmt.Sprintf(" (needs %s)", duration(j.Needs.Round(time.Second)))
			}
			half := (j.High - j.Low) / 2
			if j.Delta == 0 { // nothing could be made of it
				rows = append(rows, []string{name, load, figure.QuantityName(j.Quantity), "–", "–", "–", "–", "–", answer})
				continue
			}
			rows = append(rows, []string{name, load, figure.QuantityName(j.Quantity), figure.QuantityText(j.Quantity, j.Measured), figure.QuantityText(j.Quantity, half),
				figure.QuantityText(j.Quantity, j.Low) + " to " + figure.QuantityText(j.Quantity, j.High), expectedOf(c, j), off(j), answer})
		}
	}
	return rows
}

// textRows have half the width in place of the interval: a line is short.
func textRows(rows [][]string) (out [][]string) {
	const interval = 5
	for _, row := range rows {
		out = append(out, slices.Delete(slices.Clone(row), interval, interval+1))
	}
	return out
}

func expectedOf(c *conformance.Cell, j conformance.Judgement) string {
	s := figure.QuantityText(j.Quantity, j.Expected)
	if !c.Exact {
		s = "~" + s
	}
	return s
}

func off(j conformance.Judgement) string {
	if j.Answer == conformance.NotValid {
		return "–"
	}
	return fmt.Sprintf("%+.1f %%", 100*(j.Measured/j.Expected-1))
}

// loadOf is a cell's model, and its load, in few words.
func loadOf(c *conformance.Cell) string {
	s := c.Spec
	pool := fmt.Sprintf("%d+%d", s.Workers, s.Places)
	switch s.Load {
	case theory.LoadClosed, theory.LoadBurst:
		return fmt.Sprintf("%s %s, N %d", modelName(c), pool, s.Clients)
	}
	if c.Service == 0 {
		return modelName(c) + " " + pool
	}
	return fmt.Sprintf("%s %s, a %.3g", modelName(c), pool, c.Rate*c.Service.Seconds())
}

func modelName(c *conformance.Cell) string {
	if c.Model == "" {
		return c.Spec.Load
	}
	return c.Model
}

func lossRows(r *conformance.Report) (rows [][]string) {
	for _, c := range r.Insensitive() {
		for _, j := range c.Judgements {
			if j.Quantity == conformance.Rejected {
				rows = append(rows, []string{c.Spec.Law, figure.QuantityText(j.Quantity, j.Measured), figure.QuantityText(j.Quantity, j.Expected)})
			}
		}
	}
	return rows
}

func startRows(r *conformance.Report) (rows [][]string) {
	for _, s := range r.Starts {
		name := s.Name
		if !s.Cell.Valid {
			name += " (not valid)"
		}
		rows = append(rows, []string{name, fmt.Sprintf("%.3f services", s.Waited()), fmt.Sprintf("%.3f", s.WaitExpected), figure.OffText(s.Off()),
			percent(s.Cell.Rejected), percent(s.RejectedExpected())})
	}
	return rows
}

// verifyNotes are how to read the table, and what is wrong.
func verifyNotes(r *conformance.Report) []string {
	out := []string{fmt.Sprintf("Confirmed: the whole interval is within ±%s of what is expected at the rate and the service time that were measured. "+
		"The intervals are from %d batches, and all of them hold with a confidence of %s together (%s each). ~: expected by simulation; its own interval is in the measured one.",
		percent(r.Precision), conformance.Batches, percent(1-conformance.FamilyError), percent(r.Confidence))}
	if len(r.Starts) > 0 {
		out = append(out, "Lock-step is shown and not judged: the wait with phases kept is that of workers which never lose the phases that they began with. Real services vary a little: "+
			"workers that began all at once drift apart, and their wait rises towards that of workers which began one after another.")
	}
	for _, c := range r.Cells {
		switch {
		case !c.Valid && len(c.Why) > 0:
			out = append(out, fmt.Sprintf("%s is not valid after %d tries: %s", c.Spec.Name, c.Tries, c.Why[0]))
		case c.Tries > 1:
			out = append(out, fmt.Sprintf("%s was run %d times: it was not valid before", c.Spec.Name, c.Tries))
		}
	}
	return append(out, r.Notes...)
}

// verifyMarkdown is summary.md.
func verifyMarkdown(r *conformance.Report, alt string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n![%s](verify.png)\n\n", escape.Markdown(verifyTitle(r)), escape.Markdown(alt))
	b.WriteString("| cell | load on c+K | quantity | measured | interval | expected | off | answer |\n|:--|:--|:--|--:|--:|--:|--:|:--|\n")
	for _, row := range verifyRows(r) {
		row = slices.Delete(row, 4, 5) // the interval tells it
		for i := range row {
			row[i] = escape.Markdown(row[i])
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	f := r.Fates()
	fmt.Fprintf(&b, "\n**%s.** Gate: %s of the decisions contradict what was inside when the request came.\n", escape.Markdown(fatesSentence(f)), countOrNone(len(f.Gate)))
	if rows := lossRows(r); len(rows) > 0 {
		b.WriteString("\n| service | turned away | Erlang's B |\n|:--|--:|--:|\n")
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	if rows := startRows(r); len(rows) > 0 {
		b.WriteString("\n| workers began | mean wait | phases kept | off | turned away | expected |\n|:--|--:|--:|--:|--:|--:|\n")
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	b.WriteString("\n")
	for _, n := range verifyNotes(r) {
		fmt.Fprintf(&b, "- %s\n", escape.Markdown(n))
	}
	fmt.Fprintf(&b, "\n%s; seed %d.\n", escape.Markdown(page.Environment(r.Environment)), r.Seed)
	return b.String()
}
