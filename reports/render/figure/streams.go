package figure

import (
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

const streamStrip = 102 // points, with its name

// streamStrips are the panels of the streams figure, with the metrics that each has. Those
// of gaps have the gaps of all streams, and dashed the slowest of the medians: where these
// part, some events are late, and where they rise together, all are.
var streamStrips = []struct {
	name    string
	y       canvas.Axis
	metrics []string
	labels  []string
	dashed  int // which of them is
}{
	{"First event: from the planned instant, log scale", canvas.Axis{Unit: units.Time, Log: true}, []string{"first-event-p50", "first-event-p99"}, []string{"p50", "p99"}, -1},
	{"Gap between events: log scale", canvas.Axis{Unit: units.Time, Log: true}, []string{"median-gap-p99", "gap-p50", "gap-p99"}, []string{"p99 of medians", "p50", "p99"}, 0},
	{"Events: per second", canvas.Axis{Unit: units.Rate}, []string{"events/s"}, nil, -1},
	{"Ended early: share of streams", canvas.Axis{Unit: units.Share}, []string{"ended-early"}, nil, -1},
}

// Streams draws how events of streams came over load, or of one level how long they took,
// one file for each sheet. There is no file where no reply was a stream.
func Streams(r *sweep.Report) ([]sweep.File, error) {
	streams := func(s *result.Stage) bool { return s.Streams != nil }
	if !slices.ContainsFunc(r.Stages, streams) {
		return nil, nil
	}
	return sheets(r, "streams", streamsFigure)
}

// mediansMark explains the dashed line among gaps.
const mediansMark = "p99 of medians: of each stream the median gap, and of these the p99"

func streamsFigure(sweeps []sweep.Sweep) *canvas.Figure {
	if !slices.ContainsFunc(sweeps, func(w sweep.Sweep) bool { return len(w.Points) > 1 }) {
		return streamTailsFigure(sweeps)
	}
	x := capacityAxes(sweeps[0].Load).levels
	var levels []float64
	for _, w := range sweeps {
		for _, p := range w.Points {
			if p.Level > 0 && p.Stage.Streams != nil {
				levels = append(levels, float64(p.Level))
			}
		}
	}
	if len(levels) == 0 {
		return nil
	}
	if x.Lo, x.Hi, _ = canvas.LogRange(levels, 4); !x.Log {
		x.Lo, x.Hi = 0, max(1, 1.06*slices.Max(levels))
	}
	var strips []strip
	for _, row := range streamStrips {
		s := strip{name: row.name, y: row.y}
		for i := range sweeps {
			w := &sweeps[i]
			var col []strand
			for n, name := range row.metrics {
				m, _ := result.MetricNamed(name)
				hue := canvas.HueOf(w.Target(), i)
				k := strand{width: canvas.LineWidth, shape: canvas.ShapeOf(w.Target(), i)}
				k.Curve = through(name, w.Points, func(s *result.Stage) (float64, bool, bool) {
					r := m.Read(s)
					return r.Value, r.Thin, s.Level() > 0 && r.Reason == "" && (r.Value > 0 || !row.y.Log)
				})
				switch {
				case len(k.Values) == 0:
				case len(row.labels) > 0:
					k.label = row.labels[n]
					hue = canvas.Shade(hue, n, len(row.labels))
				default:
					k.label = m.Unit.Text(k.Last().Y)
				}
				if k.hue = hue; n == row.dashed {
					k.hue, k.dashes = canvas.Soft, canvas.Dashed
				}
				col = append(col, k)
			}
			s.columns = append(s.columns, col)
		}
		if s.some() {
			strips = append(strips, s)
		}
	}
	if len(strips) == 0 {
		return nil
	}
	title := finding.Streams(sweeps)
	return stripsOverLoad(sweeps, x, levels, strips, title, streamStrip, mediansMark)
}
