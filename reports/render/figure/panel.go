package figure

import (
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
)

// panel is a chart whose curves are labelled at their ends.
type panel struct {
	*canvas.Canvas
	canvas.Chart
	labels []canvas.Label
}

// newPanel draws the grid of a panel; the first of a row has the labels of its y axis.
func newPanel(c *canvas.Canvas, r canvas.Rect, x, y canvas.Axis, first bool) *panel {
	c.Grid(r, y.Scale(r.Y0, r.Y1), y.Ticks(max(3, min(9, int(r.H()/15)))), first)
	return &panel{Canvas: c, Chart: canvas.Chart{Rect: r, X: x, Y: y}}
}

// add draws a curve and labels its end.
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
