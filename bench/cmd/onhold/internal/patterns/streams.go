package patterns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/stream"
)

// Each follower opens one stream, which takes a wait and then the intervals.
const (
	followers    = 1_000
	streamEvents = 5
	streamGap    = 150 * time.Millisecond
	streamLength = wait + (streamEvents-1)*streamGap
)

// followed is how one server held the streams.
type followed struct {
	name    string
	holder  string // of the styles that hold streams
	options targets.Options
	length  time.Duration // of a wave
	idle    int64         // bytes resident with a pool of one and without streams; 0 where they are not reported
	stage   *result.Stage
}

// openStreams has all followers open their streams at the same instant: on the usual pool
// of threads, and on servers that can hold them all.
func openStreams(ctx context.Context, l *lab) (pattern.Pattern, error) {
	const late = 300 * time.Millisecond // beyond the streams
	style, _ := targets.Find(stream.Name)
	pools := []struct{ workers, queue int }{{heldWorkers, heldQueue}, {followers, targets.NoQueue}}
	var all []followed
	for _, p := range pools {
		f := followed{name: fmt.Sprintf("%s, %s threads", stream.Blocking, units.Int(p.workers)), holder: stream.Blocking, length: streamLength + late}
		f.options.Workers, f.options.Queue = p.workers, p.queue
		if p.queue > 0 { // the streams that wait for a thread begin when the first have ended
			f.length += streamLength
		}
		all = append(all, f)
	}
	for _, holder := range []string{stream.Goroutine, stream.EventLoop} {
		all = append(all, followed{name: holder, holder: holder, length: streamLength + late})
	}
	for i := range all {
		f := &all[i]
		l.report("%s", f.name)
		f.options.Stream = stream.Config{Server: f.holder, Events: streamEvents, Interval: streamGap}
		var err error
		if i > 0 { // the first does not hold them all
			if f.idle, err = l.idle(ctx, f.options); err != nil {
				return pattern.Pattern{}, err
			}
		}
		f.stage, err = l.measure(ctx, drive{
			style: stream.Name, options: f.options, settings: f.options.Settings(style),
			plan: bench.Plan{Load: bench.Load{Burst: followers, BurstInterval: f.length}, Duration: f.length, Wait: streamLength, Extend: bench.DefaultExtend},
		})
		if err != nil {
			return pattern.Pattern{}, err
		}
	}
	return followedPattern(all), nil
}

// idle is the resident memory of a server of streams that has a pool of one.
func (l *lab) idle(ctx context.Context, o targets.Options) (int64, error) {
	o.Workers, o.Queue = 1, targets.NoQueue
	p, err := l.program().Launch(ctx, stream.Name, o)
	if err != nil {
		return 0, err
	}
	meter := host.Process(p.PID)
	if err := meter.Start(); err != nil {
		return 0, errors.Join(err, p.Stop())
	}
	usage, err := meter.Stop()
	return usage.RSSMax, errors.Join(err, p.Stop())
}

// fate is what became of the followers of a wave: how many had their first event at once,
// how many had it later and when the middle one of these, and how many were rejected or failed.
func (f followed) fate() (atOnce, waited int64, middle time.Duration, rejected, failed int64) {
	s := f.stage
	planned := s.Counts.Planned() // of several waves, where the stage ran on
	one := func(n int64) int64 { return (n*followers + planned/2) / max(planned, 1) }
	rejected, failed = s.Counts[result.Rejected], s.Counts.Failed()
	if s.Streams != nil && s.Streams.FirstEvent.N() > 0 {
		first := s.Streams.FirstEvent
		const soon = streamLength + wait/2 // one that has waited for another's end begins a wait after it
		waited = first.CountBetween(soon, result.HistHighest+1)
		if atOnce = first.N() - waited; waited > 0 {
			middle = first.Quantile(1 - float64(waited)/2/float64(first.N()))
		}
	}
	return one(atOnce), one(waited), middle, one(rejected), one(failed)
}

func followedPattern(all []followed) pattern.Pattern {
	var fates, threads, memory []pattern.Bar
	for i, f := range all {
		atOnce, waited, middle, rejected, failed := f.fate()
		bar := func(label string, n int64, text string) {
			if n > 0 && (i == 0 || f.holder != stream.Blocking) {
				fates = append(fates, pattern.Bar{Label: label, Style: f.holder, Value: units.Value(n), Unit: units.Count, Text: text})
			}
		}
		bar(f.holder, atOnce, "")
		bar(f.holder+", later", waited, fmt.Sprintf("%s, after %s", units.Int(waited), units.Duration(middle)))
		bar("rejected", rejected, "")
		bar("failed", failed, "")
		if i == 0 {
			continue // it does not hold them all
		}
		if n := f.stage.Target.ThreadsMax; n > 0 {
			threads = append(threads, pattern.Bar{Label: f.holder, Style: f.holder, Value: units.Value(n), Unit: units.Count})
		}
		if held := f.stage.Target.RSSMax - f.idle; f.idle > 0 && held > 0 && atOnce > 0 {
			memory = append(memory, pattern.Bar{Label: f.holder, Style: f.holder, Value: units.Value(float64(held) / float64(atOnce)), Unit: units.Bytes})
		}
	}
	atOnce, waited, middle, rejected, _ := all[0].fate()
	loop := all[len(all)-1]
	served, _, _, _, _ := loop.fate()
	finding := fmt.Sprintf("Of %s clients that follow an order each, %d threads serve %s, let %s wait %s and reject %s; an event loop serves %s",
		units.Int(followers), heldWorkers, units.Int(atOnce), units.Int(waited), units.Duration(middle), units.Int(rejected), units.Int(served))
	panels := []pattern.Panel{{Title: fmt.Sprintf("Streams: that begin at once, of %s", units.Int(followers)), Bars: fates}}
	if len(threads) > 0 { // the system reports them
		panels = append(panels, pattern.Panel{Title: "Threads: to hold all streams", Bars: threads})
	}
	if len(memory) > 0 {
		panels = append(panels, pattern.Panel{Title: "Memory: per open stream", Bars: memory})
	}
	return pattern.Pattern{
		Question: "What does an open stream hold?",
		Finding:  finding,
		Text: "A stream is a reply that brings events over time: the states of an order, or the words of an answer. A blocking server holds a thread from the first event to the last. " +
			"When all threads have a stream, the other clients see nothing until one ends. A goroutine costs memory instead of a thread, and an entry in the list of an event loop hardly any.",
		Caption: fmt.Sprintf("One wave of %s streams of %d events, one per %s, the first after %s; blocking with %d threads and a queue of %d, and with %s threads for the other panels. Memory: resident with all streams, minus that of an idle server.",
			units.Int(followers), streamEvents, units.Duration(streamGap), units.Duration(wait), heldWorkers, heldQueue, units.Int(followers)),
		Panels: panels,
	}
}
