package patterns

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

// order is one order that was placed, by the caller's clock.
type order struct {
	planned time.Duration
	replied time.Duration // 0: never
	outcome result.Outcome
	why     string
	id      uint64        // where it was accepted for later
	paid    time.Duration // 0: never
}

// answered and processed are the two clocks: from the planned instant to the
// reply, and to the payment. They are false where that never came.
func (o *order) answered() (time.Duration, bool) {
	return o.replied - o.planned, o.outcome == result.OK
}

func (o *order) processed() (time.Duration, bool) { return o.paid - o.planned, o.paid > 0 }

// fate is what became of an order.
type fate string

const (
	paid       fate = "paid"
	turnedAway fate = "turned away"
	lost       fate = "lost" // accepted, and never paid
	failed     fate = "failed"
)

func (o *order) fate() fate {
	switch {
	case o.paid > 0:
		return paid
	case o.outcome == result.OK:
		return lost
	case o.outcome == result.Rejected:
		return turnedAway
	}
	return failed
}

// placing is a run of orders at a constant rate.
type placing struct {
	began  time.Duration
	orders []order
	about  string // the broker: where it keeps orders, and how safe
	again  int    // orders that were handed out once more
	lag    time.Duration
}

// placeAll places n orders at orderRate, and waits until those that were
// accepted are paid; of a server without a broker the reply says so.
func placeAll(ctx context.Context, addr, url string, n int) (*placing, error) {
	h := bench.HTTP{
		URL: "http://" + addr + orders.PathOrders, Method: "POST", Header: []string{"Content-Type: application/json"},
		Body: queue.Body(), Fill: queue.Fill,
	}
	p := &placing{orders: make([]order, n)}
	var events *completions
	if url != "" {
		h.Accepted = queue.Accepted
		client, err := broker.Connect(ctx, url)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		store, sync, err := client.About(ctx)
		if err != nil {
			return nil, err
		}
		p.about = fmt.Sprintf("store %s, sync %s", store, sync)
		watching, stop := context.WithCancel(ctx)
		defer stop()
		events = newCompletions()
		if err := client.Watch(watching, events.told); err != nil {
			return nil, err
		}
	}
	dial, err := h.Dial()
	if err != nil {
		return nil, err
	}
	if err := p.send(ctx, &lines{dial: dial}); err != nil {
		return nil, err
	}
	if events == nil {
		for i := range p.orders {
			if o := &p.orders[i]; o.outcome == result.OK {
				o.paid = o.replied
			}
		}
		return p, nil
	}
	return p, events.settle(ctx, p)
}

// send places the orders by the clock, each on a line that is free.
func (p *placing) send(ctx context.Context, l *lines) error {
	defer l.close()
	p.began = clock.Now() + 100*time.Millisecond
	var all sync.WaitGroup
	for i := range p.orders {
		o := &p.orders[i]
		o.planned = p.began + time.Duration(i)*time.Second/orderRate
		if !clock.Sleep(ctx.Done(), o.planned) {
			break
		}
		p.lag = max(p.lag, clock.Now()-o.planned)
		all.Go(func() {
			reply := l.exchange(ctx)
			o.replied, o.outcome, o.why, o.id = clock.Now(), reply.Outcome, reply.Why, reply.ID
		})
	}
	all.Wait()
	return ctx.Err()
}

// lines are connections, of which an order takes one that is free.
type lines struct {
	dial bench.Dial
	mu   sync.Mutex
	free []bench.Conn
}

