package figure

import (
	"fmt"
	"math"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// The figure of a verification: a dot and its interval for each quantity, as a ratio to
// what is expected; beside it the replay of each trace; below, the two findings.
const (
	verificationW      = 1600
	verificationRow    = 15.5 // points
	aroundVerification = 118
	findingHeight      = 100
)

// answerLooks are how answers are drawn.
var answerLooks = map[string]look{
	theory.Confirmed.String():    {canvas.Blue, canvas.Circle},
	theory.Contradicted.String(): {canvas.Vermilion, canvas.ArrowRight},
	theory.Inconclusive.String(): {canvas.Mix(canvas.Grey, canvas.Black, 0.2), canvas.Square},
	conformance.NotValid:         {canvas.Black, canvas.Cross},
}

// VerificationMarks says how to read the figure.
const VerificationMarks = "dot: measured over expected · line: its interval · grey band: what counts as confirmed · " +
	"replay: share of the requests with another fate in the exact queue, dotted rule: the aim of 0.1 % · hollow: none differs"

// Verification is the figure of a report, without a title.
func Verification(r *conformance.Report) *canvas.Figure {
	rows := 0
	for _, c := range r.Cells {
		rows += len(c.Judgements)
	}
	height := verificationRow * float64(max(rows, 4))
	points := aroundVerification + height
	if len(r.Insensitive()) > 0 || len(r.Starts) > 0 {
		points += findingHeight
	}
	return &canvas.Figure{W: verificationW, H: canvas.Pixels(points), Draw: func(c *canvas.Canvas, body canvas.Rect) {
		v := verification{c, r}
		y1 := body.Y1 - 24
		y0 := y1 - height
		replay := c.W * 0.69
		c.PanelName(body.X0, body.Y1-canvas.NameSize, body.W(), "Against theory: measured over expected")
		c.PanelName(replay, body.Y1-canvas.NameSize, body.X1-replay, "Replay: share of fates that differ, log scale")
		v.ratios(canvas.Rect{X0: body.X0 + 158, Y0: y0, X1: c.W * 0.47, Y1: y1}, canvas.Rect{X0: replay, Y0: y0, X1: body.X1 - 72, Y1: y1})
		if y0-body.Y0 > 60 {
			v.losses(canvas.Rect{X0: body.X0 + 84, Y0: body.Y0 + 10, X1: c.W*0.45 - 40, Y1: y0 - 50})
			v.starts(canvas.Rect{X0: c.W*0.5 + 96, Y0: body.Y0 + 10, X1: body.X1 - 110, Y1: y0 - 50})
		}
	}}
}

// QuantityName is a judged quantity in words.
func QuantityName(quantity string) string {
	if quantity == conformance.Rejected {
		return "rejected"
	}
	return "mean wait"
}

// QuantityText is a value of a judged quantity with its unit.
func QuantityText(quantity string, v float64) string {
	if quantity == conformance.Rejected {
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	return fmt.Sprintf("%.2f ms", 1000*v)
}

// OffText is a deviation with its sign.
func OffText(share float64) string {
	if share < 0 {
		return "−" + units.Percent(-share)
	}
	return "+" + units.Percent(share)
}

type verification struct {
	*canvas.Canvas
	*conformance.Report
}

// ratios draws the rows, and the replay of each cell beside.
func (v verification) ratios(r, replay canvas.Rect) {
	extent := v.Precision * 1.5
	for _, c := range v.Cells {
		for _, j := range c.Judgements {
			for _, end := range []float64{j.Low, j.High} {
				if d := math.Abs(j.Ratio(end) - 1); j.Answer != conformance.NotValid && d < 5*v.Precision {
					extent = max(extent, d*1.1)
				}
			}
		}
	}
	x := canvas.Scale{Lo: 1 - extent, Hi: 1 + extent, From: r.X0, To: r.X1}
	v.Fill(canvas.Faint, canvas.Rect{X0: x.At(1 - v.Precision), Y0: r.Y0, X1: x.At(1 + v.Precision), Y1: r.Y1})
	v.Segment(canvas.Pen{Color: canvas.Ink, Width: 0.8}, x.At(1), r.Y0-3, x.At(1), r.Y1+3)
	v.Baseline(r)
	v.XAxis(r, x, canvas.Ticks([]float64{1 - v.Precision, 1, 1 + v.Precision}, func(at float64) string { return fmt.Sprintf("%.2f", at) }), "", r.X0, r.X1)

	share := canvas.Scale{Log: true, Lo: 1e-5, Hi: 1e-1, From: replay.X0, To: replay.X1}
	aim := share.At(1 - conformance.FatesAim)
	v.Segment(canvas.Pen{Color: canvas.Soft, Width: canvas.ThinWidth, Dashes: canvas.Dotted}, aim, replay.Y0, aim, replay.Y1)
	v.Baseline(replay)
	v.XAxis(replay, share, canvas.Ticks([]float64{1e-3, 1e-1}, units.Percent), "", replay.X0, replay.X1)

	y := r.Y1
	for _, c := range v.Cells {
		if y < r.Y1 {
			v.RowRule(y)
		}
		v.replayed(replay, share, c, y-0.5*verificationRow)
		for k, j := range c.Judgements {
			v.ratio(r, x, c, j, y-0.5*verificationRow, k == 0)
			y -= verificationRow
		}
	}
}

// ratio draws one judgement.
func (v verification) ratio(r canvas.Rect, x canvas.Scale, c *conformance.Cell, j conformance.Judgement, y float64, first bool) {
	look := answerLooks[j.Answer]
	if first {
		s := canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Ink}
		v.TextBeside(canvas.Edge, y, s, canvas.CutMiddle(s, c.Spec.Name, 110))
	}
	note := canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft, Align: canvas.Right}
	v.TextBeside(r.X0-6, y, note, QuantityName(j.Quantity))
	note.Align = canvas.Left
	answer := canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Mix(look.hue, canvas.Black, 0.1)}
	v.TextBeside(r.X1+8, y, answer, j.Answer)
	v.TextBeside(r.X1+12+canvas.Width(answer, "contradicted"), y, note, QuantityText(j.Quantity, j.Measured))
	if j.Answer == conformance.NotValid {
		v.Mark(canvas.Cross, canvas.Point{X: x.At(1), Y: y}, 4, look.hue, false)
		return
	}
	v.Interval(x, j.Ratio(j.Low), j.Ratio(j.High), y, look.hue)
	v.Mark(look.shape, canvas.Point{X: x.At(j.Ratio(j.Measured)), Y: y}, 3.3, look.hue, false)
}

