package patterns

import (
	"context"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/reports/render"
)

// What is ordered, and who pays: more comes than can be paid.
const (
	orderRate   = 80 // a second
	orderLength = 20 * time.Second
	payers      = 10 // consumers of the queue, workers of the pool: 50 payments a second
	inlineQueue = 100
	drainLimit  = time.Minute
)

// payLater places orders faster than they can be paid: with a server that pays
// before it answers, and with one that has them paid later.
func payLater(ctx context.Context, l *lab) (render.Pattern, error) {
	length := max(l.scaled(orderLength), 2*time.Second)
	n := int(length.Seconds() * orderRate)
	now, err := l.serve(ctx, "blocking", "--backend-latency="+wait.String(), fmt.Sprintf("--workers=%d", payers), fmt.Sprintf("--queue=%d", inlineQueue))
	if err != nil {
		return render.Pattern{}, err
	}
	later, err := l.serve(ctx, "queue", "--backend-latency="+wait.String(), fmt.Sprintf("--consumers=%d", payers))
	if err != nil {
		return render.Pattern{}, err
	}
	l.tell("%d orders/s for %v, and who can pay %d", orderRate, length, int(payers/wait.Seconds()))
	both := make([]*placing, 2)
	errs := make(chan error, 2)
	for i, start := range []func() (*placing, error){
		func() (*placing, error) { return placeAll(ctx, now.Addr, "", n) },
		func() (*placing, error) { return placeAll(ctx, later.Addr, later.Broker, n) },
	} {
		go func() {
			var err error
			both[i], err = start()
			errs <- err
		}()
	}
	for range both {
		if e := <-errs; err == nil {
			err = e
		}
	}
	if err != nil {
		return render.Pattern{}, err
	}
	return tellPaying(length, both[0], both[1]), nil
}

func tellPaying(length time.Duration, now, later *placing) render.Pattern {
	acceptedTypical := median(later.replies())
	end := later.ended()
	seconds0 := render.Axis{Label: "time", Unit: "time", Max: float64(max(end, now.ended()))}
	peak := 0.0
	queued := later.backlog("queue", end)
	for _, v := range queued.Y {
		peak = max(peak, v)
	}
	held := now.backlog("blocking", end)
	held.Name, queued.Name = "inline: on hold", "queue: not yet paid"
	replies := []render.Line{
		now.overTime("inline: paid", "blocking", (*order).answered),
		later.overTime("queue: accepted", "queue", (*order).answered),
		later.overTime("queue: paid", "queue", (*order).processed),
	}
	replies[1].Dashed = false
	bars := func(what string, p *placing, style string) []render.Bar {
		return []render.Bar{
			{Group: what, Label: "paid", Style: style, Value: float64(p.count(paid)), Unit: "count"},
			{Group: what, Label: "turned away", Style: style, Value: float64(p.count(turnedAway)), Unit: "count"},
			{Group: what, Label: "lost", Style: style, Value: float64(p.count(lost)), Unit: "count"},
		}
	}
	return render.Pattern{
		Question: "Pay now, or accept now and pay later?",
		Finding: fmt.Sprintf("With %d orders/s for %d payers of 5/s each, paying inline turns %s of %s away and holds the others up to %s; the queue accepts %s (median %s), and has the last paid %s after the rush",
			orderRate, payers, thousands(int64(now.count(turnedAway))), thousands(int64(len(now.orders))), seconds(now.longest()),
			later.taken(), micro(acceptedTypical), seconds(max(0, end-length))),
		Text: fmt.Sprintf("Both can pay 50 orders a second, and 80 come. Inline, each caller is on hold until paid: the line fills, and who comes then is turned away. "+
			"The queue answers when the broker has the order (%s), so that the caller is free; the work is not less but later, and the backlog of up to %s orders is paid off when the rush is over. "+
			"That a reply came says nothing of when the order is paid: both clocks are shown. Accepted %s, paid %s, lost %d, handed out again %d.",
			later.about, thousands(int64(peak)), thousands(int64(later.count(paid)+later.count(lost))), thousands(int64(later.count(paid))), later.count(lost), later.again),
		Caption: fmt.Sprintf("POST /api/orders at %d/s for %s; a payment takes %s; inline: style blocking with %d workers and a queue of %d; queue: a broker in a process of its own and %d consumers. Lines are medians of half seconds, by the instant of the order.",
			orderRate, seconds(length), seconds(wait), payers, inlineQueue, payers),
		Warnings: append(now.warnings("inline"), later.warnings("queue")...),
		Panels: []render.Panel{
			{Title: "How long until: by the time of the order", X: seconds0, Y: render.Axis{Label: "since the order", Unit: "time", Log: true}, Lines: replies},
			{Title: "On hold, or in the queue: at each moment", X: seconds0, Y: render.Axis{Label: "orders", Unit: "count"}, Lines: []render.Line{queued, held}},
			{Title: fmt.Sprintf("What became of %s orders each", thousands(int64(len(now.orders)))), Bars: append(bars("inline", now, "blocking"), bars("queue", later, "queue")...)},
		},
	}
}
