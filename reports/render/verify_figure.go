package render

import (
	"fmt"
	"math"
	"strings"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

func verifyFile(r *conformance.Report, resolution int) (sweep.File, error) {
	f := figure.Verification(r)
	f.Title, f.Alt, f.Run = verifyTitle(r), verifyAlt(r), r.ID
	f.Footer = []string{verifyCaption(r), figure.VerificationMarks}
	if !r.Whole() {
		f.Stamp = "PARTIAL"
	}
	data, err := f.PNG(resolution)
	return sweep.File{Name: "verify.png", Data: data, Title: f.Title, Alt: f.Alt}, err
}

func verifyCaption(r *conformance.Report) string {
	parts := []string{"run " + r.ID, r.Target + " target", fmt.Sprintf("seed %d", r.Seed)}
	if len(r.Cells) > 0 {
		least := r.Cells[0]
		for _, c := range r.Cells {
			if c.Requests < least.Requests {
				least = c
			}
		}
		parts = append(parts, fmt.Sprintf("at least %s requests a cell", units.Int(least.Requests)))
	}
	if h := r.Environment.Host; h != "" {
		parts = append(parts, "on "+h)
	}
	if c := r.Environment.Commit; c != "" {
		parts = append(parts, "commit "+words.Shorten(c, 13))
	}
	return strings.Join(parts, " · ")
}

func verifyAlt(r *conformance.Report) string {
	said := []string{fmt.Sprintf("Measured over expected, a dot and an interval for each quantity of %d cells. %s.", len(r.Cells), verifyTitle(r))}
	worst, name := 0.0, ""
	for _, c := range r.Cells {
		for _, j := range c.Judgements {
			if d := math.Abs(j.Measured/j.Expected - 1); d > worst && j.Answer != conformance.NotValid {
				worst, name = d, c.Spec.Name+", "+figure.QuantityName(j.Quantity)
			}
		}
	}
	if name != "" {
		said = append(said, fmt.Sprintf("The furthest off is %s, by %.1f %%.", name, 100*worst))
	}
	said = append(said, fatesSentence(r.Fates())+".")
	for _, st := range r.Starts {
		said = append(said, fmt.Sprintf("Workers that began %s, not judged: mean wait %.2f services, %s from that with phases kept.", st.Name, st.Waited(), figure.OffText(st.Off())))
	}
	return strings.Join(said, " ")
}