// replayed draws how many fates of a cell differ.
func (v verification) replayed(r canvas.Rect, x canvas.Scale, c *conformance.Cell, y float64) {
	if c.Fates == nil || c.Fates.Requests == 0 {
		return
	}
	share := 1 - c.Fates.EqualShare()
	hue, words := canvas.Green, fmt.Sprintf("%d of %s", len(c.Fates.Replay), units.Int(c.Fates.Requests))
	if n := c.Fates.Unexplained(); n > 0 {
		hue, words = canvas.Vermilion, fmt.Sprintf("%d unexplained", n)
	}
	at := canvas.Point{X: x.At(max(share, x.Lo)), Y: y}
	v.Segment(canvas.Pen{Color: canvas.Mix(hue, canvas.White, 0.5), Width: canvas.LineWidth}, r.X0, y, at.X, y)
	v.Mark(canvas.Circle, at, 2.7, hue, share == 0)
	v.TextBeside(r.X1+6, y, canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}, words)
}

// losses draws the same loss under each law of service.
func (v verification) losses(r canvas.Rect) {
	cells := v.Insensitive()
	if len(cells) == 0 {
		return
	}
	v.PanelName(canvas.Edge, r.Y1+6, v.W/2, "Insensitive: no queue, one loss for each law; tick: Erlang's B")
	each := r.H() / float64(len(cells))
	for i, c := range cells {
		for _, j := range c.Judgements {
			if j.Quantity == conformance.Rejected {
				v.bar(r, 0.5, i, each, c.Spec.ServiceLaw.Kind, j.Measured, j.Expected, QuantityText(j.Quantity, j.Measured))
			}
		}
	}
}

// starts draws the wait of workers in step, and of workers that are not.
func (v verification) starts(r canvas.Rect) {
	if len(v.Starts) == 0 {
		return
	}
	v.PanelName(v.W*0.5, r.Y1+6, v.W/2-canvas.Edge, "Lock-step, not judged: mean wait, in services; tick: phases kept")
	each := r.H() / float64(max(len(v.Starts), 2))
	for i, s := range v.Starts {
		v.bar(r, 1.2, i, each, s.Name, s.Waited(), s.WaitExpected,
			fmt.Sprintf("%.3f (%s), %s rejected", s.Waited(), OffText(s.Off()), units.Percent(s.Cell.Rejected)))
	}
}

// bar is the i-th named bar from 0, with a tick where it was expected to end.
func (v verification) bar(r canvas.Rect, most float64, i int, each float64, name string, value, expected float64, words string) {
	hue, y := canvas.Hues[i%len(canvas.Hues)], r.Y1-each*(float64(i)+0.5)
	x := canvas.Scale{Hi: most, From: r.X0, To: r.X1}
	v.TextBeside(r.X0-5, y, canvas.Style{Size: canvas.LabelSize, Color: canvas.Ink, Align: canvas.Right}, name)
	v.Fill(canvas.Mix(hue, canvas.White, 0.35), canvas.Rect{X0: r.X0, Y0: y - 4.5, X1: x.At(value), Y1: y + 4.5})
	v.Segment(canvas.Pen{Color: canvas.Ink, Width: canvas.LineWidth}, x.At(expected), y-7, x.At(expected), y+7)
	v.TextBeside(max(x.At(value), x.At(expected))+6, y, canvas.Style{Size: canvas.TickSize, Color: canvas.Ink}, words)
}
