package targets

import (
	"context"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/bare"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/eventloop"
	"github.com/a628bb15/onhold/targets/goroutine"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
	"github.com/a628bb15/onhold/targets/queue/payments"
	"github.com/a628bb15/onhold/targets/stream"
)

// Style is a way to wait for the backend. All that differs between styles is in
// its fields.
type Style struct {
	Name     string
	About    string // one line
	Protocol Protocol

	// Later means that the style accepts an order and has it paid later: it needs a
	// broker and a payment service, a POST is answered 202, and GET /api/orders/ID
	// reports the order's status.
	Later bool

	// Streams means that the style is driven by requests for the events of an order.
	Streams bool

	// Uses lists the settings of Options that mean something to the style, beside
	// those of the backend: see [Options.Settings].
	Uses []string

	// unused reports that a setting of Uses means nothing with those options; nil: all
	// of them mean something.
	unused func(o Options, key string) bool

	// room describes the admission of the style to queueing theory: how many
	// requests wait for the backend at once, and how many may queue for that. 0
	// workers means any number.
	room func(Options) (workers, queue int)

	threads func(Options) bool // each of room's workers is an OS thread; nil: none is
	traced  bool               // the style logs what its admission decides, where room bounds it

	// held is how long a request occupies its place beyond the wait for the backend;
	// nil: not at all.
	held func(Options) time.Duration

	start func(admission.Config, Options) (Server, error) // options with their defaults filled in

	// alone starts a server that waits for no backend.
	alone func(context.Context, Options) (Listener, error)

	// driver makes the only driver that drives the style; nil: any driver of HTTP does.
	driver func(ctx context.Context, r Ready, d Driving) (_ bench.Driver, done func(), err error)
}

// Styles lists the styles.
var Styles = []Style{
	{
		Name: blocking.Name, About: "a pool of OS threads that block while they wait, and a bounded queue",
		Uses: []string{result.KeyWorkers, result.KeyQueue}, room: Options.pool, threads: func(Options) bool { return true }, traced: true,
		start: plain(blocking.Start),
	},
	{
		Name: goroutine.Name, About: "a parked goroutine per request",
		Uses: []string{result.KeyMaxInflight}, room: Options.inflight, traced: true,
		start: plain(goroutine.Start),
	},
	{
		Name: eventloop.Name, About: "callbacks on a few event loops; a request that waits is a timer, for any backend but sim a goroutine",
		Uses: []string{result.KeyMaxInflight, keyLoops}, room: Options.inflight, traced: true,
		start: plain(eventloop.Start),
	},
	{
		Name: grpc.Name, About: "gRPC: a pool of workers that wait, and a bounded queue; or no limit", Protocol: GRPC,
		Uses: []string{result.KeyWorkers, result.KeyQueue, result.KeyGRPCLimit}, room: Options.grpcPool,
		start: plain(grpc.Start),
		driver: func(_ context.Context, r Ready, d Driving) (bench.Driver, func(), error) {
			request := orders.Request{Kind: orders.Find, UserID: orders.OneUser}
			call, err := grpc.Client{Addr: r.Addr, Connections: d.Connections, Request: request}.Call()
			if err != nil {
				return nil, nil, err
			}
			driver, err := d.GRPC(call)
			return driver, nil, err
		},
	},
	{
		Name: queue.Name, About: "an order is put into a message queue, and paid after the reply", Later: true,
		Uses: append([]string{result.KeyMaxInflight, "broker"}, ownBroker...), room: Options.unbounded,
		start: func(c admission.Config, o Options) (Server, error) {
			return queue.Start(queue.Config{Config: c, Broker: o.Queued.Broker, Streams: o.Queued.Streams})
		},
		driver: func(ctx context.Context, r Ready, d Driving) (bench.Driver, func(), error) {
			return queue.Driver(ctx, r.Addr, r.Broker, d.NewConnection)
		},
	},
	{
		Name: stream.Name, About: "an order's states as server-sent events; a stream holds what a request holds in style blocking, goroutine or eventloop", Streams: true,
		Uses:   []string{keyStreamServer, keyOrderEvents, keyEventInterval, result.KeyWorkers, result.KeyQueue, result.KeyMaxInflight, keyLoops},
		unused: Options.streamUnused, room: Options.streamRoom, threads: Options.streamThreads, traced: true,
		held: func(o Options) time.Duration { return o.Stream.Length() },
		start: func(c admission.Config, o Options) (Server, error) {
			c.Style, c.Events = stream.Name, o.Stream.Sent()
			return holders[o.Stream.WithDefaults().Server](c, o)
		},
	},
}

