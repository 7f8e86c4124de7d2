package targets

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/backend"
	grpcbackend "github.com/a628bb15/onhold/targets/backend/grpc"
	httpbackend "github.com/a628bb15/onhold/targets/backend/http"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/goroutine"
	"github.com/a628bb15/onhold/targets/grpc"
)

// Backend is what a target of any style can wait for.
type Backend struct {
	Name  string
	About string // one line

	// Upstream is the style of target that the backend calls, in its own process, and
	// Scheme is how Options.BackendURL begins; both are empty where it calls none.
	Upstream, Scheme string

	// Uses lists the settings of Options that mean something to this backend, beside
	// those that all of them have: see [Options.Settings].
	Uses []string

	check func(Options) error                    // of the backend's own fields
	open  func(Options) (backend.Backend, error) // options that were checked

	// wait is how long one call takes, and how many there can be at once; 0 means
	// any number.
	wait func(Options) (latency time.Duration, calls int)
}

// simulated are the settings of a wait that is simulated, in the target's process
// or in the upstream that it calls.
var simulated = []string{result.KeyBackendDist, result.KeyBackendCV, result.KeyBackendStall}

// Backends lists the backends, the default first.
var Backends = []Backend{
	{
		Name: "sim", About: "a timer in the target's process", Uses: simulated,
		check: func(o Options) error { return field.In("Sim", o.Sim.Validate()) },
		open:  func(o Options) (backend.Backend, error) { return sim.New(o.Sim) },
		wait:  waitSim,
	},
	{
		Name: "postgres", About: "a PostgreSQL server that sleeps in the query", Uses: []string{result.KeyBackendDSN},
		check: func(o Options) error {
			return field.First(notSimulated(o), field.In("Postgres", o.Postgres.Validate()))
		},
		open: func(o Options) (backend.Backend, error) { return postgres.New(o.Postgres) },
		wait: func(o Options) (time.Duration, int) {
			return cmp.Or(o.Postgres.Latency, postgres.DefaultLatency), cmp.Or(o.Postgres.Connections, postgres.DefaultConnections)
		},
	},
	{
		Name: httpbackend.Name, About: "an order service in a process of its own, called over HTTP by the fasthttp client",
		Upstream: goroutine.Name, Scheme: "http://", Uses: append([]string{result.KeyBackendURL}, simulated...),
		check: func(o Options) error { return o.checkUpstream(o.upstream("http://").Validate()) },
		open:  func(o Options) (backend.Backend, error) { return httpbackend.New(o.upstream("")) },
		wait:  waitSim,
	},
	{
		Name: grpcbackend.Name, About: "the same over gRPC",
		Upstream: grpc.Name, Scheme: "grpc://", Uses: append([]string{result.KeyBackendURL}, simulated...),
		check: func(o Options) error {
			return o.checkUpstream(grpcbackend.Config(o.upstream("grpc://")).Validate())
		},
		open: func(o Options) (backend.Backend, error) { return grpcbackend.New(grpcbackend.Config(o.upstream(""))) },
		wait: func(o Options) (time.Duration, int) { // each connection carries any number of calls
			latency, _ := waitSim(o)
			return latency, 0
		},
	},
}

func waitSim(o Options) (time.Duration, int) {
	return cmp.Or(o.Sim.Latency, sim.DefaultLatency), o.Sim.Connections
}

// upstream is how an upstream is called. Where no address is set it is that of one
// that is still to be started, or none where scheme is empty.
func (o Options) upstream(scheme string) httpbackend.Config {
	url := o.BackendURL
	if url == "" && scheme != "" {
		url = scheme + DefaultAddr
	}
	// Far above what a call takes, so that only one that hangs is given up.
	limit := 30*time.Second + 10*cmp.Or(o.Sim.Latency, sim.DefaultLatency)
	return httpbackend.Config{URL: url, Connections: o.Sim.Connections, Timeout: limit}
}

// checkUpstream checks the upstream's own fields, and reports what is wrong with
// how it is called by the fields of Options.
func (o Options) checkUpstream(err error) error {
	var e *field.Error
	if errors.As(err, &e) && e.Field == "URL" {
		err = &field.Error{Field: "BackendURL", Value: redact.URL(o.BackendURL), Want: e.Want}
	} else {
		err = field.In("Sim", err)
	}
	return field.First(field.In("Sim", o.Sim.Validate()), err)
}

// notSimulated refuses what only a simulated wait can do: a backend that was meant
// to be slow in some way, and is not, would make the target look unaffected. What
// is at its default was not asked for.
func notSimulated(o Options) error {
	want := "its default: backend " + o.Backend + " does not simulate its wait, only sim, http and grpc do"
	return field.First(
		field.Check(o.Sim.Dist == "" || o.Sim.Dist == sim.DefaultDist, "Sim.Dist", o.Sim.Dist, want),
		field.Check(o.Sim.CV == 0, "Sim.CV", o.Sim.CV, want),
		field.Check(o.Sim.Stall == sim.Stall{}, "Sim.Stall", o.Sim.Stall, want),
	)
}

// FindBackend is the one of that name. The error is a [*field.Error].
func FindBackend(name string) (Backend, error) {
	names := make([]string, len(Backends))
	for i, b := range Backends {
		if b.Name == name {
			return b, nil
		}
		names[i] = b.Name
	}
	return Backend{}, &field.Error{Field: "Backend", Value: name, Want: "one of " + strings.Join(names, ", ")}
}
