package figure

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// The streams figure of one level: the complete distribution of the first events, and
// below it that of the gaps, with the percentiles that the table has marked.
const (
	streamTailsW, streamTailsH = 1600, 900
	mediansLabel               = "medians"
	leastOfMedian              = 5 // an axis begins at the median divided by this, or above
)

// streamMarked are the percentiles that are marked on the curves.
var streamMarked = []float64{0.5, 0.9, 0.99, 0.999}

// streamTailPanels are the panels, with the metrics of their marks.
var streamTailPanels = []struct {
	name, metric string
	of           func(*result.Streams) *result.Hist
}{
	{"First event: from the planned instant, log scale", "first-event-", func(s *result.Streams) *result.Hist { return s.FirstEvent }},
	{"Gap between events: of all streams, log scale", "gap-", func(s *result.Streams) *result.Hist { return s.Gap }},
}

type streamTailsModel struct {
	nines  canvas.Axis
	panels []streamTailPanel
}

type streamTailPanel struct {
	name    string
	y       canvas.Axis
	columns []streamTail
}

// streamTail is a panel of one target.
type streamTail struct {
	curve   canvas.Curve // x in nines, as in the percentiles figure
	medians canvas.Curve // of the gaps of each stream; empty in other panels
	marks   []streamMark
	hue     color.RGBA
	shape   canvas.Shape
	valid   bool
}

// streamMark is a percentile on a curve.
type streamMark struct {
	x, y float64
	text string
}

func newStreamTailsModel(sweeps []sweep.Sweep) *streamTailsModel {
	m := &streamTailsModel{nines: canvas.Axis{Label: "% of first events, or gaps, this quick or quicker", Hi: 1}}
	for _, of := range streamTailPanels {
		p := streamTailPanel{name: of.name, y: canvas.Axis{Unit: units.Time, Log: true}}
		var times []float64
		for i := range sweeps {
			at := sweeps[i].Last()
			t := streamTail{hue: canvas.HueOf(sweeps[i].Target(), i), shape: canvas.ShapeOf(sweeps[i].Target(), i), valid: at.Valid()}
			if at.Stage.Streams != nil {
				t.curve = tailOf(of.of(at.Stage.Streams))
				if of.metric == "gap-" && mediansDiffer(at.Stage.Streams) {
					t.medians = tailOf(at.Stage.Streams.MedianGap)
				}
			}
			for _, q := range streamMarked {
				metric, _ := result.MetricNamed(of.metric + units.Percentile(q))
				if r := metric.Read(at.Stage); r.Reason == "" && r.Value > 0 {
					t.marks = append(t.marks, streamMark{ninesOf(q), r.Value, units.Percentile(q) + " " + metric.Cell(at.Stage)})
				}
			}
			for _, v := range slices.Concat(t.curve.Values, t.medians.Values) {
				// What came in one read would press the others flat.
				if len(t.marks) == 0 || v.Y >= t.marks[0].y/leastOfMedian {
					times = append(times, v.Y)
				}
				m.nines.Hi = max(m.nines.Hi, v.X)
			}
			p.columns = append(p.columns, t)
		}
		some := false
		if p.y.Lo, p.y.Hi, some = canvas.LogRange(times, canvas.HalfDecade); some {
			room := math.Pow(p.y.Hi/p.y.Lo, 0.12) // for the words above the highest mark, and below the lowest
			p.y.Lo, p.y.Hi = p.y.Lo/room, p.y.Hi*room
			m.panels = append(m.panels, p)
		}
	}
	return m
}

// mediansDiffer reports whether the median gaps of streams are others than all gaps, at a
// percentile that is marked and that some are beyond: where they are not, their curve
// would lie under the other.
func mediansDiffer(s *result.Streams) bool {
	return slices.ContainsFunc(streamMarked, func(q float64) bool {
		gap, median := s.Gap.Quantile(q).Seconds(), s.MedianGap.Quantile(q).Seconds()
		return (1-q)*float64(s.MedianGap.N()) >= 1 && math.Abs(gap-median) > 0.1*max(gap, median)
	})
}

func (m *streamTailsModel) marks() string {
	medians, hollow := false, false
	var curves []canvas.Curve
	for _, p := range m.panels {
		for _, t := range p.columns {
			curves = append(curves, t.curve, t.medians)
			medians, hollow = medians || len(t.medians.Values) > 0, hollow || !t.valid && len(t.marks) > 0
		}
	}
	return words.Join(" · ",
		words.If(medians, "dashed, "+mediansLabel+": the median gap of each stream"),
		words.If(drawnOf(curves...).thin, thinMark),
		words.If(hollow, hollowMark),
	)
}

