package figure

import (
	"fmt"
	"image/color"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// The stall figure explains coordinated omission: the same stall under arrivals at a
// rate, and under clients who each wait for their reply.
const (
	stallW, stallH = 1600, 900
	stallSamples   = 600 // points of a curve
	stallTicks     = 5
)

// stallModel is all that the stall figure draws: the requests of each stage from the
// slowest on. A stall that makes requests wait evenly is a straight line there.
type stallModel struct {
	requests canvas.Axis
	latency  canvas.Axis
	columns  []stallColumn
}

type stallColumn struct {
	name   string
	hue    color.RGBA
	load   string
	level  int
	valid  bool
	stall  time.Duration
	wait   time.Duration // of the backend, without the stall
	served int64
	late   int64        // of those served
	curve  canvas.Curve // x: how many were slower
	expect canvas.Curve // what must be seen at a constant rate; empty where nothing is known
}

// newStallModel takes the stages that something stalled and that were served, up to as
// many as a sheet has columns.
func newStallModel(sweeps []sweep.Sweep) *stallModel {
	m := &stallModel{requests: canvas.Axis{Label: "requests that were slower", Unit: units.Count}, latency: canvas.Axis{Unit: units.Time}}
	var hists []*result.Hist
	for i := range sweeps {
		for _, p := range sweeps[i].Points {
			c, ok := newStallColumn(p)
			if !ok || len(m.columns) == columnsPerSheet {
				continue
			}
			c.name = fmt.Sprintf("%s, %s load, %s", words.Shorten(sweeps[i].Target(), 24), c.load, sweep.AtLevel(sweeps[i].Load, p.Level))
			c.hue = canvas.HueOf(sweeps[i].Target(), len(m.columns))
			for _, other := range m.columns {
				if other.hue == c.hue { // one target under two loads
					c.hue = canvas.Mix(c.hue, canvas.Black, 0.45)
				}
			}
			m.columns, hists = append(m.columns, c), append(hists, p.Stage.Shown().Latency)
			m.requests.Hi = max(m.requests.Hi, 1.35*float64(c.late))
			m.latency.Hi = max(m.latency.Hi, 1.1*float64(c.stall+c.wait))
		}
	}
	m.requests, m.latency = m.requests.ToTick(stallTicks), m.latency.ToTick(9)
	for i, h := range hists {
		m.columns[i].curve = slowest(h, m.requests.Hi)
	}
	return m
}

// newStallColumn is false for a stage that nothing stalled, or of which nothing was
// served.
func newStallColumn(p sweep.Point) (c stallColumn, ok bool) {
	text, _, _ := strings.Cut(p.Stage.Settings.Get(result.KeyBackendStall), "@")
	stall, err := time.ParseDuration(text)
	if err != nil || stall <= 0 || p.Stage.Shown().Latency.N() == 0 {
		return c, false
	}
	wait := p.Stage.Settings.Duration(result.KeyBackendLatency)
	c = stallColumn{
		load: p.Stage.Load(), level: p.Level, valid: p.Valid(), stall: stall, wait: wait,
		served: p.Stage.Shown().Latency.N(),
		// A hundredth of the stall is beyond what else makes a request late.
		late: p.Stage.Shown().Latency.CountBetween(wait+stall/100, 2*result.HistHighest),
	}
	if c.load == "constant" {
		c.expect.Values = []canvas.Value{{X: 0, Y: float64(stall + wait)}, {X: float64(p.Level) * stall.Seconds(), Y: float64(wait)}}
	}
	return c, true
}

// slowest is the latencies of h from the slowest on, for the first so many requests.
func slowest(h *result.Hist, requests float64) (c canvas.Curve) {
	n := float64(h.N())
	for i := range stallSamples {
		x := requests * float64(i) / (stallSamples - 1)
		if x > n {
			break
		}
		c.Values = append(c.Values, canvas.Value{X: x, Y: float64(h.Quantile(1 - x/n))})
	}
	return c
}

func (m *stallModel) finding() string {
	var said []string
	for _, c := range m.columns {
		if !c.valid {
			return "What does a stall do to callers? Not all stages are valid"
		}
		said = append(said, fmt.Sprintf("a %s load of %s has %s late requests", c.load, sweep.AtLevel(c.load, c.level), units.Int(c.late)))
	}
	return fmt.Sprintf("The backend stalls for %s: %s", units.Duration(m.columns[0].stall), units.List(said))
}

func (m *stallModel) marks() string {
	expected := slices.ContainsFunc(m.columns, func(c stallColumn) bool { return len(c.expect.Values) > 0 })
	return words.Join(" · ", "a request is late where it took longer than the backend's usual wait and a hundredth of the stall",
		words.If(expected, "dashed: what a constant rate must show, rate × stall requests, evenly late"))
}

func (m *stallModel) headings() (out []canvas.Heading) {
	for _, c := range m.columns {
		out = append(out, canvas.Heading{Name: c.name, Hue: c.hue})
	}
	return out
}

func (m *stallModel) draw(c *canvas.Canvas, body canvas.Rect, headings []canvas.Heading) {
	columns := c.Columns(headings, body.Y1-5, axisLabels, 20)
	y0, y1 := body.Y0+canvas.AxisHeight, body.Y1-35
	c.PanelName(body.X0, y1+11, body.W(), "Latency: of ok requests, the slowest at the left")
	for i, x := range columns {
		m.drawColumn(newPanel(c, canvas.Rect{X0: x.X0, Y0: y0, X1: x.X1, Y1: y1}, m.requests, m.latency, i == 0), m.columns[i])
	}
}

func (m *stallModel) drawColumn(p *panel, c stallColumn) {
	p.Tint(p.Chart, c.curve, false, c.hue)
	p.Curve(p.Chart, c.curve, canvas.Stroke{Pen: canvas.Pen{Color: c.hue, Width: canvas.LineWidth * 1.3}})
	p.Curve(p.Chart, c.expect, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Ink, Width: 0.9, Dashes: canvas.Dashed}})
	p.XAxis(p.Rect, m.requests.Scale(p.X0, p.X1), m.requests.Ticks(stallTicks), m.requests.Name(), p.X0, p.X1)

	at := p.At(float64(c.late), float64(c.wait))
	big := canvas.Style{Size: canvas.TitleSize, Bold: true, Color: canvas.Mix(c.hue, canvas.Black, 0.2)}
	label := units.Int(c.late) + " late"
	left := min(max(p.At(float64(c.late)*0.55, 0).X+10, p.X0+30), p.X1-canvas.Width(big, label)-4)
	middle := p.At(0, float64(c.wait)+float64(c.stall)*0.62).Y
	p.Text(left, middle, big, label)
	p.Text(left, middle-13, canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}, "of "+units.Int(c.served)+" served")
	if c.late > 0 {
		p.Segment(canvas.Pen{Color: canvas.Grey, Width: canvas.ThinWidth, Dashes: canvas.Dotted}, at.X, p.Y0, at.X, at.Y+10)
	}
	if !c.valid {
		p.Text(p.X0+8, p.Y1-12, canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Vermilion}, "not valid")
	}
}
