package capacity

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/search"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

const (
	figureW, figureH = 1600, 800
	yLabels          = 44  // points at the left of a panel
	theoryLabel      = 30  // points at its right
	around           = 1.4 // how far from the capacity the second panel reaches, as a ratio
)

// marks are how the verdicts are drawn.
var marks = map[search.Verdict]struct {
	hue    color.RGBA
	hollow bool
}{
	search.Meets: {canvas.Blue, false}, search.Misses: {canvas.Vermilion, false}, search.Undecided: {canvas.Grey, true},
}

// levelsFigure draws the bad share at every level with its bounds, the limit, the
// interval in which the capacity lies, and what theory expects: over all levels, and near
// the capacity.
func levelsFigure(r *search.Record, points []sweep.Point) *canvas.Figure {
	title := Title(r)
	line, about := expected(r, points)
	return &canvas.Figure{
		W: figureW, H: figureH, Title: title, Second: words.UpperFirst(Why(r)), Run: r.Started.Format("20060102-150405"),
		Alt: fmt.Sprintf("Chart of the share of bad arrivals over the load, with bounds at each of %d levels. %s; %s.", len(r.Answer.Levels), title, Why(r)),
		Footer: []string{
			asked(r),
			"Filled: the level is proven to meet the requirements (blue) or to miss one (red). Hollow: undecided. Whiskers: bounds of the verdict. Grey: the capacity lies here." + about,
		},
		Table: levels(r),
		Draw: func(c *canvas.Canvas, body canvas.Rect) {
			c.PanelName(body.X0, body.Y1-19, body.W(), "Share of bad arrivals by "+name(r)+", log scale")
			all, near := panelLevels(r)
			width := body.W() - yLabels - theoryLabel
			if len(near) > 0 {
				width = (width - yLabels - theoryLabel) / 2
			}
			panel := func(x0 float64) canvas.Rect {
				return canvas.Rect{X0: x0, Y0: body.Y0 + canvas.AxisHeight, X1: x0 + width, Y1: body.Y1 - 29}
			}
			drawLevels(c, panel(body.X0+yLabels), r, all, line)
			if len(near) > 0 {
				drawLevels(c, panel(body.X0+2*yLabels+width+theoryLabel), r, near, line)
			}
		},
	}
}

func name(r *search.Record) string {
	if len(r.Limits) == 1 {
		return r.Limits[0].Name
	}
	return "the requirement that each level is closest to"
}

// panelLevels are the levels of the two panels.
func panelLevels(r *search.Record) (all, near []search.Level) {
	middle := math.Sqrt(r.Answer.Low * r.Answer.High)
	for _, l := range r.Answer.Levels {
		all = append(all, l)
		if middle > 0 && l.Level < middle*around && l.Level > middle/around {
			near = append(near, l)
		}
	}
	return all, near
}

// expected is the share that is rejected by theory, and says of which model: of one of
// our servers that answers every request it takes in time, or never learns of the limit.
func expected(r *search.Record, points []sweep.Point) (line canvas.Curve, about string) {
	all := figure.Theory(points)
	for _, p := range all {
		k := p.Case
		if p.Rejected == nil || k.Workers == theory.Unbounded || k.Queue == theory.Unbounded {
			return line, ""
		}
		longest := k.ServiceTime * time.Duration(1+(k.Queue+k.Workers-1)/k.Workers)
		bad := func(l search.Limit) bool {
			rs, err := compare.ParseRequirements(l.Name)
			return err == nil && (rs[0].Metric == "rejected" || rs[0].Metric == "ok" ||
				strings.HasPrefix(rs[0].Metric, "adjusted-") && k.ServiceLaw.Constant() && rs[0].Bound > inTime*float64(longest))
		}
		if !slices.ContainsFunc(r.Limits, bad) {
			return line, ""
		}
		line.Values = append(line.Values, canvas.Value{X: p.Level, Y: *p.Rejected})
	}
	if len(all) > 0 {
		about = " Thin dashes: the rejected share that theory expects, " + all[0].Model + ", " + figure.ServerWords(all[0].Case.Setting) + "."
	}
	return line, about
}

// inTime is how many times the longest latency that theory knows a limit must be.
const inTime = 1.2

