package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// task is what a tool has to do.
type task struct {
	load.Load // closed or constant
	URL       string
	Shared    int           // connections of a constant load
	Duration  time.Duration // full seconds, warm-up included where a tool has one
	Dir       string        // an empty folder for files
	TargetPID int           // of the server, where ours measures it; else 0
}

// closedTask is clients that begin evenly over rampUp, which only ours can do.
func closedTask(clients int, rampUp time.Duration) task {
	return task{Load: load.Load{Clients: clients, RampUp: rampUp}}
}

// constantTask is a constant rate over shared connections.
func constantTask(rate, connections int) task {
	return task{Load: load.Load{Rate: float64(rate), Arrivals: load.Constant}, Shared: connections}
}

func (t task) connections() int { return max(t.Clients, t.Shared) }

// The texts for command lines.
func (t task) seconds() string           { return strconv.Itoa(int(t.Duration / time.Second)) }
func (t task) clients() string           { return strconv.Itoa(t.connections()) }
func (t task) rate() string              { return decimal(t.Rate) }
func (t task) ratePerConnection() string { return decimal(t.Rate / float64(t.Shared)) }

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Reported is what a tool prints of its own measurement. What it does not print is
// absent.
type Reported struct {
	Requests int64          `json:"requests"`
	Median   *time.Duration `json:"p50_ns,omitempty"`
	NotOK    *float64       `json:"not_ok_share,omitempty"` // of the replies, those that were not 2xx (some count 3xx as well)
	Ours     *Ours          `json:"ours,omitempty"`
}

// Tool is a load generator.
type Tool struct {
	Name string

	models []load.Model // that it can generate
	args   func(t task) []string
	// file is the name and contents of an input file in the task's Dir; nil: none.
	file func(t task) (name, text string)
	// after is the arguments of a second run when the load is over, unmeasured, whose
	// output is parsed in place of that of the load; nil: none.
	after func(t task) []string

	parse   func(out []byte) (Reported, error)
	finest  time.Duration // what the tool rounds its median to, where that shows
	exitsOK []int         // exit codes besides 0 of a complete run

	path string // of the program
}

// Tools are the generators that are compared with ours where they are found.
// A new one is a file in this folder and a line here.
var Tools = []Tool{wrk, h2load, ab, bombardier, hey, vegeta, k6, wrk2}

// Names lists the names of Tools.
func Names() []string {
	names := make([]string, len(Tools))
	for i, t := range Tools {
		names[i] = t.Name
	}
	return names
}

// Look looks for the named tools (all of them where there is no name) on PATH.
// It fails for a name that is not one of Tools.
func Look(names []string) (found []Tool, missing []string, err error) {
	for _, name := range names {
		if !slices.Contains(Names(), name) {
			return nil, nil, fmt.Errorf("there is no peer %q; want some of %s", name, strings.Join(Names(), ", "))
		}
	}
	for _, t := range Tools {
		if len(names) > 0 && !slices.Contains(names, t.Name) {
			continue
		}
		path, err := exec.LookPath(t.Name)
		if err != nil {
			missing = append(missing, t.Name)
			continue
		}
		t.path = path
		found = append(found, t)
	}
	return found, missing, nil
}

// The load models of tools.
var (
	closedOnly = []load.Model{load.Closed}
	bothModels = []load.Model{load.Closed, load.Constant}
)

func (t *Tool) can(m load.Model) bool { return slices.Contains(t.models, m) }

// command is the tool's command line for a task. It writes the input file.
func (t *Tool) command(k task) ([]string, error) {
	if m := k.Model(); !t.can(m) {
		return nil, fmt.Errorf("%s cannot generate a load of model %s", t.Name, m)
	}
	if t.file != nil {
		name, text := t.file(k)
		if err := os.WriteFile(filepath.Join(k.Dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return append([]string{t.path}, t.args(k)...), nil
}
