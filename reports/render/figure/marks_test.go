package figure

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

// footers is how the first figure says that it is to be read.
func footers(t *testing.T, plan func([]sweep.Sweep) *canvas.Figure, stages []*result.Stage) string {
	t.Helper()
	f := plan(sweep.Of(stages))
	if f == nil {
		t.Fatal("no figure")
	}
	return strings.Join(f.Footer, " · ")
}

// A footer explains the marks that are drawn, and no others.
func TestFootersExplainWhatIsDrawn(t *testing.T) {
	invalid := func(stages []*result.Stage) []*result.Stage {
		stages[len(stages)-1].Invalid = []string{"a reason"}
		return stages
	}
	bounded := func(stages []*result.Stage) []*result.Stage {
		for _, s := range stages {
			s.Target.CPU, s.Target.CPUs, s.Length = time.Second, "0-1", 3*time.Second
		}
		return stages
	}
	unbounded := bounded(sweeptest.Streamed())
	for _, s := range unbounded {
		s.Target.CPUs, s.Generator.CPUs = "", ""
	}
	many := sweeptest.Free("goroutine", 300)
	many.OK = 5e6
	sliced := func(rejected, failed int64) []*result.Stage {
		s := sweeptest.Sliced(sweeptest.Free("goroutine", 300).Stage(), 5*time.Second, never, never)
		for i := range s.Slices {
			s.Slices[i].Counts[result.Rejected], s.Slices[i].Counts[result.Timeout] = rejected, failed
		}
		return []*result.Stage{s}
	}
	stalled := func(load string) (some []*result.Stage) {
		for _, s := range sweeptest.Stalled() {
			if s.Load() == load {
				some = append(some, s)
			}
		}
		return some
	}
	steps := func(stages []*result.Stage) *canvas.Figure { return stepsFigure(sweep.Scenarios(sweep.Of(stages))[0]) }
	for name, row := range map[string]struct {
		footer string
		has    []string
		lacks  []string
	}{
		"streams":                    {footers(t, streamsFigure, sweeptest.Streamed()), []string{mediansMark}, []string{"hollow", "bars"}},
		"streams, not valid":         {footers(t, streamsFigure, invalid(sweeptest.Streamed())), []string{hollowMark}, nil},
		"streams of one level":       {footers(t, streamsFigure, sweeptest.Streamed()[:1]), []string{mediansLabel, thinMark}, []string{"hollow", "bars"}},
		"streams of one, not valid":  {footers(t, streamsFigure, invalid(sweeptest.Streamed()[:1])), []string{hollowMark}, nil},
		"saturation":                 {footers(t, saturationFigure, bounded(sweeptest.Streamed())), []string{"dashed, of"}, []string{"hollow", "dotted"}},
		"saturation without bounds":  {footers(t, saturationFigure, unbounded), nil, []string{"dashed", "hollow"}},
		"saturation, not valid":      {footers(t, saturationFigure, invalid(bounded(sweeptest.Streamed()))), []string{hollowMark}, nil},
		"percentiles":                {footers(t, percentilesFigure, sweeptest.Default()), []string{thinMark, "thick"}, []string{"done", "hollow"}},
		"heat map":                   {footers(t, heatFigure, sliced(0, 0)), []string{"the darker"}, []string{"below"}},
		"heat map, rejected":         {footers(t, heatFigure, sliced(5, 0)), []string{"below: share rejected (hatched)"}, []string{"failed"}},
		"heat map, failed":           {footers(t, heatFigure, sliced(0, 5)), []string{"below: share failed (plain)"}, []string{"rejected"}},
		"heat map, both":             {footers(t, heatFigure, sliced(5, 5)), []string{"share rejected (hatched) and failed (plain)"}, nil},
		"stall at a constant rate":   {footers(t, func(w []sweep.Sweep) *canvas.Figure { return stallFigure(w) }, stalled("constant")), []string{"dashed"}, nil},
		"stall of clients":           {footers(t, func(w []sweep.Sweep) *canvas.Figure { return stallFigure(w) }, stalled("closed")), []string{"is late"}, []string{"dashed"}},
		"steps":                      {strings.Join(steps(sweeptest.Shop()).Footer, " · "), []string{"circle: p50 · square: p90 · diamond: p99", "shares"}, nil},
		"a verification of nothing":  {verificationMarks(&conformance.Report{}), []string{"grey band"}, []string{"dot:", "replay", "hollow"}},
		"capacity":                   {footers(t, capacityFigure, sweeptest.Default()), []string{thinMark}, []string{"hollow", "bars", "dashed"}},
		"capacity without any marks": {footers(t, capacityFigure, []*result.Stage{many.Stage()}), nil, []string{"dotted", "hollow"}},
	} {
		for _, want := range row.has {
			if !strings.Contains(row.footer, want) {
				t.Errorf("%s: the footer %q does not explain %q", name, row.footer, want)
			}
		}
		for _, mark := range row.lacks {
			if strings.Contains(row.footer, mark) {
				t.Errorf("%s: the footer %q explains %q, which is not drawn", name, row.footer, mark)
			}
		}
	}
}