func (l *lines) exchange(ctx context.Context) bench.Reply {
	l.mu.Lock()
	var conn bench.Conn
	if n := len(l.free); n > 0 {
		conn, l.free = l.free[n-1], l.free[:n-1]
	}
	l.mu.Unlock()
	if conn == nil {
		var err error
		if conn, err = l.dial(ctx); err != nil {
			return bench.DialFailed(err)
		}
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	reply := conn.Do(bench.DefaultTimeout)
	if !stop() || reply.Spent {
		conn.Close()
		return reply
	}
	l.mu.Lock()
	l.free = append(l.free, conn)
	l.mu.Unlock()
	return reply
}

func (l *lines) close() {
	for _, c := range l.free {
		c.Close()
	}
}

// completions are what the broker told of orders.
type completions struct {
	mu    sync.Mutex
	paid  map[uint64]time.Duration
	again int
	news  chan struct{} // has room for one
}

func newCompletions() *completions {
	return &completions{paid: map[uint64]time.Duration{}, news: make(chan struct{}, 1)}
}

func (c *completions) told(id uint64, how result.Completion) {
	now := clock.Now()
	c.mu.Lock()
	if _, twice := c.paid[id]; how == result.Done && !twice {
		c.paid[id] = now
	} else {
		c.again++
	}
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// settle waits until every accepted order is paid, for at most drainLimit.
func (c *completions) settle(ctx context.Context, p *placing) error {
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	for {
		open := 0
		c.mu.Lock()
		for i := range p.orders {
			o := &p.orders[i]
			if o.outcome == result.OK && o.paid == 0 {
				if o.paid = c.paid[o.id]; o.paid == 0 {
					open++
				}
			}
		}
		p.again = c.again
		c.mu.Unlock()
		if open == 0 {
			return nil
		}
		select {
		case <-c.news:
		case <-limit.C:
			return nil // what is open is told as lost
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *placing) count(f fate) (n int) {
	for i := range p.orders {
		if p.orders[i].fate() == f {
			n++
		}
	}
	return n
}

// taken says how many orders were accepted.
func (p *placing) taken() string {
	if n := len(p.replies()); n < len(p.orders) {
		return thousands(int64(n))
	}
	return "all"
}

// replies are the times to a reply that took the order.
func (p *placing) replies() (out []time.Duration) {
	for i := range p.orders {
		if d, ok := p.orders[i].answered(); ok {
			out = append(out, d)
		}
	}
	return out
}

// longest is the longest that a caller was on hold.
func (p *placing) longest() time.Duration { return slices.Max(append(p.replies(), 0)) }

// ended is when the last order was answered or paid, from the first.
func (p *placing) ended() (end time.Duration) {
	for i := range p.orders {
		end = max(end, p.orders[i].replied-p.began, p.orders[i].paid-p.began)
	}
	return end
}

const bin = 500 * time.Millisecond

// overTime is the median of a clock against the instant of the order.
func (p *placing) overTime(name, style string, of func(*order) (time.Duration, bool)) render.Line {
	line := render.Line{Name: name, Style: style}
	bins := map[int][]time.Duration{}
	last := 0
	for i := range p.orders {
		o := &p.orders[i]
		at := int((o.planned - p.began) / bin)
		last = max(last, at)
		if d, ok := of(o); ok {
			bins[at] = append(bins[at], d)
		}
	}
	for at := range last + 1 {
		if len(bins[at]) > 0 {
			line.X = append(line.X, float64(time.Duration(at)*bin+bin/2))
			line.Y = append(line.Y, float64(median(bins[at])))
		}
	}
	return line
}

// backlog is how many orders that were taken are not paid, at each moment up to
// the end.
func (p *placing) backlog(style string, end time.Duration) render.Line {
	line := render.Line{Style: style, Step: true, Fill: true}
	const step = bin / 2
	for at := time.Duration(0); at <= end+step; at += step {
		n := 0
		for i := range p.orders {
			o := &p.orders[i]
			if o.outcome == result.OK && o.planned-p.began <= at && (o.paid == 0 || o.paid-p.began > at) {
				n++
			}
		}
		line.X, line.Y = append(line.X, float64(at)), append(line.Y, float64(n))
	}
	return line
}

// mostLag is how late an order may be placed for the figures to mean anything.
const mostLag = 200 * time.Millisecond

func (p *placing) warnings(what string) (out []string) {
	if p.lag > mostLag {
		out = append(out, fmt.Sprintf("%s: an order was placed %s late: the machine was busy", what, seconds(p.lag)))
	}
	if n := p.count(failed); n > 0 {
		why := ""
		for i := range p.orders {
			if o := &p.orders[i]; o.fate() == failed && why == "" {
				why = fmt.Sprintf("%s: %s", o.outcome, o.why)
			}
		}
		out = append(out, fmt.Sprintf("%s: %d orders failed, the first as %s", what, n, why))
	}
	return out
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}
