package targets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// Backend is something that a target of any style can wait for.
type Backend struct {
	Name  string
	About string // one line

	check func(Options) error                    // of the backend's own fields, each named as the command's flag
	open  func(Options) (backend.Backend, error) // options that were checked
}

// Backends lists what there is to wait for, the default first.
var Backends = []Backend{
	{"sim", "a timer in the target's process", checkSim, openSim},
}

func checkSim(o Options) error {
	if err := o.Sim.Validate(); err != nil {
		return fmt.Errorf("--backend-%w", err)
	}
	return nil
}

func openSim(o Options) (backend.Backend, error) { return sim.New(o.Sim) }

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
