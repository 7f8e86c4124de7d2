package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

// progress shows how far a run is: a line for each stage that is complete, and on
// a terminal below them a bar with what happens in the stage that runs. It has no colours.
type progress struct {
	w     io.Writer
	total int
	began time.Time
	bars  *mpb.Progress // nil without a terminal
	bar   *mpb.Bar      // of the stage that runs, in milliseconds

	mu       sync.Mutex // the bar is drawn by a goroutine of its own
	complete int
	last     time.Time // when the last of them was complete
	current  string
	lately   string // what happened in the last second
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{w: w, total: total, began: time.Now()}
	if f := fileOf(w); f != nil && isTerminal(f) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(24), mpb.WithRefreshRate(time.Second))
		text := func(what func() string) decor.Decorator {
			return decor.Any(func(decor.Statistics) string { return what() })
		}
		p.bar = p.bars.AddBar(0,
			mpb.PrependDecorators(text(func() string { return p.now() + " " })),
			mpb.AppendDecorators(text(p.soFar), decor.Elapsed(decor.ET_STYLE_MMSS), text(func() string { return " elapsed" + p.left() })),
		)
	}
	return p
}

// live shows what happened in the last second: a [series.Writer].
func (p *progress) live(at series.Point) error {
	text := lately(at)
	p.mu.Lock()
	p.lately = text
	p.mu.Unlock()
	p.bar.SetCurrent((at.Offset + at.Length).Milliseconds())
	return nil
}

// lately says what happened in a part of a stage. Of streams, which may last longer than
// the stage, that is their events in place of their latencies.
func lately(at series.Point) string {
	rate := func(n int64) string { return units.Rate.Text(float64(n) / max(at.Length, 1).Seconds()) }
	quantile := func(s *result.Sparse, q float64) string {
		if s.N() == 0 {
			return "none"
		}
		return units.Duration(s.Quantile(q))
	}
	parts := []string{"ok " + rate(at.Counts[result.OK])}
	if t := at.Streams; t != nil {
		came := max(t.InWindow, t.FirstEvent.N()+t.Gap.N()) // while the stage drains, none is in the window
		parts = append(parts, "events "+rate(came), "first event p99 "+quantile(t.FirstEvent, 0.99), "gap p99 "+quantile(t.Gap, 0.99))
	} else {
		parts = append(parts, "p50 "+quantile(at.Latency, 0.5), "p99 "+quantile(at.Latency, 0.99))
	}
	parts = append(parts, "rejected "+units.Percent(float64(at.Counts[result.Rejected])/float64(max(1, at.Counts.Planned()))), "lag p99 "+quantile(at.Lag, 0.99))
	if at.Disturbed {
		parts = append(parts, "disturbed")
	}
	return strings.Join(parts, ", ")
}

// soFar is what the bar says behind it.
func (p *progress) soFar() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return " " + cmp.Or(p.lately, "warming up") + ", "
}

// isTerminal is false too for one that has no size: a bar would not show.
func isTerminal(f *os.File) bool {
	w, h, err := term.GetSize(int(f.Fd()))
	return err == nil && w > 0 && h > 0
}

// say prints a line, above the bar.
func (p *progress) say(line string) {
	if p.bars == nil {
		fmt.Fprintln(p.w, line)
		return
	}
	// The bar's writer is below the output that escapes and redacts.
	_, _ = io.WriteString(p.bars, escape.Line(redact.Known(line))+"\n")
}

// begin says which stage runs.
func (p *progress) begin(target string, plan bench.Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = fmt.Sprintf("[%*d/%d] %s, %s", len(fmt.Sprint(p.total)), p.complete+1, p.total, escape.Line(redact.Known(target)), plan.Load)
	if p.lately = ""; p.bars != nil {
		p.bar.SetTotal(plan.Duration.Milliseconds(), false)
		p.bar.SetCurrent(0)
	}
}

func (p *progress) now() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// done says what a stage measured.
func (p *progress) done(s *result.Stage) {
	p.mu.Lock()
	p.complete++
	p.last = time.Now()
	p.mu.Unlock()
	line := p.now() + ": " + figures(s)
	if p.bars == nil {
		p.say(line + "; " + clockTime(time.Since(p.began)) + " elapsed" + p.left())
		return
	}
	p.say(line)
}

// figures are those of a stage that a line has room for.
func figures(s *result.Stage) string {
	cell := func(metric string) string {
		m, _ := result.MetricNamed(metric)
		return m.Cell(s)
	}
	parts := []string{"ok " + cell("ok/s"), "p50 " + cell("p50"), "p99 " + cell("p99"), "rejected " + cell("rejected")}
	if s.Streams != nil {
		parts = append(parts, "events "+cell("events/s"), "first event p99 "+cell("first-event-p99"))
	}
	if s.Counts.Failed() > 0 {
		parts = append(parts, "failed "+cell("failed"))
	}
	if q := s.Completion; q != nil && q.Accepted > 0 {
		parts = append(parts, "completion p50 "+cell("completion-p50"))
	}
	if !s.Valid() {
		parts = append(parts, "NOT VALID")
	}
	return strings.Join(parts, ", ")
}

// interrupted says that the first Ctrl-C was heard.
func (p *progress) interrupted() {
	p.say("onhold: interrupted: the report of the complete stages follows; Ctrl-C again ends the process at once (onhold report can draw it later)")
}

// again says that a stage has to be run again.
func (p *progress) again(s *result.Stage) {
	p.say(fmt.Sprintf("%s: not valid: %s; running it again", p.now(), s.Discarded()))
}

// left estimates the time to go from the stages that are complete.
func (p *progress) left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.complete == 0 {
		return ""
	}
	each := p.last.Sub(p.began) / time.Duration(p.complete)
	left := max(0, each*time.Duration(p.total-p.complete)-time.Since(p.last))
	return ", " + clockTime(left) + " left"
}

func clockTime(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// end removes the bar.
func (p *progress) end() {
	if p.bars != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
}
