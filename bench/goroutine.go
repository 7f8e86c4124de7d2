package bench

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/reports/result"
)

// GoroutineName names the goroutine driver in the record.
const GoroutineName = "goroutine"

// GoroutineDriver is the goroutine driver: one goroutine for each connection, in any
// protocol that has a Dial, on any operating system.
type GoroutineDriver struct {
	Dial Dial
	Kind string // names the driver in the record; [GoroutineName] where empty

	// RequestSettings describes in the record what is sent; see [HTTP.Settings].
	RequestSettings result.Settings

	// SharedConnections is how many connections there are in all, where the Conns
	// that Dial makes share them; 0: each has its own.
	SharedConnections int

	// Completions reports when accepted requests are complete, where the server works
	// on them after its reply; nil where it does not.
	Completions Completions

	Most  uint64                 // arrivals of a stage before the data ends, 0 where it does not end; as RequestSettings says
	Found func() result.Settings // settings that are not known before it has driven; may be nil

	Remarks func() []string // warnings of the stage that are known once it has driven; may be nil

	untimed bool // Timeout is not that of an arrival, which is a session

	// sleep is clock.Sleep but in tests on a fake clock, which only package
	// time can follow.
	sleep func(done <-chan struct{}, at time.Duration) bool

	// machine is what tests say of the machine, where they set sleep.
	machine machine
}

var _ Driver = (*GoroutineDriver)(nil)

// Name names the driver.
func (d *GoroutineDriver) Name() string { return cmp.Or(d.Kind, GoroutineName) }

// Settings are those of the requests, and how many connections share them.
func (d *GoroutineDriver) Settings() result.Settings {
	s := d.RequestSettings
	if d.SharedConnections > 0 && s.Get(result.KeyConnections) == "" {
		s = s.With(result.KeyGRPCConnections, strconv.Itoa(d.SharedConnections))
	}
	return s
}

// Connections implements [Driver].
func (d *GoroutineDriver) Connections(p Plan) (connections, addresses int) {
	connections = p.MostConnections()
	if d.SharedConnections > 0 {
		connections = min(connections, d.SharedConnections)
	}
	return connections, 1
}

// Drive implements [Driver].
func (d *GoroutineDriver) Drive(ctx context.Context, p Plan, rec *Recorder) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	dr := &drive{plan: p, rec: rec, dialer: d.Dial, sleep: d.sleep, ctx: inner, most: cmp.Or(d.Most, math.MaxUint64), untimed: d.untimed}
	if dr.sleep == nil {
		dr.sleep = clock.Sleep
	}
	if d.Completions != nil {
		watch, unwatch := context.WithCancel(ctx)
		defer unwatch()
		dr.completions = rec.newCompletions()
		if err := d.Completions.Watch(watch, dr.completions.reported); err != nil {
			return err
		}
	}
	for range runtime.GOMAXPROCS(0) {
		dr.shards = append(dr.shards, &lockedShard{shard: rec.NewShard()})
	}
	for i := range p.Clients() {
		dr.clients = append(dr.clients, dr.newClient(i))
	}
	defer dr.abort() // last of all, every connection is closed
	if !p.NewConnection {
		dr.connect()
	}
	if err := ctx.Err(); err != nil {
		return err
	}

	if rec.machine = d.machine; d.sleep != nil && d.machine == nil {
		rec.machine = unwatched{}
	}
	dr.start, _ = rec.Start()
	var guard sync.WaitGroup
	guard.Go(func() {
		// Whichever comes first: the drain timeout, an interrupt, or the end of all.
		for end := time.Duration(0); end != rec.End(); {
			end = rec.End()
			dr.sleep(inner.Done(), end+p.DrainTimeout)
		}
		dr.aborted.Store(true) // before a dial can fail for it
		cancel()
		dr.abort()
	})
	if schedule := p.Schedule(); schedule != nil {
		dr.open(schedule)
	} else {
		dr.closed()
	}
	if dr.completions != nil {
		dr.completions.drain(inner)
	}
	dr.lookBack()
	cancel()
	guard.Wait()
	if dr.completions != nil {
		dr.completions.settle(ctx, d.Completions)
	}
	if d.Found != nil {
		rec.Found(d.Found())
	}
	if d.Remarks != nil {
		rec.Remark(d.Remarks()...)
	}
	return ctx.Err()
}

// drive is one stage being driven.
type drive struct {
	plan        Plan
	rec         *Recorder
	dialer      Dial
	sleep       func(done <-chan struct{}, at time.Duration) bool
	ctx         context.Context // ends with the stage: when the drain timeout has passed, or before
	start       time.Duration
	aborted     atomic.Bool
	most        uint64 // arrivals
	untimed     bool
	shards      []*lockedShard
	completions *completions // nil where replies are all there is

	mu      sync.Mutex
	clients []*client // all that there are; grows in open loads
}

func (dr *drive) newClient(i int) *client {
	return &client{drive: dr, shard: dr.shards[i%len(dr.shards)]}
}

// connect makes the clients' connections before the stage starts, so that a
// burst is a burst of requests, not of handshakes. All together they have one
// request's timeout for it; a client that could not connect by then tries
// again at its first arrival, whose outcome shows it.
func (dr *drive) connect() {
	ctx, cancel := context.WithTimeout(dr.ctx, dr.plan.Timeout)
	defer cancel()
	var wg sync.WaitGroup
	slots := make(chan struct{}, exchange.MaxDials)
	for _, c := range dr.clients {
		slots <- struct{}{}
		wg.Go(func() {
			if ctx.Err() == nil {
				c.dial(ctx)
			}
			<-slots
		})
	}
	wg.Wait()
}

// lookBack waits for unsolicited bytes at the end of a stage.
func (dr *drive) lookBack() {
	var idle []*client // no other goroutine uses them any more
	for _, c := range dr.clients {
		if _, ok := c.current().(Checker); ok {
			idle = append(idle, c)
		}
	}
	if len(idle) == 0 || !dr.sleep(dr.ctx.Done(), clock.Now()+exchange.LookBack) {
		return
	}
	for _, c := range idle {
		c.usable(c.current())
	}
}

// abort closes every connection, so that whatever is in flight returns.
func (dr *drive) abort() {
	dr.aborted.Store(true)
	dr.mu.Lock()
	clients := dr.clients
	dr.mu.Unlock()
	for _, c := range clients {
		c.interrupt()
	}
}

// until waits until the instant at; false where the window ends before, or the stage.
func (dr *drive) until(at time.Duration) bool {
	for {
		end := dr.rec.End()
		if !dr.sleep(dr.ctx.Done(), min(at, end)) {
			return false
		}
		if now := min(at, end); dr.rec.Over(now) || now == at {
			return now < dr.rec.End()
		}
	}
}

// closed drives clients that send when their last reply is in.
func (dr *drive) closed() {
	var wg sync.WaitGroup
	turn := dr.plan.Turn()
	for i, c := range dr.clients {
		first := dr.start + dr.plan.Begins(i)
		wg.Go(func() {
			for at, n := first, dr.plan.Share.Number(uint64(i)); n < dr.most && dr.until(at); n += turn {
				outcome, done := c.serve(due{at, n})
				at = done + dr.plan.Load.ThinkTime
				if outcome != result.OK {
					at = done + dr.plan.Load.Backoff
				}
			}
		})
	}
	wg.Wait()
	dr.rec.Exhausted(dr.most) // unless the window is over
}