func drawLevels(c *canvas.Canvas, r canvas.Rect, rec *search.Record, levels []search.Level, line canvas.Curve) {
	a := rec.Answer
	var xs, ys []float64
	for _, l := range levels {
		i := worst(rec, l)
		xs, ys = append(xs, l.Level), append(ys, l.Upper[i], float64(l.Bad[i])/float64(max(l.N, 1)), max(l.Lower[i], rec.Limits[i].Share/100))
	}
	for _, l := range rec.Limits {
		ys = append(ys, l.Share/10, l.Share)
	}
	p := canvas.Chart{Rect: r,
		X: canvas.NewAxis(canvas.Axis{Label: unit(rec), Unit: units.Count, Log: true}, xs, true),
		Y: canvas.NewAxis(canvas.Axis{Unit: units.Share, Log: true, Hi: 1}, ys, false),
	}
	inside := func(x float64) float64 { return min(max(p.At(x, 1).X, p.X0), p.X1) }
	if a.Low > 0 || a.High > 0 {
		high := p.X1
		if a.High > 0 {
			high = inside(a.High)
		}
		low := p.X0
		if a.Low > 0 {
			low = inside(a.Low)
		}
		c.Fill(canvas.Faint, canvas.Rect{X0: low, Y0: p.Y0, X1: high, Y1: p.Y1})
	}
	c.Grid(r, p.Y.Scale(p.Y0, p.Y1), p.Y.Ticks(6), true)
	c.XAxis(r, p.X.Scale(p.X0, p.X1), canvas.Ticks(xs, units.Number), p.X.Name(), p.X0-yLabels, p.X1)
	for i, l := range rec.Limits {
		same := func(o search.Limit) bool { return math.Abs(o.Share-l.Share) < l.Share/1000 }
		if slices.ContainsFunc(rec.Limits[:i], same) {
			continue // one line for limits of the same share
		}
		var names []string
		for _, o := range rec.Limits[i:] {
			if same(o) {
				names = append(names, o.Name)
			}
		}
		y := p.At(p.X.Lo, l.Share).Y
		c.Segment(canvas.Pen{Color: canvas.Ink, Width: canvas.ThinWidth * 1.3, Dashes: canvas.Dashed}, p.X0, y, p.X1, y)
		style := canvas.Style{Size: canvas.TickSize, Color: canvas.Ink}
		text := strings.Join(names, ", ")
		width := canvas.Width(style, text)
		x, base, crossed := free(p, rec, levels, y, width)
		label := func() {
			if crossed > 0 {
				c.Fill(canvas.White, canvas.Rect{X0: x - 1, Y0: base - 2, X1: x + width + 1, Y1: base + canvas.TickSize - 1})
			}
			c.Text(x, base, style, text)
		}
		defer label() // above whiskers
	}
	c.Curve(p, line, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Ink, Width: 0.85, Dashes: []float64{2.2, 2.4}}})
	if end, ok := p.End(line); ok {
		c.TextBeside(p.X1+3, end.Y, canvas.Style{Size: canvas.TickSize, Color: canvas.Ink}, "theory")
	}
	for _, l := range levels {
		i := worst(rec, l)
		m := marks[l.Verdict]
		x := p.At(l.Level, 1).X
		y := func(share float64) float64 { return height(p, share) }
		c.Segment(canvas.Pen{Color: m.hue, Width: canvas.LineWidth}, x, y(l.Lower[i]), x, y(l.Upper[i]))
		c.Segment(canvas.Pen{Color: m.hue, Width: canvas.LineWidth}, x-3, y(l.Upper[i]), x+3, y(l.Upper[i]))
		c.Dot(canvas.Point{X: x, Y: y(float64(l.Bad[i]) / float64(max(l.N, 1)))}, 3, m.hue, m.hollow)
	}
}

// height is the place of a share within a panel.
func height(p canvas.Chart, share float64) float64 {
	return min(max(p.At(p.X.Lo, max(share, p.Y.Lo)).Y, p.Y0), p.Y1)
}

// free is where a text of some width above or below the line at y crosses the fewest
// whiskers: as far left as can be.
func free(p canvas.Chart, rec *search.Record, levels []search.Level, y, width float64) (at, base float64, least int) {
	const step = 4
	least = len(levels) + 1
	for _, under := range []float64{y + 3, y - canvas.TickSize - 1} {
		for x := p.X0 + 3; x+width <= p.X1; x += step {
			crossed := 0
			for _, l := range levels {
				i, place := worst(rec, l), p.At(l.Level, 1).X
				if place > x-5 && place < x+width+5 && height(p, l.Upper[i]) > under-2 && height(p, l.Lower[i]) < under+canvas.TickSize-1 {
					crossed++
				}
			}
			if crossed < least {
				least, at, base = crossed, x, under
			}
		}
	}
	return at, base, least
}
