package figure

import (
	"image/color"
	"maps"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// strip is a row of panels: one quantity over the x axis that all rows share, one panel
// for each column. All panels of a row have the same y axis.
type strip struct {
	name    string
	y       canvas.Axis // Hi: the least that it shows
	columns [][]strand
}

// strand is a curve of a strip.
type strand struct {
	canvas.Curve
	hue    color.RGBA
	dashes []float64
	width  float64
	label  string // behind its end
	shape  canvas.Shape
}

// constant is a curve at one height, for what bounds a quantity.
func constant(x canvas.Axis, y float64, label string) strand {
	return strand{canvas.Curve{Values: []canvas.Value{{X: x.Lo, Y: y}, {X: x.Hi, Y: y}}}, canvas.Soft, canvas.Dashed, canvas.ThinWidth, label, nil}
}

// bound reports whether the strand is no measurement, but what bounds one.
func (k strand) bound() bool { return k.width == canvas.ThinWidth }

const (
	stripHeight  = 70 // points, with its name
	aroundStrips = 106
)

// drawStrips draws rows of panels; behind, if not nil, first draws what lies behind the
// curves of a column.
func drawStrips(c *canvas.Canvas, body canvas.Rect, headings []canvas.Heading, x canvas.Axis, marks []float64, radius float64, strips []strip, behind func(column int, r canvas.Rect)) {
	const naming = 19
	room := 0.0
	for _, s := range strips {
		for _, k := range slices.Concat(s.columns...) {
			room = max(room, canvas.Width(canvas.Style{Size: canvas.TickSize}, k.label)+7)
		}
	}
	columns := c.Columns(headings, body.Y1-5, axisLabels, room)
	height := (body.Y1 - 8 - body.Y0 - canvas.AxisHeight) / float64(len(strips))
	for row, s := range strips {
		y1 := body.Y1 - 8 - float64(row)*height - naming
		c.PanelName(body.X0, y1+7, body.W(), s.name)
		var values []float64
		for _, col := range s.columns {
			for _, k := range col {
				values = append(values, valuesOf(k.Curve)...)
			}
		}
		least := s.y.Hi
		s.y.Hi = 0
		y := canvas.NewAxis(s.y, append(values, least), false)
		for i, place := range columns {
			r := canvas.Rect{X0: place.X0, Y0: y1 + naming - height + 3, X1: place.X1, Y1: y1}
			if behind != nil {
				behind(i, r)
			}
			p := newPanel(c, r, x, y, i == 0)
			for _, k := range s.columns[i] {
				stroke := canvas.Stroke{Pen: canvas.Pen{Color: k.hue, Width: k.width, Dashes: k.dashes}, Radius: radius, Shape: k.shape}
				if k.bound() {
					stroke.Radius = 0
				}
				p.add(k.Curve, stroke,
					canvas.Label{Text: k.label, Color: canvas.Mix(k.hue, canvas.Black, 0.15)})
			}
			p.writeLabels(canvas.TickSize, 3)
			if row == len(strips)-1 {
				ticks := x.Ticks(8)
				if marks != nil {
					ticks = canvas.Ticks(marks, units.Number)
				}
				c.XAxis(r, x.Scale(r.X0, r.X1), ticks, x.Name(), r.X0-axisLabels, r.X1+axisLabels)
			} else {
				for _, at := range marks {
					c.Segment(canvas.Pen{Color: canvas.Grey, Width: 0.5}, x.Scale(r.X0, r.X1).At(at), r.Y0, x.Scale(r.X0, r.X1).At(at), r.Y0-2)
				}
			}
		}
	}
}

// stripTable is the data behind strips: a row for each place of x in each column.
func stripTable(headings []canvas.Heading, x canvas.Axis, strips []strip) *table.Table {
	first, _, _ := strings.Cut(x.Label, " since")
	heads := []string{"", first}
	if len(headings) > 1 {
		heads[0] = "target"
	}
	var of []struct{ strip, strand int }
	for i, s := range strips {
		for k, strand := range s.columns[0] {
			if !strand.bound() {
				heads = append(heads, strings.TrimSpace(s.name+" "+strand.Name))
				of = append(of, struct{ strip, strand int }{i, k})
			}
		}
	}
	t := table.New(table.Numbers(heads...)...)
	for column, h := range headings {
		places := map[float64][]string{}
		for n, at := range of {
			for _, v := range strips[at.strip].columns[column][at.strand].Values {
				if places[v.X] == nil {
					places[v.X] = slices.Repeat([]string{units.None}, len(of))
				}
				places[v.X][n] = strips[at.strip].y.Unit.Text(v.Y)
			}
		}
		for _, at := range slices.Sorted(maps.Keys(places)) {
			t.Row(append([]string{h.Name, x.Unit.Text(at)}, places[at]...)...)
		}
	}
	return t
}

// The words for marks that several figures have.
const (
	thinMark    = "dotted: fewer than ten samples lie beyond"
	hollowMark  = "hollow: stage not valid"
	repeatsMark = "bars: lowest and highest repeat"
)

// drawn is which marks curves have: a footer explains no others.
type drawn struct{ thin, hollow, bars bool }

func drawnOf(curves ...canvas.Curve) (d drawn) {
	for _, c := range curves {
		for _, k := range c.Values {
			d.thin, d.hollow, d.bars = d.thin || k.Thin, d.hollow || k.Hollow, d.bars || k.Hi > k.Lo
		}
	}
	return d
}

func curvesOf(strands []strand) (curves []canvas.Curve) {
	for _, k := range strands {
		curves = append(curves, k.Curve)
	}
	return curves
}

// stripMarks explains the marks of strips over levels; lines are those of the dashed lines.
func stripMarks(strips []strip, lines string) string {
	var all []strand
	for _, s := range strips {
		all = slices.Concat(all, slices.Concat(s.columns...))
	}
	dashed := slices.ContainsFunc(all, func(k strand) bool { return len(k.dashes) > 0 && len(k.Values) > 0 })
	d := drawnOf(curvesOf(all)...)
	return words.Join(" · ", words.If(dashed, lines), words.If(d.thin, thinMark), words.If(d.bars, repeatsMark), words.If(d.hollow, hollowMark))
}

// stripNames are the names of strips as a list.
func stripNames(strips []strip) string {
	var names []string
	for _, s := range strips {
		name, _, _ := strings.Cut(s.name, ":")
		names = append(names, strings.ReplaceAll(strings.ToLower(name), "cpu", "CPU"))
	}
	return units.List(names)
}

// some reports whether a strip has anything to show.
func (s strip) some() bool {
	return slices.ContainsFunc(s.columns, func(col []strand) bool {
		return slices.ContainsFunc(col, func(k strand) bool {
			return !k.bound() && slices.ContainsFunc(k.Values, func(v canvas.Value) bool { return v.Y > 0 })
		})
	})
}

// footerOf is a footer of marks; without a line where there are none.
func footerOf(marks string) []string {
	if marks == "" {
		return nil
	}
	return []string{marks}
}

// stripsOverLoad is a figure of strips over the levels, each of a height; dashed explains the
// dashed lines. It sorts the levels.
func stripsOverLoad(sweeps []sweep.Sweep, x canvas.Axis, levels []float64, strips []strip, title string, height float64, dashed string) *canvas.Figure {
	slices.Sort(levels)
	return &canvas.Figure{
		W: capacityW, H: canvas.Pixels(float64(len(strips))*height + aroundStrips), Title: title,
		Alt:    words.Sentence("Line charts over " + levelsOf(sweeps) + " of " + stripNames(strips) + ": " + title),
		Table:  stripTable(headingsOf(sweeps), x, strips),
		Footer: footerOf(stripMarks(strips, dashed)),
		Draw: func(c *canvas.Canvas, body canvas.Rect) {
			drawStrips(c, body, headingsOf(sweeps), x, slices.Compact(levels), 2, strips, nil)
		},
	}
}
