package targets

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/backend/inject"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/bare"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/eventloop"
)

// What the zero values of Options mean, beside the defaults of package sim.
const (
	DefaultAddr    = "127.0.0.1:0" // any free port, this machine only
	DefaultWorkers = blocking.DefaultWorkers
	DefaultQueue   = blocking.DefaultQueue
)

// NoQueue is the Options.Queue of a pool that turns a request away as soon as
// all workers are busy.
const NoQueue = -1

// RPCLimits are the values of Options.RPCLimit.
var RPCLimits = []string{LimitPool, LimitNone}

// What bounds the calls inside style rpc.
const (
	LimitPool = "pool" // workers, and a queue for them
	LimitNone = "none" // nothing
)

// MaxInflightLimit is the largest Options.MaxInflight.
const MaxInflightLimit = 1_000_000

// Options is how to start a target of any style. A style ignores what it has no
// use for. The zero value is ready for use.
type Options struct {
	// Addr is the TCP address to listen on; empty means DefaultAddr.
	Addr string

	// Workers is the number of threads of style blocking, and of workers of style
	// rpc, from 1 to blocking.MaxWorkers; 0 means DefaultWorkers.
	Workers int

	// Queue is the number of requests that may wait for a worker of styles
	// blocking and rpc, up to blocking.MaxQueue; 0 means DefaultQueue, and
	// NoQueue means none.
	Queue int

	// RPCLimit is what bounds the calls inside style rpc, one of RPCLimits; empty
	// means the first of them.
	RPCLimit string

	// MaxInflight is the number of requests that styles goroutine and
	// eventloop let in at once, up to MaxInflightLimit; 0 means any number.
	MaxInflight int

	// Loops is the number of event loops of style eventloop, up to
	// eventloop.MaxLoops; 0 means one for every CPU that the process may use.
	Loops int

	// Backend is the name of one of Backends; empty means the first of them.
	Backend string

	// Postgres is which PostgreSQL server is asked, and how.
	Postgres postgres.Config

	// Sim is how the simulated backend behaves: the target's own or, of a backend
	// that calls an upstream, that of the upstream, where it is started for it.
	// Its Conns are the target's connections with every backend.
	Sim sim.Config

	// BackendURL is where the upstream listens, for a backend that calls one.
	BackendURL string

	// Queued is for style queue, its broker and its payment service.
	Queued Queued

	// Bare is for the bare server, of which Addr is ignored.
	Bare bare.Config

	// Extra is a regression that is planted in every style: what a check must
	// see that is to see one.
	Extra inject.Config

	// Trace is the file that gets a trace of what the target's gate decided,
	// when the target is shut down; empty means none. See [Style.Traceable].
	Trace string

	// TraceLimit is how many requests the trace holds, up to trace.MaxLimit; 0
	// means trace.DefaultLimit.
	TraceLimit int

	log *trace.Log
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	if o.Backend == "" {
		o.Backend = Backends[0].Name
	}
	if o.Workers == 0 {
		o.Workers = DefaultWorkers
	}
	if o.RPCLimit == "" {
		o.RPCLimit = RPCLimits[0]
	}
	switch o.Queue {
	case 0:
		o.Queue = DefaultQueue
	case NoQueue:
		o.Queue = 0
	}
	if o.TraceLimit == 0 {
		o.TraceLimit = trace.DefaultLimit
	}
	if o.Loops == 0 {
		// Not GOMAXPROCS, which TuneRuntime raises above the number of CPUs.
		o.Loops = min(runtime.NumCPU(), eventloop.MaxLoops)
	}
	return o
}

// Validate checks every field, whichever style it is for. The error names the
// field as the command's flag, the value, and what is allowed.
func (o Options) Validate() error {
	d := o.withDefaults()
	if _, port, err := net.SplitHostPort(d.Addr); err != nil || port == "" {
		return fmt.Errorf("--addr=%s: must be HOST:PORT, with port 0 for any free one", d.Addr)
	}
	switch {
	case d.Workers < 1 || d.Workers > blocking.MaxWorkers:
		return fmt.Errorf("--workers=%d: must be from 1 to %d", d.Workers, blocking.MaxWorkers)
	case d.Queue < 0 || d.Queue > blocking.MaxQueue:
		return fmt.Errorf("--queue=%d: must be from 0 to %d", d.Queue, blocking.MaxQueue)
	case !slices.Contains(RPCLimits, d.RPCLimit):
		return fmt.Errorf("--rpc-limit=%s: must be one of %s", d.RPCLimit, strings.Join(RPCLimits, ", "))
	case d.MaxInflight < 0 || d.MaxInflight > MaxInflightLimit:
		return fmt.Errorf("--max-inflight=%d: must be from 0 (any number) to %d", d.MaxInflight, MaxInflightLimit)
	case d.Loops < 1 || d.Loops > eventloop.MaxLoops:
		return fmt.Errorf("--loops=%d: must be from 1 to %d, or 0 for one per CPU", d.Loops, eventloop.MaxLoops)
	}
	if d.TraceLimit < 1 || d.TraceLimit > trace.MaxLimit {
		return fmt.Errorf("--trace-limit=%d: must be from 1 to %d", d.TraceLimit, trace.MaxLimit)
	}
	b, err := FindBackend(d.Backend)
	if err != nil {
		return err
	}
	if b.Upstream == "" && d.BackendURL != "" {
		return fmt.Errorf("--backend-url=%s: goes with a backend that calls an upstream, and this is %s", d.BackendURL, b.Name)
	}
	if err := b.check(d); err != nil {
		return err
	}
	if err := d.Queued.validate(); err != nil {
		return err
	}
	if err := d.Extra.Validate(); err != nil {
		return fmt.Errorf("--extra-%w", err)
	}
	return nil
}
