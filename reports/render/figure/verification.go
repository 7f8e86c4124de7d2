package figure

import (
	"fmt"
	"image/color"
	"math"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// The figure of a verification: a dot and its interval for each quantity, as a ratio to
// what is expected; beside it the replay of each trace.
const (
	verificationW      = 1600
	verificationRow    = 17 // points
	aroundVerification = 142
)

// Look is how a verdict is drawn: colour and shape differ for each.
type Look struct {
	Hue   color.RGBA
	Shape canvas.Shape
}

var answerLooks = map[theory.Answer]Look{
	theory.Confirmed:     {canvas.Blue, canvas.Circle},
	theory.Contradicted:  {canvas.Vermilion, canvas.ArrowRight},
	theory.Inconclusive:  {canvas.Mix(canvas.Grey, canvas.Black, 0.2), canvas.Square},
	conformance.NotValid: {canvas.Grey, canvas.Cross},
}

// verificationMarks says how to read the figure.
func verificationMarks(r *conformance.Report) string {
	judged, replayed, same := false, false, false
	for _, c := range r.Cells {
		for _, j := range c.Judgements {
			judged = judged || j.Answer != conformance.NotValid
		}
		if c.Decisions != nil && c.Decisions.Requests > 0 {
			replayed, same = true, same || c.Decisions.EqualShare() == 1
		}
	}
	return words.Join(" · ",
		words.If(judged, "dot: measured over expected · line: its interval"), "grey band: what counts as confirmed",
		words.If(replayed, "replay: decisions that differ from the exact queue"), "dotted line: the aim of 0.1 %",
		words.If(same, "hollow: none differs"))
}

// Verification is the figure of a report, without a title.
func Verification(r *conformance.Report) *canvas.Figure {
	rows := 0
	for _, c := range r.Cells {
		rows += len(c.Judgements)
	}
	rows = max(rows, 4)
	return &canvas.Figure{W: verificationW, H: canvas.Pixels(aroundVerification + verificationRow*float64(rows)), Second: insensitivity(r), Footer: []string{verificationMarks(r)}, Draw: func(c *canvas.Canvas, body canvas.Rect) {
		y0, y1 := body.Y0+canvas.AxisHeight, body.Y1-24
		v := verification{c, r, (y1 - y0) / float64(rows)}
		replay := c.W * 0.72
		c.PanelName(body.X0, body.Y1-canvas.NameSize, body.W(), "Against theory: measured (expected)")
		c.PanelName(replay, body.Y1-canvas.NameSize, body.X1-replay, "Replay: decisions that differ")
		v.ratios(canvas.Rect{X0: body.X0 + 158, Y0: y0, X1: c.W * 0.46, Y1: y1}, canvas.Rect{X0: replay, Y0: y0, X1: body.X1 - 72, Y1: y1})
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
	row float64 // height
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
	v.XAxis(r, x, canvas.Ticks([]float64{1 - v.Precision, 1, 1 + v.Precision}, func(at float64) string { return fmt.Sprintf("%.2f", at) }), "measured ÷ expected", r.X0, r.X1)

	share := canvas.Scale{Log: true, Lo: 1e-5, Hi: 1e-1, From: replay.X0, To: replay.X1}
	aim := share.At(1 - conformance.DecisionsAim)
	v.Segment(canvas.Pen{Color: canvas.Soft, Width: canvas.ThinWidth, Dashes: canvas.Dotted}, aim, replay.Y0, aim, replay.Y1)
	v.Baseline(replay)
	v.XAxis(replay, share, canvas.Ticks([]float64{1e-3, 1e-1}, units.Percent), "log scale", replay.X0, replay.X1)

	y := r.Y1
	for _, c := range v.Cells {
		if y < r.Y1 {
			v.RowRule(y)
		}
		v.replayed(replay, share, c, y-0.5*v.row)
		for k, j := range c.Judgements {
			v.ratio(r, x, c, j, y-0.5*v.row, k == 0)
			y -= v.row
		}
	}
}

func (v verification) ratio(r canvas.Rect, x canvas.Scale, c *conformance.Cell, j conformance.Judgement, y float64, first bool) {
	look := answerLooks[j.Answer]
	if first {
		s := canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Ink}
		v.TextBeside(canvas.Edge, y, s, canvas.CutMiddle(s, c.Spec.Name, 110))
	}
	note := canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft, Align: canvas.Right}
	v.TextBeside(r.X0-6, y, note, QuantityName(j.Quantity))
	note.Align = canvas.Left
	answer := canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Mix(look.Hue, canvas.Black, 0.1)}
	said := QuantityText(j.Quantity, j.Measured) + " (" + QuantityText(j.Quantity, j.Expected) + ")"
	if j.Answer == theory.Confirmed { // that is what the axis shows
		v.TextBeside(r.X1+8, y, note, said)
	} else {
		v.TextBeside(r.X1+8, y, answer, string(j.Answer))
		v.TextBeside(r.X1+12+canvas.Width(answer, "contradicted"), y, note, said)
	}
	if j.Answer == conformance.NotValid {
		v.Mark(canvas.Cross, canvas.Point{X: x.At(1), Y: y}, 4, look.Hue, false)
		return
	}
	v.Interval(x, j.Ratio(j.Low), j.Ratio(j.High), y, look.Hue)
	v.Mark(look.Shape, canvas.Point{X: x.At(j.Ratio(j.Measured)), Y: y}, 3.3, look.Hue, false)
}

func (v verification) replayed(r canvas.Rect, x canvas.Scale, c *conformance.Cell, y float64) {
	if c.Decisions == nil || c.Decisions.Requests == 0 {
		return
	}
	share := 1 - c.Decisions.EqualShare()
	hue, text := canvas.Green, fmt.Sprintf("%d of %s", len(c.Decisions.Replay), units.Int(c.Decisions.Requests))
	if n := c.Decisions.Unexplained(); n > 0 {
		hue, text = canvas.Vermilion, fmt.Sprintf("%d unexplained", n)
	}
	at := canvas.Point{X: x.At(max(share, x.Lo)), Y: y}
	v.Mark(canvas.Circle, at, 2.7, hue, share == 0)
	v.TextBeside(r.X1+6, y, canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}, text)
}

// insensitivity says that without a queue the rejected share does not depend on how
// service times vary.
func insensitivity(r *conformance.Report) string {
	var laws []string
	for _, c := range r.SameRejection() {
		for _, j := range c.Judgements {
			if j.Quantity == conformance.Rejected && j.Answer != conformance.NotValid {
				laws = append(laws, fmt.Sprintf("%s %.3f", c.Spec.ServiceLaw.Kind, j.Measured/j.Expected))
			}
		}
	}
	if len(laws) < 2 {
		return ""
	}
	return "No queue, rejected share as measured ÷ Erlang B, by service time: " + units.List(laws)
}
