package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
)

// progress tells how far a run is: a bar on a terminal, elsewhere one plain
// line a stage.
type progress struct {
	w     io.Writer
	total int
	began time.Time
	bars  *mpb.Progress // nil without a terminal
	bar   *mpb.Bar

	mu      sync.Mutex // the bar is drawn by a goroutine of its own
	whole   int
	last    time.Time // when the last of them was whole
	current string
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{w: w, total: total, began: time.Now()}
	if f := fileOf(w); f != nil && isTerminal(f) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(24))
		p.bar = p.bars.AddBar(int64(total),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.now() + " " })),
			mpb.AppendDecorators(decor.CountersNoUnit(" %d of %d, "), decor.Elapsed(decor.ET_STYLE_MMSS), decor.Any(func(decor.Statistics) string { return " elapsed" + p.left() })),
		)
	}
	return p
}

// isTerminal is false too for one that has no size: a bar would not show.
func isTerminal(f *os.File) bool {
	w, h, err := term.GetSize(int(f.Fd()))
	return err == nil && w > 0 && h > 0
}

// begin tells which stage is on.
func (p *progress) begin(target string, plan bench.Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A bar is drawn past the output that would escape the name.
	p.current = fmt.Sprintf("%s, %s", escape.Line(redact.Known(target)), plan.Load)
}

func (p *progress) now() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// done tells what a stage brought.
func (p *progress) done(s *result.Stage) {
	p.mu.Lock()
	p.whole++
	p.last = time.Now()
	p.mu.Unlock()
	if p.bars != nil {
		p.bar.Increment()
		return
	}
	p50, failed, valid := "none", "", ""
	if n := s.Counts.Failed(); n > 0 {
		failed = fmt.Sprintf(", failed otherwise %.1f %%", 100*float64(n)/float64(s.Counts.Planned()))
	}
	if s.Counts[result.OK] > 0 {
		p50 = s.Latency.Quantile(0.5).Round(100 * time.Microsecond).String()
	}
	if !s.Valid() {
		valid = ", NOT VALID"
	}
	if q := s.Completion; q != nil && q.Accepted > 0 {
		if d, done := q.Quantile(0.5); done {
			p50 += ", processed " + d.Round(100*time.Microsecond).String()
		} else {
			p50 += ", processed: most not yet"
		}
	}
	fmt.Fprintf(p.w, "[%*d/%d] %s: %.0f ok/s, p50 %s, rejected %.1f %%%s%s; %s elapsed%s\n",
		len(fmt.Sprint(p.total)), p.whole, p.total, p.now(), s.Goodput(),
		p50, 100*s.RejectedShare(), failed, valid,
		clockTime(time.Since(p.began)), p.left())
}

// interrupted tells that the first Ctrl-C was heard.
func (p *progress) interrupted() {
	fmt.Fprintln(p.w, "onhold: interrupted: the report of what is whole follows; Ctrl-C again ends it at once ('onhold report' can make it later)")
}

// again tells that a stage has to be run again.
func (p *progress) again(s *result.Stage) {
	if p.bars == nil {
		fmt.Fprintf(p.w, "%s: not valid while the machine took the generator's CPU away for %v: again\n",
			p.now(), s.Generator.Steal.Round(time.Millisecond))
	}
}

// left estimates the time to go from the stages that are whole.
func (p *progress) left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.whole == 0 {
		return ""
	}
	each := p.last.Sub(p.began) / time.Duration(p.whole)
	left := max(0, each*time.Duration(p.total-p.whole)-time.Since(p.last))
	return ", " + clockTime(left) + " left"
}

func clockTime(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// end takes the bar away.
func (p *progress) end() {
	if p.bars != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
}
