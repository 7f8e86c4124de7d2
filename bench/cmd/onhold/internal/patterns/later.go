package patterns

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
)

// More orders arrive than can be paid.
const (
	orderRate   = 80 // per second
	orderLength = 20 * time.Second
	payers      = 10 // consumers of the queue, workers of the pool: 50 payments per second
	inlineQueue = 100
)

// minOrderLength holds at every scale: the excess of 30 orders per second has to
// fill 110 places.
const minOrderLength = 5 * time.Second

// payLater places orders faster than they can be paid: with a server that pays
// before it answers, and with one that accepts them and has them paid later.
func payLater(ctx context.Context, l *lab) (pattern.Pattern, error) {
	length := max(l.scaled(orderLength), minOrderLength)
	options := withLatency(wait)
	options.Workers, options.Queue, options.Queued.Consumers = payers, inlineQueue, payers
	l.report("%d orders/s for %v, of which %d/s can be paid", orderRate, length, int(payers/wait.Seconds()))
	var lines [2]*timeline
	var later *targets.Process
	stages, err := l.again(func() (stages []*result.Stage, err error) {
		stages, lines, later, err = l.payBoth(ctx, options, length)
		return stages, err
	})
	if err != nil {
		return pattern.Pattern{}, err
	}
	about := "store unknown"
	if st, err := later.Stats(ctx); err == nil && st.Broker != nil {
		about = "store " + st.Broker.Store + ", sync " + st.Broker.Sync
	}
	return payingPattern(length, about, stages[0], stages[1], lines[0], lines[1]), nil
}

// payBoth drives both servers at once: one alone shows nothing. later is the second.
func (l *lab) payBoth(ctx context.Context, options targets.Options, length time.Duration) (stages []*result.Stage, lines [2]*timeline, later *targets.Process, err error) {
	now, err := l.serve(ctx, "blocking", options)
	if err != nil {
		return nil, lines, nil, err
	}
	if later, err = l.serve(ctx, "queue", options); err != nil {
		return nil, lines, nil, err
	}
	stages = make([]*result.Stage, 2)
	both, driven := errgroup.WithContext(ctx)
	for i, p := range []*targets.Process{now, later} {
		both.Go(func() (err error) {
			stages[i], lines[i], err = placeOrders(driven, p, bench.Plan{
				Load: bench.Load{Rate: orderRate, Arrivals: load.Constant}, Duration: length, DrainTimeout: time.Minute + 2*length, Timeout: time.Minute,
				MaxLag: 20 * time.Millisecond, // the latencies shown are seconds
				Seed:   stageSeed, Wait: wait, NoPin: l.NoPin,
				Settings: result.Settings{{Key: "pattern", Value: l.name}, {Key: result.KeyTarget, Value: p.Style}},
			})
			return err
		})
	}
	if err := both.Wait(); err != nil {
		return nil, lines, nil, err
	}
	if q := stages[1].Completion; q.Lost > 0 {
		stages[1].Invalidate("%d accepted orders are lost", q.Lost)
	}
	return stages, lines, later, nil
}

func payingPattern(length time.Duration, about string, now, later *result.Stage, nowLine, laterLine *timeline) pattern.Pattern {
	q := later.Completion
	taken, inline := laterLine.replies(), nowLine.replies()
	end := max(nowLine.end(), laterLine.end())
	queued := laterLine.backlog("queue: not yet paid", "queue", taken, laterLine.paid, end)
	waiting := nowLine.backlog("inline: waiting", "blocking", inline, inline, end)
	peak := 0.0
	for _, v := range queued.Y {
		peak = max(peak, float64(v))
	}
	var longest time.Duration
	for _, r := range inline {
		longest = max(longest, r.done-r.planned)
	}
	planned, rejected := now.Counts.Planned(), now.Counts[result.Rejected]
	accepted := "all"
	if q.Accepted < later.Counts.Planned() {
		accepted = units.Int(q.Accepted)
	}
	finding := fmt.Sprintf("At %d orders/s, of which 50 can be paid, inline payment rejects %s of %s orders and delays the others by up to %s; the queue accepts %s (median %s)",
		orderRate, units.Int(rejected), units.Int(planned), units.Duration(longest), accepted, units.Duration(later.Latency.Quantile(0.5)))
	switch {
	case q.Lost > 0:
		finding += fmt.Sprintf(", and loses %s", units.Int(q.Lost))
	case q.Unknown > 0:
		finding += fmt.Sprintf(", and the fate of %s is unknown", units.Int(q.Unknown))
	case q.Backlog > 0:
		finding += fmt.Sprintf(", and leaves %s unpaid", units.Int(q.Backlog))
	default:
		finding += fmt.Sprintf(", and pays the last one %s after the last arrival", units.Duration(max(0, laterLine.end()-length)))
	}
	text := "Both can pay 50 orders per second, and 80 arrive. Inline, each caller waits until the order is paid"
	if rejected > 0 {
		text += ": the queue of the server fills, and later callers are rejected"
	}
	text += fmt.Sprintf(". The message queue answers when the broker has the order (%s), so the caller is free. The work is not less, only later: up to %s orders waited to be paid. "+
		"An accepted order is not a paid one, so both latencies are shown. Message queue: accepted %s, paid %s, not yet paid %s, lost %s, delivered again %s.",
		about, units.Int(int64(peak)), units.Int(q.Accepted), units.Int(q.Completed()), units.Int(q.Backlog), units.Int(q.Lost), units.Int(q.Duplicates))
	if q.Unknown > 0 {
		text += fmt.Sprintf(" The fate of %s is unknown.", units.Int(q.Unknown))
	}
	bar := func(group, label, style string, n int64) pattern.Bar {
		return pattern.Bar{Group: group, Label: label, Style: style, Value: units.Value(n), Unit: units.Count}
	}
	clock := pattern.Axis{Label: "time", Unit: units.Time, Max: units.Value(end)}
	return pattern.Pattern{
		Question: "Pay now, or accept now and pay later?",
		Finding:  finding,
		Text:     text,
		Caption: fmt.Sprintf("POST /api/orders at %d/s for %s; a payment takes %s; inline: style blocking with %d workers and a queue of %d; queue: a broker in its own process and %d consumers. Lines are medians over half seconds, by the instant of the order.",
			orderRate, units.Duration(length), units.Duration(wait), payers, inlineQueue, payers),
		Panels: []pattern.Panel{
			{Title: "Time to accept, time to pay: by the time of the order", X: clock, Y: pattern.Axis{Label: "since the order", Unit: units.Time, Log: true}, Lines: []pattern.Line{
				nowLine.overTime("inline: paid", "blocking", inline),
				laterLine.overTime("queue: accepted", "queue", taken),
				laterLine.overTime("queue: paid", "queue", laterLine.paid),
			}},
			{Title: "Waiting, or in the queue: over time", X: clock, Y: pattern.Axis{Label: "orders", Unit: units.Count}, Lines: []pattern.Line{queued, waiting}},
			{Title: fmt.Sprintf("Outcome of %s orders each", units.Int(planned)), Bars: []pattern.Bar{
				bar("inline", "paid", "blocking", now.Counts[result.OK]), bar("inline", "rejected", "blocking", rejected), bar("inline", "failed", "blocking", now.Counts.Failed()),
				bar("queue", "paid", "queue", q.Completed()), bar("queue", "rejected", "queue", later.Counts[result.Rejected]), bar("queue", "lost", "queue", q.Lost),
			}},
		},
	}
}
