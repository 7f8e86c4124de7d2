package render

import (
	"fmt"
	"image/color"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// stallModel is all that the stall figure draws: the requests of each stage
// from the slowest on. A stall that makes callers wait evenly is a straight
// line there.
type stallModel struct {
	requests float64 // the end of the x axis
	latency  float64 // that of the y axis, nanoseconds
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
	late   int64  // of those served
	curve  []step // x: how many were slower; y: nanoseconds
	expect []step // what must be seen at a constant rate; nil where nothing is known
}

// stallSamples is how many points a curve has.
const stallSamples = 600

// newStallModel takes the stages that something stalled and that were served,
// up to as many as a sheet has columns.
func newStallModel(sweeps []sweep.Sweep) (m stallModel) {
	var hists []*result.Hist
	for i := range sweeps {
		for _, p := range sweeps[i].Points {
			c, ok := newStallColumn(p)
			if !ok || len(m.columns) == columnsASheet {
				continue
			}
			c.name, c.hue = stallName(&sweeps[i], p), hueOf(sweeps[i].Target(), len(m.columns))
			for _, other := range m.columns {
				if other.hue == c.hue { // one target under two loads
					c.hue = mix(c.hue, black, 0.45)
				}
			}
			m.columns, hists = append(m.columns, c), append(hists, p.Stage.Latency)
			m.requests = max(m.requests, 1.35*float64(c.late))
			m.latency = max(m.latency, 1.1*float64(c.stall+c.wait))
		}
	}
	for i, h := range hists {
		m.columns[i].curve = slowest(h, m.requests)
	}
	return m
}

func stallName(w *sweep.Sweep, p sweep.Point) string {
	return fmt.Sprintf("%s, %s load, %s", shorten(w.Target(), 24), p.Stage.Load(), sweep.AtLevel(w.Load, p.Level))
}

// newStallColumn is false for a stage that nothing stalled, or of which
// nothing was served.
func newStallColumn(p sweep.Point) (c stallColumn, ok bool) {
	text, _, _ := strings.Cut(p.Stage.Settings.Get(result.KeyBackendStall), "@")
	stall, err := time.ParseDuration(text)
	if err != nil || stall <= 0 || p.Stage.Latency.N() == 0 {
		return c, false
	}
	wait := p.Stage.Settings.Duration(result.KeyBackendLatency)
	c = stallColumn{
		load: p.Stage.Load(), level: p.Level, valid: p.Valid(), stall: stall, wait: wait,
		served: p.Stage.Latency.N(),
		// A hundredth of the stall is beyond what else makes a request late.
		late: p.Stage.Latency.CountBetween(wait+stall/100, 2*result.HistHighest),
	}
	if c.load == "constant" {
		c.expect = []step{{0, float64(stall + wait)}, {float64(p.Level) * stall.Seconds(), float64(wait)}}
	}
	return c, true
}

// slowest is the latencies of h from the slowest on, for the first so many
// requests.
func slowest(h *result.Hist, requests float64) []step {
	n := float64(h.N())
	var out []step
	for i := range stallSamples {
		x := requests * float64(i) / (stallSamples - 1)
		if x > n {
			break
		}
		out = append(out, step{x, float64(h.Quantile(1 - x/n))})
	}
	return out
}

// finding says in one sentence what the stages show.
func (m stallModel) finding() string {
	var said []string
	for _, c := range m.columns {
		if !c.valid {
			return "What does a stall do to callers? Not all stages are valid"
		}
		said = append(said, fmt.Sprintf("a %s load of %s has %s late requests", c.load, sweep.AtLevel(c.load, c.level), count(c.late)))
	}
	return fmt.Sprintf("The backend stalls for %s: %s", duration(m.columns[0].stall), and(said))
}
