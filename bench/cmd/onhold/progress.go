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
)

// progress shows how far a run is: a line for each stage that is complete, and on
// a terminal below them a bar. It has no colours.
//
// Note: the bar shows no figures of the stage that runs. They would take an
// observer of every request, in the generator's own threads.
type progress struct {
	w     io.Writer
	total int
	began time.Time
	bars  *mpb.Progress // nil without a terminal
	bar   *mpb.Bar

	mu       sync.Mutex // the bar is drawn by a goroutine of its own
	complete int
	last     time.Time // when the last of them was complete
	current  string
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
	p.current = fmt.Sprintf("%s, %s", escape.Line(redact.Known(target)), plan.Load)
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
	line := fmt.Sprintf("[%*d/%d] %s: %s", len(fmt.Sprint(p.total)), p.complete, p.total, p.now(), figures(s))
	if p.bars == nil {
		p.say(line + "; " + clockTime(time.Since(p.began)) + " elapsed" + p.left())
		return
	}
	p.say(line)
	p.bar.Increment()
}

// figures are those of a stage that a line has room for.
func figures(s *result.Stage) string {
	quantile := func(q float64) string {
		if s.Counts[result.OK] == 0 {
			return "none"
		}
		return s.Latency.Quantile(q).Round(100 * time.Microsecond).String()
	}
	parts := []string{fmt.Sprintf("%.0f ok/s", s.Goodput()), "p50 " + quantile(0.5), "p99 " + quantile(0.99), fmt.Sprintf("rejected %.1f %%", 100*s.RejectedShare())}
	if n := s.Counts.Failed(); n > 0 {
		parts = append(parts, fmt.Sprintf("failed %.1f %%", 100*float64(n)/float64(s.Counts.Planned())))
	}
	if q := s.Completion; q != nil && q.Accepted > 0 {
		completion := ""
		if d, known := q.Quantile(0.5); known {
			completion = d.Round(100 * time.Microsecond).String()
		}
		parts = append(parts, "completion p50 "+cmp.Or(completion, "not reached"))
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
	p.say(fmt.Sprintf("%s: not valid, the hypervisor took the generator's CPU away for %v; running it again", p.now(), s.Generator.Steal.Round(time.Millisecond)))
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
