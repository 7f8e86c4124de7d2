package targets

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/backend/inject"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/bare"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/eventloop"
	"github.com/a628bb15/onhold/targets/stream"
)

// What the zero values of Options mean, beside the defaults of package sim.
const (
	DefaultAddr    = "127.0.0.1:0" // any free port, this machine only
	DefaultWorkers = blocking.DefaultWorkers
	DefaultQueue   = blocking.DefaultQueue
)

// NoQueue is the Options.Queue of a pool that rejects a request as soon as all
// workers are busy.
const NoQueue = -1

// GRPCLimits are the values of Options.GRPCLimit.
var GRPCLimits = []string{LimitPool, LimitNone}

// What bounds the calls inside style grpc.
const (
	LimitPool = "pool" // workers, and a queue for them
	LimitNone = "none" // nothing
)

// MaxInflightLimit is the largest Options.MaxInflight.
const MaxInflightLimit = 1_000_000

// Options says how to start a target of any style. A style ignores what it does not
// use. The zero value is ready for use.
type Options struct {
	// Addr is the TCP address to listen on; empty means DefaultAddr.
	Addr string

	// Workers is the number of threads of style blocking, and of workers of style
	// grpc, from 1 to blocking.MaxWorkers; 0 means DefaultWorkers.
	Workers int

	// Queue is the number of requests that may wait for a worker of styles
	// blocking and grpc, up to blocking.MaxQueue; 0 means DefaultQueue, and
	// NoQueue means none.
	Queue int

	// GRPCLimit is what bounds the calls inside style grpc, one of GRPCLimits; empty
	// means the first of them.
	GRPCLimit string

	// MaxInflight is the number of requests that styles goroutine,
	// eventloop and queue admit at once, up to MaxInflightLimit; 0 means any number.
	MaxInflight int

	// Loops is the number of event loops of style eventloop, up to
	// eventloop.MaxLoops; 0 means one for every CPU that the process may use.
	Loops int

	// Backend is the name of one of Backends; empty means the first of them.
	Backend string

	// Postgres says which PostgreSQL server is asked, and how.
	Postgres postgres.Config

	// Sim says how the simulated backend behaves: the target's own, or that of an
	// upstream that is started with the target. Its Connections are the target's
	// connections to any backend but postgres.
	Sim sim.Config

	// BackendURL is where the upstream listens, for a backend that calls one.
	BackendURL string

	// Queued is for style queue, its broker and its payment service.
	Queued Queued

	// Stream is for style stream.
	Stream stream.Config

	// Bare is for the bare server, of which Addr is ignored.
	Bare bare.Config

	// Inject is a regression that is injected into any style, to see whether a check
	// finds it.
	Inject inject.Config

	// Trace is the file that gets a trace of what the target's admission decided,
	// when the target is shut down; empty means none. See [Style.Traceable].
	Trace string

	// TraceLimit is how many requests the trace holds, up to trace.MaxLimit; 0
	// means trace.DefaultLimit.
	TraceLimit int
}

func (o Options) withDefaults() Options {
	o.Addr = cmp.Or(o.Addr, DefaultAddr)
	o.Backend = cmp.Or(o.Backend, Backends[0].Name)
	o.Workers = cmp.Or(o.Workers, DefaultWorkers)
	o.GRPCLimit = cmp.Or(o.GRPCLimit, GRPCLimits[0])
	o.TraceLimit = cmp.Or(o.TraceLimit, trace.DefaultLimit)
	// Not GOMAXPROCS, which TuneRuntime raises above the number of CPUs.
	o.Loops = cmp.Or(o.Loops, min(runtime.NumCPU(), eventloop.MaxLoops))
	switch o.Queue {
	case 0:
		o.Queue = DefaultQueue
	case NoQueue:
		o.Queue = 0
	}
	return o
}

// Validate checks every field, whichever style it is for. The error is a
// [*field.Error].
func (o Options) Validate() error {
	d := o.withDefaults()
	b, backendErr := FindBackend(d.Backend)
	if backendErr == nil {
		backendErr = field.First(
			field.Check(b.Upstream != "" || d.BackendURL == "", "BackendURL", redact.URL(d.BackendURL), "no address: backend "+b.Name+" calls no upstream"),
			b.check(d))
	}
	return field.First(
		field.Address("Addr", d.Addr),
		field.Check(d.Workers >= 1 && d.Workers <= blocking.MaxWorkers, "Workers", d.Workers, fmt.Sprintf("1 to %d", blocking.MaxWorkers)),
		field.Check(d.Queue >= 0 && d.Queue <= blocking.MaxQueue, "Queue", d.Queue, fmt.Sprintf("0 to %d", blocking.MaxQueue)),
		field.Check(slices.Contains(GRPCLimits, d.GRPCLimit), "GRPCLimit", d.GRPCLimit, strings.Join(GRPCLimits, " or ")),
		field.Check(d.MaxInflight >= 0 && d.MaxInflight <= MaxInflightLimit, "MaxInflight", d.MaxInflight, fmt.Sprintf("0 (unlimited) to %d", MaxInflightLimit)),
		field.Check(d.Loops >= 1 && d.Loops <= eventloop.MaxLoops, "Loops", d.Loops, fmt.Sprintf("1 to %d, or 0 for one per CPU", eventloop.MaxLoops)),
		field.Check(d.TraceLimit >= 1 && d.TraceLimit <= trace.MaxLimit, "TraceLimit", d.TraceLimit, fmt.Sprintf("1 to %d", trace.MaxLimit)),
		backendErr,
		field.In("Stream", d.Stream.Validate()),
		field.In("Queued", d.Queued.validate()),
		field.In("Inject", d.Inject.Validate()),
	)
}