// holders start the servers of style stream: those of other styles, which send events
// where they are configured to.
var holders = map[string]func(admission.Config, Options) (Server, error){
	stream.EventLoop: plain(eventloop.Start), stream.Goroutine: plain(goroutine.Start), stream.Blocking: plain(blocking.Start),
}

// Helpers lists servers that are no styles: what style queue needs, and the
// server that peers and doctor measure against.
var Helpers = []Style{
	{
		Name: broker.Name, About: "the message broker of style queue", room: Options.unbounded,
		alone: func(ctx context.Context, o Options) (Listener, error) {
			c := o.Queued.Streams
			c.Addr = o.Addr
			return broker.Start(ctx, c)
		},
	},
	{
		Name: payments.Name, About: "pays the orders of style queue", room: Options.unbounded,
		start: func(c admission.Config, o Options) (Server, error) {
			return payments.Start(payments.Config{
				Addr: c.Addr, Broker: o.Queued.Broker, Streams: o.Queued.Streams,
				Consumers: o.Queued.Consumers, AckWait: o.Queued.AckWait, Backend: c.Backend,
			})
		},
	},
	{
		Name: bare.Name, About: bare.About, room: Options.unbounded,
		alone: func(_ context.Context, o Options) (Listener, error) {
			c := o.Bare
			c.Addr = o.withDefaults().Addr
			return bare.Start(c)
		},
	},
}

// plain is the start of a style that needs nothing else.
func plain[S Server](start func(admission.Config) (S, error)) func(admission.Config, Options) (Server, error) {
	return func(c admission.Config, _ Options) (Server, error) { return start(c) }
}

// config is what the options say to a server of the style, all but its backend and
// its log.
func (s Style) config(o Options) admission.Config {
	c := admission.Config{Addr: o.Addr}
	for _, key := range s.uses(o) {
		switch key {
		case result.KeyWorkers:
			c.Workers, c.Queue = s.room(o)
		case result.KeyMaxInflight:
			c.MaxInflight = o.MaxInflight
		case keyLoops:
			c.Loops = o.Loops
		}
	}
	return c
}

// uses are the settings that mean something to the style with those options.
func (s Style) uses(o Options) []string {
	if s.unused == nil {
		return s.Uses
	}
	return slices.DeleteFunc(slices.Clone(s.Uses), func(key string) bool { return s.unused(o, key) })
}

func (o Options) unbounded() (workers, queue int) { return 0, 0 }

func (o Options) pool() (workers, queue int) { return o.Workers, o.Queue }

// inflight is for styles in which a request that is admitted is served at once.
func (o Options) inflight() (workers, queue int) { return o.MaxInflight, 0 }

// streamThreads reports whether streams hold threads.
func (o Options) streamThreads() bool { return o.Stream.WithDefaults().Server == stream.Blocking }

func (o Options) streamRoom() (workers, queue int) {
	if o.streamThreads() {
		return o.pool()
	}
	return o.inflight()
}

func (o Options) streamUnused(key string) bool {
	switch key {
	case result.KeyWorkers, result.KeyQueue:
		return !o.streamThreads()
	case result.KeyMaxInflight:
		return o.streamThreads()
	case keyLoops:
		return o.Stream.WithDefaults().Server != stream.EventLoop
	}
	return false
}

func (o Options) grpcPool() (workers, queue int) {
	if o.GRPCLimit == LimitNone {
		return 0, 0
	}
	return o.Workers, o.Queue
}
