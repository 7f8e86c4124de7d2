package patterns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
)

// What is ordered, and who pays: more comes than can be paid.
const (
	orderRate   = 80 // a second
	orderLength = 20 * time.Second
	payers      = 10 // consumers of the queue, workers of the pool: 50 payments a second
	inlineQueue = 100
)

// leastOrders is how long orders come at the least, whatever the scale: what is
// too much has to fill the 110 places, at 30 a second.
const leastOrders = 5 * time.Second

// payLater places orders faster than they can be paid: with a server that pays
// before it answers, and with one that has them paid later.
func payLater(ctx context.Context, l *lab) (pattern.Pattern, error) {
	length := max(l.scaled(orderLength), leastOrders)
	options := taking(wait)
	options.Workers, options.Queue, options.Queued.Consumers = payers, inlineQueue, payers
	now, err := l.serve(ctx, "blocking", options)
	if err != nil {
		return pattern.Pattern{}, err
	}
	later, err := l.serve(ctx, "queue", options)
	if err != nil {
		return pattern.Pattern{}, err
	}
	l.tell("%d orders/s for %v, and who can pay %d", orderRate, length, int(payers/wait.Seconds()))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type half struct {
		stage *result.Stage
		line  *timeline
		err   error
	}
	place := func(p *targets.Process) <-chan half {
		done := make(chan half, 1)
		go func() {
			var h half
			h.stage, h.line, h.err = placeOrders(ctx, p, bench.Plan{
				Load: bench.Load{Rate: orderRate, Arrivals: load.Constant}, Duration: length, DrainTimeout: time.Minute + 2*length, Timeout: time.Minute,
				MaxLag: 20 * time.Millisecond, // seconds are told here
				Seed:   stageSeed, Wait: wait, NoPin: l.NoPin,
				Settings: result.Settings{{Key: "pattern", Value: l.name}, {Key: result.KeyTarget, Value: p.Style}},
			})
			if h.err != nil {
				cancel() // the other one tells nothing alone
			}
			done <- h
		}()
		return done
	}
	inline, queued := place(now), place(later)
	a, b := <-inline, <-queued
	if err := errors.Join(a.err, b.err); err != nil {
		return pattern.Pattern{}, err
	}
	if q := b.stage.Completion; q.Lost > 0 {
		b.stage.Invalidate("%d accepted orders are lost", q.Lost)
	}
	l.stages = append(l.stages, a.stage, b.stage)
	about := "store unknown"
	if st, err := later.Stats(ctx); err == nil && st.Broker != nil {
		about = "store " + st.Broker.Store + ", sync " + st.Broker.Sync
	}
	return tellPaying(length, about, a.stage, b.stage, a.line, b.line), nil
}

func tellPaying(length time.Duration, about string, now, later *result.Stage, nowLine, laterLine *timeline) pattern.Pattern {
	q := later.Completion
	taken, inline := laterLine.replies(), nowLine.replies()
	end := max(nowLine.end(), laterLine.end())
	queued := laterLine.backlog("queue: not yet paid", "queue", taken, laterLine.paid, end)
	held := nowLine.backlog("inline: on hold", "blocking", inline, inline, end)
	peak := 0.0
	for _, v := range queued.Y {
		peak = max(peak, v)
	}
	var longest time.Duration
	for _, r := range inline {
		longest = max(longest, r.done-r.planned)
	}
	planned, away := now.Counts.Planned(), now.Counts[result.Rejected]
	accepted := "all"
	if q.Accepted < later.Counts.Planned() {
		accepted = thousands(q.Accepted)
	}
	finding := fmt.Sprintf("Of %d orders/s, of which 50 can be paid, paying inline turns %s of %s away and holds the others up to %s; the queue accepts %s (median %s)",
		orderRate, thousands(away), thousands(planned), seconds(longest), accepted, micro(later.Latency.Quantile(0.5)))
	switch {
	case q.Lost > 0:
		finding += fmt.Sprintf(", and loses %s", thousands(q.Lost))
	case q.Unknown > 0:
		finding += fmt.Sprintf(", and of %s nobody knows what became", thousands(q.Unknown))
	case q.Backlog > 0:
		finding += fmt.Sprintf(", and has not paid %s in the end", thousands(q.Backlog))
	default:
		finding += fmt.Sprintf(", and has the last paid %s after the rush", seconds(max(0, laterLine.end()-length)))
	}
	text := "Both can pay 50 orders a second, and 80 come. Inline, each caller is on hold until paid"
	if away > 0 {
		text += ": the line fills, and who comes then is turned away"
	}
	text += fmt.Sprintf(". The queue answers when the broker has the order (%s), so that the caller is free; the work is not less but later: up to %s orders were waiting to be paid. "+
		"That a reply came says nothing of when the order is paid: both clocks are shown. Of the queue: accepted %s, paid %s, not yet paid %s, lost %s, handed out again %s.",
		about, thousands(int64(peak)), thousands(q.Accepted), thousands(q.Completed()), thousands(q.Backlog), thousands(q.Lost), thousands(q.Duplicates))
	if q.Unknown > 0 {
		text += fmt.Sprintf(" Of %s nobody could be asked what became of them.", thousands(q.Unknown))
	}
	bar := func(group, label, style string, n int64) pattern.Bar {
		return pattern.Bar{Group: group, Label: label, Style: style, Value: float64(n), Unit: units.Count}
	}
	clock := pattern.Axis{Label: "time", Unit: units.Time, Max: float64(end)}
	return pattern.Pattern{
		Question: "Pay now, or accept now and pay later?",
		Finding:  finding,
		Text:     text,
		Caption: fmt.Sprintf("POST /api/orders at %d/s for %s; a payment takes %s; inline: style blocking with %d workers and a queue of %d; queue: a broker in a process of its own and %d consumers. Lines are medians of half seconds, by the instant of the order.",
			orderRate, seconds(length), seconds(wait), payers, inlineQueue, payers),
		Panels: []pattern.Panel{
			{Title: "How long until: by the time of the order", X: clock, Y: pattern.Axis{Label: "since the order", Unit: units.Time, Log: true}, Lines: []pattern.Line{
				nowLine.overTime("inline: paid", "blocking", inline),
				laterLine.overTime("queue: accepted", "queue", taken),
				laterLine.overTime("queue: paid", "queue", laterLine.paid),
			}},
			{Title: "On hold, or in the queue: at each moment", X: clock, Y: pattern.Axis{Label: "orders", Unit: units.Count}, Lines: []pattern.Line{queued, held}},
			{Title: fmt.Sprintf("What became of %s orders each", thousands(planned)), Bars: []pattern.Bar{
				bar("inline", "paid", "blocking", now.Counts[result.OK]), bar("inline", "turned away", "blocking", away), bar("inline", "failed", "blocking", now.Counts.Failed()),
				bar("queue", "paid", "queue", q.Completed()), bar("queue", "turned away", "queue", later.Counts[result.Rejected]), bar("queue", "lost", "queue", q.Lost),
			}},
		},
	}
}