// streamTailsFigure is nil where no stream had an event.
func streamTailsFigure(sweeps []sweep.Sweep) *canvas.Figure {
	m := newStreamTailsModel(sweeps)
	if len(m.panels) == 0 {
		return nil
	}
	title := finding.Streams(sweeps)
	return &canvas.Figure{
		W: streamTailsW, H: streamTailsH, Title: title, Second: streamRemarks(sweeps),
		Alt:    words.Sentence("Times until the first event, and between events (log scale), over the share of them that was this quick: " + title),
		Table:  streamTailsTable(sweeps),
		Footer: footerOf(m.marks()),
		Draw:   func(c *canvas.Canvas, body canvas.Rect) { m.draw(c, body, headingsOf(sweeps)) },
	}
}

// streamRemarks says which share of streams ended early, and of events came in one read
// with the one before; empty where none did.
func streamRemarks(sweeps []sweep.Sweep) string {
	var remarks []string
	for _, of := range []struct{ metric, what string }{{"ended-early", "Ended early, share of streams"}, {"in-one-read", "In one read with the event before, share of events"}} {
		metric, _ := result.MetricNamed(of.metric)
		var parts []string
		for i := range sweeps {
			s := sweeps[i].Last().Stage
			if r := metric.Read(s); r.Reason == "" && r.Value > 0 {
				parts = append(parts, words.If(len(sweeps) > 1, sweeps[i].ShortName(30)+" ")+metric.Cell(s))
			}
		}
		if len(parts) > 0 {
			remarks = append(remarks, of.what+": "+strings.Join(parts, ", "))
		}
	}
	return strings.Join(remarks, ". ")
}

func streamTailsTable(sweeps []sweep.Sweep) *table.Table {
	t := table.New(table.Numbers("target", "percentile", "first event", "gap", "median gap")...)
	for i := range sweeps {
		for _, q := range streamMarked {
			row := []string{sweeps[i].ShortName(60), units.Percentile(q)}
			for _, kind := range []string{"first-event-", "gap-", "median-gap-"} {
				metric, _ := result.MetricNamed(kind + units.Percentile(q))
				row = append(row, metric.Cell(sweeps[i].Last().Stage))
			}
			t.Row(row...)
		}
	}
	return t
}

func (m *streamTailsModel) draw(c *canvas.Canvas, body canvas.Rect, headings []canvas.Heading) {
	const naming = 20
	room := 0.0
	for _, p := range m.panels {
		if slices.ContainsFunc(p.columns, func(t streamTail) bool { return len(t.medians.Values) > 0 }) {
			room = canvas.Width(canvas.Style{Size: canvas.TickSize}, mediansLabel) + 7
		}
	}
	columns := c.Columns(headings, body.Y1-5, axisLabels, room)
	height := (body.Y1 - 8 - body.Y0 - canvas.AxisHeight) / float64(len(m.panels))
	for row, of := range m.panels {
		y1 := body.Y1 - 8 - float64(row)*height - naming
		c.PanelName(body.X0, y1+7, body.W(), of.name)
		for i, place := range columns {
			p := newPanel(c, canvas.Rect{X0: place.X0, Y0: y1 + naming - height + 6, X1: place.X1, Y1: y1}, m.nines, of.y, i == 0)
			drawNines(p, m.nines, room, row == len(m.panels)-1)
			of.columns[i].draw(p)
		}
	}
}

func (t streamTail) draw(p *panel) {
	p.add(t.medians, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Soft, Width: canvas.LineWidth, Dashes: canvas.Dashed}}, canvas.Label{Text: mediansLabel, Color: canvas.Soft})
	p.Curve(p.Chart, t.curve, canvas.Stroke{Pen: canvas.Pen{Color: t.hue, Width: canvas.LineWidth * 1.35}})
	p.writeLabels(canvas.TickSize, 4)
	if len(t.curve.Values) == 0 {
		p.Text((p.X0+p.X1)/2, (p.Y0+p.Y1)/2, canvas.Style{Size: canvas.LabelSize, Color: canvas.Vermilion, Align: canvas.Center}, "no event")
		return
	}
	s := canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Mix(t.hue, canvas.Black, 0.2)}
	for _, k := range t.marks {
		at := p.At(k.x, k.y)
		p.Mark(t.shape, at, 3.2, t.hue, !t.valid)
		// A curve only rises: above it at the left there is room, and below it at the right.
		x, y := at.X-5-canvas.Width(s, k.text), at.Y+9
		if x < p.X0+3 {
			x, y = at.X+5, max(at.Y-10, p.Y0+7)
		}
		p.TextBeside(x, y, s, k.text)
	}
}
