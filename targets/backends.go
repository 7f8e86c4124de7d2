package targets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// Backend is something that a target of any style can wait for.
type Backend struct {
	Name  string
	About string // one line

	check func(Options) error                    // of the backend's own fields, each named as the command's flag
	open  func(Options) (backend.Backend, error) // options that were checked

	// wait is how long one call takes, and how many there can be at once; 0 means
	// any number.
	wait func(Options) (latency time.Duration, conns int)
}

// Backends lists what there is to wait for, the default first.
var Backends = []Backend{
	{"sim", "a timer in the target's process", checkSim, openSim, waitSim},
	{"postgres", "a PostgreSQL server that sleeps in the query", checkPostgres, openPostgres, waitPostgres},
}

func checkSim(o Options) error {
	if err := o.Sim.Validate(); err != nil {
		return fmt.Errorf("--backend-%w", err)
	}
	return nil
}

func openSim(o Options) (backend.Backend, error) { return sim.New(o.Sim) }

func waitSim(o Options) (time.Duration, int) {
	return cmp.Or(o.Sim.Latency, sim.DefaultLatency), o.Sim.Conns
}

func checkPostgres(o Options) error {
	if err := simAlone(o); err != nil {
		return err
	}
	if err := o.Postgres.Validate(); err != nil {
		return fmt.Errorf("--backend-%w", err)
	}
	return nil
}

func openPostgres(o Options) (backend.Backend, error) { return postgres.New(o.Postgres) }

func waitPostgres(o Options) (time.Duration, int) {
	return cmp.Or(o.Postgres.Latency, postgres.DefaultLatency), cmp.Or(o.Postgres.Conns, postgres.DefaultConns)
}

// simAlone refuses what only the simulated backend can do: a backend that was
// asked to be slow in some way, and then is not, would look as if a target did
// not mind. What is at its default was not asked for.
func simAlone(o Options) error {
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
	return fmt.Errorf("--backend-%s=%s: goes with --backend sim only, and this is %s", flag, value, o.Backend)
}

// BackendNames lists the names of the backends.
func BackendNames() []string {
	names := make([]string, len(Backends))
	for i, b := range Backends {
		names[i] = b.Name
	}
	return names
}

// backend is the one of that name; the error names the command's flag.
func findBackend(name string) (Backend, error) {
	if i := slices.IndexFunc(Backends, func(b Backend) bool { return b.Name == name }); i >= 0 {
		return Backends[i], nil
	}
	return Backend{}, fmt.Errorf("--backend=%s: must be one of %s", name, strings.Join(BackendNames(), ", "))
}