// The streams figure of one level marks the percentiles that the table has, and what came
// in one read does not press the other gaps flat.
func TestStreamTails(t *testing.T) {
	stage := sweeptest.Streamed()[1] // 2,000 streams
	for range 1000 {
		stage.Streams.Gap.Record(0)
	}
	stage.Streams.Together, stage.Streams.EndedEarly = 1000, 20
	m := newStreamTailsModel(sweep.Of([]*result.Stage{stage}))
	if len(m.panels) != 2 {
		t.Fatalf("%d panels", len(m.panels))
	}
	for i, kind := range []string{"first-event-", "gap-"} {
		p, marks := m.panels[i], m.panels[i].columns[0].marks
		if len(marks) != 4 {
			t.Errorf("%s: marks %v", kind, marks)
		}
		for k, q := range []string{"p50", "p90", "p99", "p99.9"}[:len(marks)] {
			metric, _ := result.MetricNamed(kind + q)
			if want := q + " " + metric.Cell(stage); marks[k].text != want {
				t.Errorf("%s: the mark is %q, want %q", kind, marks[k].text, want)
			}
			if marks[k].y < p.y.Lo || marks[k].y > p.y.Hi || marks[k].x > m.nines.Hi {
				t.Errorf("%s: %s is off the axes %v, %v", kind, marks[k].text, p.y, m.nines)
			}
		}
		if median := marks[0].y; p.y.Lo < median/10 {
			t.Errorf("%s: the axis begins at %v, the median is %v", kind, time.Duration(p.y.Lo), time.Duration(median))
		}
	}
	if got := streamRemarks(sweep.Of([]*result.Stage{stage})); !strings.Contains(got, "Ended early, share of streams: 0.3 %") || !strings.Contains(got, "In one read with the event before") {
		t.Errorf("remarks: %q", got)
	}
	none := sweeptest.Streamed()[:1]
	none[0].Streams = result.NewStreams()
	if f := streamsFigure(sweep.Of(none)); f != nil {
		t.Error("a figure of streams without an event")
	}
}

// Where all gaps are the same, a curve of their medians would lie under the other.
func TestMediansThatDoNotDiffer(t *testing.T) {
	for _, c := range []struct {
		long bool
		want bool
	}{{false, false}, {true, true}} {
		s := result.NewStreams()
		for range 100 {
			s.MedianGap.Record(50 * time.Millisecond)
			for range 9 {
				s.Gap.Record(50 * time.Millisecond)
			}
			if c.long {
				s.Gap.Record(time.Second)
			}
		}
		if got := mediansDiffer(s); got != c.want {
			t.Errorf("long gaps %v: medians differ %v, want %v", c.long, got, c.want)
		}
	}
}
