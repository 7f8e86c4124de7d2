package peers

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Load is what a tool is asked to generate.
type Load struct {
	URL     string
	Clients int           // closed: how many, each with a connection; else how many connections to share
	Rate    int           // arrivals per second, at constant intervals; 0: closed
	Length  time.Duration // whole seconds, warm-up included where a tool has one
	Spread  time.Duration // closed, ours alone: the clients begin evenly over it
	Dir     string        // an empty folder for files
	PID     int           // of the server, where ours is to measure it; else 0
}

func (l Load) seconds() string { return strconv.Itoa(int(l.Length / time.Second)) }

func (l Load) clients() string { return strconv.Itoa(l.Clients) }

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

	// closed and paced write what the tool needs into load.Dir, and return its
	// command line. They are nil where the tool cannot do that.
	closed, paced func(path string, l Load) ([]string, error)

	// after is a command to be run when the load is over, unmeasured, whose
	// output is parsed in place of that of the load; nil: none.
	after func(path string, l Load) []string

	parse   func(out []byte) (Reported, error)
	finest  time.Duration // what the tool rounds its median to, where that shows
	exitsOK []int         // exit codes besides 0 of a complete run

	path string // of the program
}

// Tools are the generators that are compared with ours where they are found.
// A new one is a file beside the others and a line here.
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

// command is the tool's command line for a load.
func (t *Tool) command(l Load) ([]string, error) {
	write := t.closed
	if l.Rate > 0 {
		write = t.paced
	}
	if write == nil {
		return nil, fmt.Errorf("%s cannot generate this load", t.Name)
	}
	return write(t.path, l)
}
