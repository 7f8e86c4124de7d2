// Package figure draws what was measured of a run: capacity, percentiles and stall. It
// also draws what theory expects without a run ([Expected]) and a verification of our
// servers ([Verification]).
//
// Each figure first fills a model with all that it draws, which tests look at, and then
// draws the model. [Capacity], the first figure that a reader sees, is the place to
// begin.
package figure

import (
	"fmt"
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// columnsPerSheet is how many targets stand side by side before their panels become too
// narrow to read.
const columnsPerSheet = 3

// MaxSheets is how many sheets of one figure are drawn: more than anybody looks at, and
// few enough for a run of thousands of targets to be reported.
const MaxSheets = 20

// Capacity draws latency, outcomes and goodput over load, one file for each sheet.
func Capacity(r *sweep.Report) ([]sweep.File, error) {
	rises := func(w sweep.Sweep) bool { return len(w.Points) > 1 || w.Points[0].Stage.Counts[result.OK] == 0 }
	if len(r.Sweeps) > 0 && !slices.ContainsFunc(r.Sweeps, rises) {
		return nil, sweep.Nothing("One level makes no capacity figure; the percentiles figure has its distribution.")
	}
	return sheets(r, "capacity", capacityFigure)
}

// Percentiles draws the distribution of latency at a few levels, one file for each
// sheet.
func Percentiles(r *sweep.Report) ([]sweep.File, error) {
	return sheets(r, "percentiles", percentilesFigure)
}

// Stall draws the latency of the slowest requests where a backend was made to stall;
// there is no file where none was.
func Stall(r *sweep.Report) ([]sweep.File, error) {
	f := stallFigure(r.Sweeps)
	if f == nil {
		return nil, nil // not what the run was for, so nothing is missing
	}
	return files(r, f, SheetName("stall", 0), r.Sweeps)
}

func capacityFigure(sweeps []sweep.Sweep) *canvas.Figure {
	m := newCapacityModel(sweeps)
	if !m.some() {
		return nil
	}
	title, _ := finding.Of(sweeps)
	return &canvas.Figure{
		W: capacityW, H: capacityH, Title: title, Second: finding.Limits(sweeps), Alt: capacityAlt(title, sweeps),
		Footer: footerOf(m.marks()), Note: m.theoryWords(),
		Draw: func(c *canvas.Canvas, body canvas.Rect) { m.draw(c, body, headingsOf(sweeps)) },
	}
}

func percentilesFigure(sweeps []sweep.Sweep) *canvas.Figure {
	m := newPercentilesModel(sweeps)
	if !m.some {
		return nil
	}
	title, _ := finding.Tail(sweeps)
	return &canvas.Figure{
		W: percentilesW, H: percentilesH, Title: title, Alt: percentilesAlt(title, sweeps),
		Footer: []string{m.marks()},
		Draw:   func(c *canvas.Canvas, body canvas.Rect) { m.draw(c, body, headingsOf(sweeps)) },
	}
}

func stallFigure(sweeps []sweep.Sweep) *canvas.Figure {
	m := newStallModel(sweeps)
	if len(m.columns) == 0 || m.requests.Hi == 0 {
		return nil
	}
	return &canvas.Figure{
		W: stallW, H: stallH, Title: m.finding(), Alt: words.Sentence("Latency over the number of requests that were slower: " + m.finding()),
		Footer: []string{m.marks()},
		Draw:   func(c *canvas.Canvas, body canvas.Rect) { m.draw(c, body, m.headings()) },
	}
}

// sheets draws a figure once for each group of sweeps that fits on one sheet. plan
// returns nil where there is nothing to show.
func sheets(r *sweep.Report, name string, plan func([]sweep.Sweep) *canvas.Figure) ([]sweep.File, error) {
	all := split(r.Sweeps)
	if left := len(all) - MaxSheets; left > 0 {
		r.Missing = append(r.Missing, fmt.Sprintf("%d more sheets of the %s figure are not drawn: draw a folder with fewer targets.", left, name))
		all = all[:MaxSheets]
	}
	var out []sweep.File
	drawn := 0
	for _, sweeps := range all {
		f := plan(sweeps)
		if f == nil {
			continue
		}
		made, err := files(r, f, SheetName(name, drawn), sweeps)
		if err != nil {
			return out, err
		}
		out = append(out, made...)
		drawn++
	}
	if drawn == 0 {
		return nil, sweep.Nothing(fmt.Sprintf("There is no %s figure, as no stage has data for it.", name))
	}
	return out, nil
}

// files draws a figure, with what was run in its footer.
func files(r *sweep.Report, f *canvas.Figure, name string, sweeps []sweep.Sweep) ([]sweep.File, error) {
	f.Stamp, f.Run = sweep.Stamp(r.Run, len(r.Stages)), r.Run.ID
	f.Footer = append([]string{sweep.Caption(r.Run, sweeps)}, f.Footer...)
	return Files(f, name, r.DPI)
}

// Files are a figure as a PNG and an SVG file. The first has the alternative text.
func Files(f *canvas.Figure, name string, resolution int) ([]sweep.File, error) {
	png, err := f.PNG(resolution)
	if err != nil {
		return nil, err
	}
	svg, err := f.SVG()
	return []sweep.File{{Name: name + ".png", Data: png, Title: f.Title, Alt: f.Alt, Note: f.Note}, {Name: name + ".svg", Data: svg, Note: f.Note, Table: f.Table}}, err
}

// split puts sweeps on sheets: few enough on each, and with levels that count the same.
func split(sweeps []sweep.Sweep) [][]sweep.Sweep {
	var out [][]sweep.Sweep
	for _, open := range []bool{false, true} {
		var alike []sweep.Sweep
		for _, w := range sweeps {
			if result.OpenLoad(w.Load) == open {
				alike = append(alike, w)
			}
		}
		for len(alike) > 0 {
			n := min(columnsPerSheet, len(alike))
			out = append(out, alike[:n])
			alike = alike[n:]
		}
	}
	return out
}

// SheetName names the i-th sheet of a figure: capacity, capacity-2.
func SheetName(name string, i int) string {
	if i > 0 {
		name = fmt.Sprintf("%s-%d", name, i+1)
	}
	return name
}

func headingsOf(sweeps []sweep.Sweep) (out []canvas.Heading) {
	for i := range sweeps {
		w := &sweeps[i]
		out = append(out, canvas.Heading{Name: w.ShortName(110 / len(sweeps)), Note: w.Setup(), Hue: canvas.HueOf(w.Target(), i)})
	}
	return out
}

type panel struct {
	*canvas.Canvas
	canvas.Chart
	labels []canvas.Label
}

// newPanel draws the grid of a panel; the first of a row has the labels of its y axis.
func newPanel(c *canvas.Canvas, r canvas.Rect, x, y canvas.Axis, first bool) *panel {
	c.Grid(r, y.Scale(r.Y0, r.Y1), y.Ticks(max(4, min(9, int(r.H()/15)))), first)
	return &panel{Canvas: c, Chart: canvas.Chart{Rect: r, X: x, Y: y}}
}

func (p *panel) add(v canvas.Curve, s canvas.Stroke, l canvas.Label) {
	p.Curve(p.Chart, v, s)
	p.label(v, l)
}

// label labels the end of a curve, where it has one and the label has a text.
func (p *panel) label(v canvas.Curve, l canvas.Label) {
	if end, ok := p.End(v); ok && l.Text != "" {
		l.From = end
		p.labels = append(p.labels, l)
	}
}

// theory draws what theory expects, thin, so that a line that it lies on is still seen.
// Several curves in a row with the same name have one label.
func (p *panel) theory(v canvas.Curve, name string) {
	if !slices.ContainsFunc(v.Values, func(k canvas.Value) bool { return k.Y >= p.Y.Lo && k.Y <= p.Y.Hi }) {
		return
	}
	if n := len(p.labels); n > 0 && p.labels[n-1].Text == name {
		p.labels = p.labels[:n-1]
	}
	p.add(v, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Ink, Width: 0.85, Dashes: []float64{2.2, 2.4}}}, canvas.Label{Text: name, Color: canvas.Ink})
}

// writeLabels writes the labels at the right of the panel, as far as margin from its
// upper and lower edge. It returns the place of the highest.
func (p *panel) writeLabels(size, margin float64) canvas.Point {
	return p.Labels(p.labels, p.X1+4, p.Y0+4, p.Y1-margin, size)
}

func levelsOf(sweeps []sweep.Sweep) string {
	lo, hi := sweeps[0].Points[0].Level, 0
	for _, w := range sweeps {
		lo, hi = min(lo, w.Points[0].Level), max(hi, w.Last().Level)
	}
	return fmt.Sprintf("%s from %s to %s", result.LevelUnit(loadOf(sweeps), 2), units.Int(lo), units.Int(hi))
}

// loadOf is the load model of the first sweep, which the others on its sheet have too.
func loadOf(sweeps []sweep.Sweep) string {
	if len(sweeps) == 0 {
		return ""
	}
	return sweeps[0].Load
}
