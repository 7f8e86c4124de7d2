package targets

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/targets/backend"
	grpcbackend "github.com/a628bb15/onhold/targets/backend/grpc"
	httpbackend "github.com/a628bb15/onhold/targets/backend/http"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/goroutine"
	"github.com/a628bb15/onhold/targets/grpc"
)

// Backend is something that a target of any style can wait for.
type Backend struct {
	Name  string
	About string // one line

	// Upstream is the style of target that the backend calls, in a process of its
	// own, and Scheme how Options.BackendURL begins; empty: it calls none.
	Upstream, Scheme string

	// Uses lists the settings of Options that mean something to this backend, beside
	// those that all of them have: see [Options.Settings].
	Uses []string

	check func(Options) error                    // of the backend's own fields, each named as the command's flag
	open  func(Options) (backend.Backend, error) // options that were checked

	// wait is how long one call takes, and how many there can be at once; 0 means
	// any number.
	wait func(Options) (latency time.Duration, conns int)
}

// simulated are the settings of a wait that is simulated, in the target's process
// or in the upstream that it calls.
var simulated = []string{"backend-dist", "backend-cv", "backend-stall"}

// Backends lists what there is to wait for, the default first.
var Backends = []Backend{
	{Name: "sim", About: "a timer in the target's process", Uses: simulated, check: checkSim, open: openSim, wait: waitSim},
	{Name: "postgres", About: "a PostgreSQL server that sleeps in the query", Uses: []string{"backend-dsn"}, check: checkPostgres, open: openPostgres, wait: waitPostgres},
	{
		Name: httpbackend.Name, About: "an order service in a process of its own, called over HTTP by the fasthttp client",
		Upstream: goroutine.Name, Scheme: "http://", Uses: append([]string{"backend-url"}, simulated...), check: checkREST, open: openREST, wait: waitSim,
	},
	{
		Name: grpcbackend.Name, About: "the same over gRPC",
		Upstream: grpc.Name, Scheme: "grpc://", Uses: append([]string{"backend-url"}, simulated...), check: checkRPC, open: openRPC, wait: waitRPC,
	},
}

func checkSim(o Options) error {
	return named(o.Sim.Validate())
}

// callLimit bounds a call to an upstream: far above what it should take, so that
// only one that hangs is given up.
func (o Options) callLimit() time.Duration {
	return 30*time.Second + 10*cmp.Or(o.Sim.Latency, sim.DefaultLatency)
}

// errNoURL says that a target that is started in this process was not told whom
// to call.
var errNoURL = errors.New("it needs an upstream: no --backend-url is given")

func (o Options) rest() httpbackend.Config {
	return httpbackend.Config{URL: o.BackendURL, Conns: o.Sim.Conns, Timeout: o.callLimit()}
}

func checkREST(o Options) error {
	if err := checkSim(o); err != nil { // the upstream's
		return err
	}
	if o.BackendURL == "" { // it may still be started
		return nil
	}
	return named(o.rest().Validate())
}

func openREST(o Options) (backend.Backend, error) {
	if o.BackendURL == "" {
		return nil, errNoURL
	}
	return httpbackend.New(o.rest())
}

func (o Options) rpc() grpcbackend.Config {
	return grpcbackend.Config{URL: o.BackendURL, Conns: o.Sim.Conns, Timeout: o.callLimit()}
}

func checkRPC(o Options) error {
	if err := checkSim(o); err != nil { // the upstream's
		return err
	}
	c := o.rpc()
	if c.URL == "" { // it may still be started
		c.URL = DefaultAddr
	}
	return named(c.Validate())
}

func openRPC(o Options) (backend.Backend, error) {
	if o.BackendURL == "" {
		return nil, errNoURL
	}
	return grpcbackend.New(o.rpc())
}

// waitRPC knows of no limit: each connection carries any number of calls.
func waitRPC(o Options) (time.Duration, int) {
	latency, _ := waitSim(o)
	return latency, 0
}

// named makes of the name of a backend's field that of the command's flag.
func named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--backend-%w", err)
}

func openSim(o Options) (backend.Backend, error) { return sim.New(o.Sim) }

func waitSim(o Options) (time.Duration, int) {
	return cmp.Or(o.Sim.Latency, sim.DefaultLatency), o.Sim.Conns
}

func checkPostgres(o Options) error {
	if err := unsimulated(o); err != nil {
		return err
	}
	return named(o.Postgres.Validate())
}

func openPostgres(o Options) (backend.Backend, error) { return postgres.New(o.Postgres) }

func waitPostgres(o Options) (time.Duration, int) {
	return cmp.Or(o.Postgres.Latency, postgres.DefaultLatency), cmp.Or(o.Postgres.Conns, postgres.DefaultConns)
}

// unsimulated refuses what only a wait that is simulated can be, in the target's
// process or in the upstream that it calls: a backend that was asked to be slow
// in some way, and then is not, would look as if a target did not mind. What is
// at its default was not asked for.
func unsimulated(o Options) error {
	var flag, value string
	switch {
	case o.Sim.Dist != "" && o.Sim.Dist != sim.DefaultDist:
		flag, value = "dist", string(o.Sim.Dist)
	case o.Sim.CV != 0:
		flag, value = "cv", fmt.Sprint(o.Sim.CV)
	case len(o.Sim.Stall) > 0:
		flag, value = "stall", o.Sim.Stall.String()
	default:
		return nil
	}
	return fmt.Errorf("--backend-%s=%s: goes with --backend sim, rest or rpc only, and this is %s", flag, value, o.Backend)
}

// BackendNames lists the names of the backends.
func BackendNames() []string {
	names := make([]string, len(Backends))
	for i, b := range Backends {
		names[i] = b.Name
	}
	return names
}

// FindBackend is the one of that name; the error names the command's flag.
func FindBackend(name string) (Backend, error) {
	if i := slices.IndexFunc(Backends, func(b Backend) bool { return b.Name == name }); i >= 0 {
		return Backends[i], nil
	}
	return Backend{}, fmt.Errorf("--backend=%s: must be one of %s", name, strings.Join(BackendNames(), ", "))
}
