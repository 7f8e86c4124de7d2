package page

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// Verification is verify.png, verify.svg and summary.md of a report. Where the picture could not be
// drawn, there is summary.md alone, and an error.
func Verification(r *conformance.Report, resolution int) ([]sweep.File, error) {
	f := figure.Verification(r)
	f.Title, f.Alt, f.Run = verificationTitle(r), verificationAlt(r), r.ID
	f.Footer = []string{verificationCaption(r), figure.VerificationMarks}
	if !r.Whole() {
		f.Stamp = "PARTIAL"
	}
	made, err := figure.Files(f, "verify", resolution)
	return append(made, sweep.File{Name: "summary.md", Data: []byte(verificationSummary(r, f.Alt))}), err
}

// VerificationText writes a report for a terminal to w.
func VerificationText(w io.Writer, r *conformance.Report) error {
	var b strings.Builder
	b.WriteString(words.Paragraph(verificationTitle(r), "") + "\n")
	t := tablesOf(r)
	if t.judged != nil {
		b.WriteString(t.judged.String())
	}
	for _, n := range verificationNotes(r) {
		b.WriteString(words.Paragraph(n, "  "))
	}
	b.WriteString("\n" + replayText(r.Fates()))
	if t.losses != nil {
		fmt.Fprintf(&b, "\n%s\n%s", lossesTitle(r), t.losses)
	}
	if t.starts != nil {
		fmt.Fprintf(&b, "\n%s\n%s", startsTitle, t.starts)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func verificationSummary(r *conformance.Report, alt string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s\n\n![%s](verify.png)\n", escape.Markdown(verificationTitle(r)), escape.Markdown(alt))
	t := tablesOf(r)
	if t.judged != nil {
		line("%s", t.judged.Markdown())
	}
	f := r.Fates()
	line("**%s.** %s\n", escape.Markdown(replaySentence(f)), admissionSentence(f))
	if t.losses != nil {
		line("%s:\n\n%s", lossesTitle(r), t.losses.Markdown())
	}
	if t.starts != nil {
		line("%s:\n\n%s", startsTitle, t.starts.Markdown())
	}
	for _, n := range verificationNotes(r) {
		line("- %s", escape.Markdown(n))
	}
	line("\n%s; seed %d.", escape.Markdown(sweep.Environment(r.Environment)), r.Seed)
	return b.String()
}

// verificationTitle is what was found.
func verificationTitle(r *conformance.Report) string {
	n := r.Answers()
	total := 0
	for _, k := range n {
		total += k
	}
	confirmed, contradicted := n[theory.Confirmed.String()], n[theory.Contradicted.String()]
	within := "±" + units.Percent(r.Precision)
	var s string
	switch {
	case total == 0:
		s = fmt.Sprintf("Does the %s server match theory? Nothing was judged", r.Target)
	case contradicted > 0:
		s = fmt.Sprintf("The %s server contradicts theory in %d of %d quantities", r.Target, contradicted, total)
	case confirmed == total:
		s = fmt.Sprintf("The %s server matches theory: all %d quantities within %s", r.Target, total, within)
	default:
		s = fmt.Sprintf("Does the %s server match theory? %d of %d quantities within %s, none contradicted", r.Target, confirmed, total, within)
	}
	if k := n[theory.Inconclusive.String()]; k > 0 {
		s += fmt.Sprintf(", %d inconclusive", k)
	}
	if k := n[conformance.NotValid]; k > 0 {
		s += fmt.Sprintf(", %d not valid", k)
	}
	// The figure shows more than what is judged.
	furthest := 0.0
	for _, start := range r.Starts {
		furthest = max(furthest, math.Abs(start.Off()))
	}
	if furthest > r.Precision {
		s += fmt.Sprintf("; lock-step, not judged, deviates by up to %s", units.Percent(furthest))
	}
	if !r.Whole() {
		s += fmt.Sprintf(" (%d of %d cells, interrupted)", len(r.Cells), r.Planned)
	}
	return s
}

func verificationCaption(r *conformance.Report) string {
	parts := []string{"run " + r.ID, r.Target + " target", fmt.Sprintf("seed %d", r.Seed)}
	if len(r.Cells) > 0 {
		least := r.Cells[0].Requests
		for _, c := range r.Cells {
			least = min(least, c.Requests)
		}
		parts = append(parts, fmt.Sprintf("at least %s requests per cell", units.Int(least)))
	}
	if h := r.Environment.Host; h != "" {
		parts = append(parts, "on "+h)
	}
	if c := r.Environment.Commit; c != "" {
		parts = append(parts, "commit "+words.Shorten(c, 13))
	}
	return strings.Join(parts, " · ")
}

func verificationAlt(r *conformance.Report) string {
	parts := []string{fmt.Sprintf("Measured over expected, a dot and an interval for each quantity of %d cells. %s.", len(r.Cells), verificationTitle(r))}
	worst, name := 0.0, ""
	for _, c := range r.Cells {
		for _, j := range c.Judgements {
			if d := math.Abs(j.Measured/j.Expected - 1); d > worst && j.Answer != conformance.NotValid {
				worst, name = d, c.Spec.Name+", "+figure.QuantityName(j.Quantity)
			}
		}
	}
	if name != "" {
		parts = append(parts, fmt.Sprintf("The largest deviation is that of %s, %.1f %%.", name, 100*worst))
	}
	parts = append(parts, replaySentence(r.Fates())+".")
	for _, st := range r.Starts {
		parts = append(parts, fmt.Sprintf("Workers that began %s, not judged: mean wait %.2f service times, %s from that with phases kept.", st.Name, st.Waited(), figure.OffText(st.Off())))
	}
	return strings.Join(parts, " ")
}

// verificationTables are the tables of a report; nil where they have no row.
type verificationTables struct{ judged, losses, starts *table.Table }

const startsTitle = "Lock-step: an overloaded pool with nearly constant service times remembers for long how its workers began"

func lossesTitle(r *conformance.Report) string {
	return fmt.Sprintf("The rejected share does not depend on how service times vary (no queue, %d workers, Poisson arrivals)", r.Insensitive()[0].Spec.Workers)
}

func tablesOf(r *conformance.Report) (t verificationTables) {
	left := func(head string) table.Column { return table.Column{Head: head, Left: true} }
	judged := table.New(left("cell"), left("model, workers+queue"), left("quantity"),
		table.Column{Head: "measured"}, table.Column{Head: "±"}, table.Column{Head: "expected"}, table.Column{Head: "deviation"}, left("verdict"))
	for _, c := range r.Cells {
		for i, j := range c.Judgements {
			row := []string{"", "", figure.QuantityName(j.Quantity)}
			if i == 0 {
				row[0], row[1] = c.Spec.Name, loadOf(c)
			}
			if j.Delta == 0 { // there was nothing to judge
				row = append(row, units.None, units.None, units.None, units.None, j.Answer)
			} else {
				row = append(row, figure.QuantityText(j.Quantity, j.Measured), figure.QuantityText(j.Quantity, (j.High-j.Low)/2), expectedOf(c, j), deviation(j), answerOf(j))
			}
			judged.Row(row...)
			t.judged = judged
		}
	}
	losses := table.New(table.Numbers("service time", "rejected", "Erlang's B")...)
	for _, c := range r.Insensitive() {
		for _, j := range c.Judgements {
			if j.Quantity == conformance.Rejected {
				losses.Row(c.Spec.ServiceLaw.Kind, figure.QuantityText(j.Quantity, j.Measured), figure.QuantityText(j.Quantity, j.Expected))
				t.losses = losses
			}
		}
	}
	starts := table.New(table.Numbers("workers began", "mean wait", "with phases kept", "deviation", "rejected", "expected")...)
	for _, s := range r.Starts {
		name := s.Name
		if !s.Cell.Valid {
			name += " (not valid)"
		}
		starts.Row(name, fmt.Sprintf("%.3f service times", s.Waited()), fmt.Sprintf("%.3f", s.WaitExpected), figure.OffText(s.Off()),
			units.Percent(s.Cell.Rejected), units.Percent(s.RejectedExpected()))
		t.starts = starts
	}
	return t
}

func answerOf(j conformance.Judgement) string {
	if j.Answer == theory.Inconclusive.String() && j.Needs > 0 {
		return fmt.Sprintf("%s (needs %s)", j.Answer, units.Duration(j.Needs.Round(time.Second)))
	}
	return j.Answer
}

func expectedOf(c *conformance.Cell, j conformance.Judgement) string {
	s := figure.QuantityText(j.Quantity, j.Expected)
	if !c.Exact {
		s = "~" + s
	}
	return s
}

func deviation(j conformance.Judgement) string {
	if j.Answer == conformance.NotValid {
		return units.None
	}
	return fmt.Sprintf("%+.1f %%", 100*(j.Measured/j.Expected-1))
}

// loadOf is a cell's model and its load, in few words.
func loadOf(c *conformance.Cell) string {
	s := c.Spec
	model := c.Model
	if model == "" {
		model = string(s.Load.Model())
	}
	pool := fmt.Sprintf("%s %d+%d", model, s.Workers, s.Queue)
	switch {
	case !s.Load.Model().Open():
		return fmt.Sprintf("%s, %.0f clients", pool, s.Load.Level())
	case c.ServiceTime == 0:
		return pool
	}
	return fmt.Sprintf("%s, %.3g erlangs", pool, c.Rate*c.ServiceTime.Seconds())
}

// verificationNotes are how to read the table, and what is wrong.
func verificationNotes(r *conformance.Report) []string {
	out := []string{fmt.Sprintf("confirmed: the complete interval is within ±%s of what is expected at the measured rate and service time. "+
		"Intervals are from %d batches; all of them together hold with %s confidence (%s each). ~: expected by simulation, whose own interval is included.",
		units.Percent(r.Precision), conformance.Batches, units.Percent(1-conformance.FamilyError), units.Percent(r.Confidence))}
	if len(r.Starts) > 0 {
		out = append(out, "Lock-step is shown, not judged. With phases kept, workers never lose the offset with which they began. Real service times vary a little: "+
			"workers that began all at once drift apart, and their wait rises towards that of workers which began one after another.")
	}
	for _, c := range r.Cells {
		switch {
		case !c.Valid && len(c.Why) > 0:
			out = append(out, fmt.Sprintf("%s is not valid after %s: %s", c.Spec.Name, tries(c.Tries), c.Why[0]))
		case c.Tries > 1:
			out = append(out, fmt.Sprintf("%s took %s: it was not valid before", c.Spec.Name, tries(c.Tries)))
		}
	}
	return append(out, r.Notes...)
}

func tries(n int) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}
