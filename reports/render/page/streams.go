package page

import (
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// streamMetrics are the columns of the table of streams.
var streamMetrics = []string{"ok/s", "events/s", "first-event-p50", "first-event-p99", "gap-p50", "gap-p99", "median-gap-p50", "median-gap-p99", "ended-early", "in-one-read"}

const streamsLegend = "first event: from the planned instant. gap: between two events of a stream, of all streams. median gap: of each stream, so that long ones weigh no more. " +
	"ended early: the server ended the stream before it was complete. in one read: events that came together with the one before, whose gap is 0."

func hasStreams(p sweep.Point) bool { return p.Stage.Streams != nil }

// streamsOf shows how the events of streams came, at each level. It is nil where no reply
// was a stream.
func streamsOf(sweeps []sweep.Sweep) *table.Table {
	if !slices.ContainsFunc(pointsOf(sweeps), hasStreams) {
		return nil
	}
	var metrics []result.Metric
	columns := table.Numbers("streams")
	for _, name := range streamMetrics {
		m, _ := result.MetricNamed(name)
		head := m.Heading
		if name == "ok/s" {
			head = "streams/s"
		}
		if m.Unit == units.Rate {
			m.Unit = units.Count // the heading says that it is a rate
		}
		if at := strings.LastIndexByte(head, ' '); at >= 0 {
			head = head[:at] + "\n" + head[at+1:]
		}
		metrics, columns = append(metrics, m), append(columns, table.Column{Head: head})
	}
	t := table.New(columns...)
	for i := range sweeps {
		w := &sweeps[i]
		if len(sweeps) > 1 {
			t.Line(w.ShortName(40))
		}
		for _, p := range w.Points {
			row := []string{sweep.AtLevel(w.Load, p.Level)}
			for _, m := range metrics {
				row = append(row, m.Cell(p.Stage))
			}
			t.Row(row...)
		}
	}
	return t
}
