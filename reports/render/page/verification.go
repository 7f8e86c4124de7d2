package page

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// Verification is verify.png, verify.svg and summary.md of a report. Where the picture could not be
// drawn, there is summary.md alone, and an error.
func Verification(r *conformance.Report, resolution int) ([]sweep.File, error) {
	f := figure.Verification(r)
	f.Title, f.Alt, f.Run = verificationTitle(r), verificationAlt(r), r.ID
	f.Footer = append([]string{verificationCaption(r)}, f.Footer...)
	if !r.Complete() {
		f.Stamp = "PARTIAL"
	}
	made, err := figure.Files(f, "verify", resolution)
	return append(made, sweep.File{Name: "summary.md", Data: []byte(fillVerification("verify.md.tmpl", r, (*table.Table).Markdown))}), err
}

// VerificationText writes a report for a terminal to w.
func VerificationText(w io.Writer, r *conformance.Report) error {
	_, err := io.WriteString(w, fillVerification("verify.txt.tmpl", r, (*table.Table).String))
	return err
}

func fillVerification(template string, r *conformance.Report, form func(*table.Table) string) string {
	decisions, insensitive := r.Decisions(), ""
	if cells := r.SameRejection(); len(cells) > 0 {
		insensitive = fmt.Sprintf("no queue, %d workers, Poisson arrivals", cells[0].Spec.Workers)
	}
	return words.Fill(templates, template, map[string]any{
		"Title": verificationTitle(r), "Alt": verificationAlt(r), "Judged": form(judged(r)),
		"Replay": replaySentence(decisions), "Admission": admissionSentence(decisions), "Differences": replayText(decisions),
		"Insensitive": insensitive, "Losses": form(losses(r)), "Starts": form(starts(r)),
		"Notes": verificationNotes(r), "Environment": sweep.Environment(r.Environment), "Seed": r.Seed,
	})
}

func verificationTitle(r *conformance.Report) string {
	n := r.Answers()
	total := 0
	for _, k := range n {
		total += k
	}
	confirmed, contradicted := n[theory.Confirmed], n[theory.Contradicted]
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
	inconclusive, invalid := n[theory.Inconclusive], n[conformance.NotValid]
	return s + words.If(inconclusive > 0, fmt.Sprintf(", %d inconclusive", inconclusive)) + words.If(invalid > 0, fmt.Sprintf(", %d not valid", invalid)) +
		words.If(!r.Complete(), fmt.Sprintf(" (%d of %d cells, interrupted)", len(r.Cells), r.Planned))
}

func verificationCaption(r *conformance.Report) string {
	least := math.MaxInt
	for _, c := range r.Cells {
		least = min(least, c.Requests)
	}
	return words.Join(" · ", sweep.Caption(result.Run{ID: r.ID, Environment: r.Environment}, nil), r.Target+" target", fmt.Sprintf("seed %d", r.Seed),
		words.If(len(r.Cells) > 0, fmt.Sprintf("at least %s requests per cell", units.Int(least))))
}

func verificationAlt(r *conformance.Report) string {
	worst, name := 0.0, ""
	for _, c := range r.Cells {
		for _, j := range c.Judgements {
			if d := math.Abs(j.Measured/j.Expected - 1); d > worst && j.Answer != conformance.NotValid {
				worst, name = d, c.Spec.Name+", "+figure.QuantityName(j.Quantity)
			}
		}
	}
	return words.Sentence(fmt.Sprintf("Measured over expected, a dot and an interval for each quantity of %d cells: %s", len(r.Cells), verificationTitle(r)) +
		words.If(name != "", fmt.Sprintf("; the largest deviation is that of %s, %.1f %%", name, 100*worst)))
}

func judged(r *conformance.Report) *table.Table {
	left := func(head string) table.Column { return table.Column{Head: head, Left: true} }
	t := table.New(left("cell"), left("model, workers+queue"), left("quantity"),
		table.Column{Head: "measured"}, table.Column{Head: "±"}, table.Column{Head: "expected"}, table.Column{Head: "deviation"}, left("verdict"))
	for _, c := range r.Cells {
		for i, j := range c.Judgements {
			row := []string{"", "", figure.QuantityName(j.Quantity)}
			if i == 0 {
				row[0], row[1] = c.Spec.Name, loadOf(c)
			}
			if j.Delta == 0 { // there was nothing to judge
				row = append(row, units.None, units.None, units.None, units.None, string(j.Answer))
			} else {
				row = append(row, figure.QuantityText(j.Quantity, j.Measured), figure.QuantityText(j.Quantity, (j.High-j.Low)/2), expectedOf(c, j), deviation(j), answerOf(j))
			}
			t.Row(row...)
		}
	}
	return t
}

func losses(r *conformance.Report) *table.Table {
	t := table.New(table.Numbers("service time", "rejected", "Erlang's B")...)
	for _, c := range r.SameRejection() {
		for _, j := range c.Judgements {
			if j.Quantity == conformance.Rejected {
				t.Row(c.Spec.ServiceLaw.Kind, figure.QuantityText(j.Quantity, j.Measured), figure.QuantityText(j.Quantity, j.Expected))
			}
		}
	}
	return t
}

func starts(r *conformance.Report) *table.Table {
	t := table.New(table.Numbers("workers began", "mean wait", "with phases kept", "deviation", "rejected", "expected")...)
	for _, s := range r.Starts {
		name := s.Name
		if !s.Cell.Valid {
			name += " (not valid)"
		}
		t.Row(name, fmt.Sprintf("%.3f service times", s.Waited()), fmt.Sprintf("%.3f", s.WaitExpected), figure.OffText(s.Off()),
			units.Percent(s.Cell.Rejected), units.Percent(s.RejectedExpected()))
	}
	return t
}

func answerOf(j conformance.Judgement) string {
	if j.Answer == theory.Inconclusive && j.Needs > 0 {
		return fmt.Sprintf("%s (needs %s)", j.Answer, units.Duration(j.Needs.Round(time.Second)))
	}
	return string(j.Answer)
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
