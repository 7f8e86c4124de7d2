package peers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// task is what a tool has to do.
type task struct {
	load.Load // closed or constant
	URL       string
	Shared    int           // connections of a constant load, and of any load over HTTP/2
	Streams   int           // requests at once on each of them, over HTTP/2; else 0
	Duration  time.Duration // full seconds, warm-up included where a tool has one
	Dir       string        // an empty folder for files
	TargetPID int           // of the server
	Fresh     bool          // each request over a new connection
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

// fill replaces the placeholders of a text.
func (t task) fill(text string) string {
	_, rest, _ := strings.Cut(t.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	decimal := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return strings.NewReplacer(
		"{url}", t.URL, "{rest}", rest, "{host}", host, "{shared}", strconv.Itoa(t.Shared), "{streams}", strconv.Itoa(t.Streams), "{open}", strconv.Itoa(t.Shared*t.Streams), "{close}", "Connection: close", "{dir}", t.Dir, "{pid}", strconv.Itoa(t.TargetPID),
		"{seconds}", strconv.Itoa(int(t.Duration/time.Second)), "{measured}", (t.Duration - warmup).String(), "{ramp-up}", t.RampUp.String(),
		"{clients}", strconv.Itoa(t.connections()), "{rate}", decimal(t.Rate), "{each}", decimal(t.Rate/float64(max(1, t.Shared))),
		"{handshakes}", strconv.Itoa(int(handshakesPerSecond*t.Duration.Seconds())),
	).Replace(text)
}

// handshakesPerSecond is how many a tool makes that cannot end by time: about as many as
// a core can.
const handshakesPerSecond = 2000

// inputFile is the name of a tool's input. A script of k6 must have this ending.
const inputFile = "input.js"

// protoFile is the name of one that describes a method of gRPC.
const protoFile = "input.proto"

// Reported is what a tool prints of its own measurement. What it does not print is
// absent.
type Reported struct {
	Requests int64          `json:"requests"`
	Median   *time.Duration `json:"p50_ns,omitempty"`
	P99      *time.Duration `json:"p99_ns,omitempty"`
	NotOK    *float64       `json:"not_ok_share,omitempty"` // of the replies, those that were not 2xx (some count 3xx as well)
	Stage    *result.Stage  `json:"stage,omitempty"`        // of ours
}

// Tool is a load generator. Its command lines and its input have placeholders: see
// task.fill.
type Tool struct {
	Name string

	closed, constant string   // command lines; "": it cannot generate that load
	fresh            string   // command line of a closed load with a new connection for each request; "": likewise
	only             protocol // that it speaks; protoPlain: HTTP/1.1, at least
	insecure         string   // arguments without which it checks the certificate of a server
	input            string   // contents of a file in the task's Dir; "": none
	inputAs          string   // its name; inputFile where empty
	// after is the arguments of a second run when the load is over, unmeasured, whose
	// output is parsed in place of that of the load; "": none.
	after string

	parse   func(out []byte) (Reported, error)
	Finest  time.Duration // what the tool rounds its median to, where that shows
	exitsOK []int         // exit codes besides 0 of a complete run

	path string // of the program
}

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
		if t.path, err = exec.LookPath(t.Name); err != nil {
			missing = append(missing, t.Name)
		} else {
			found = append(found, t)
		}
	}
	return found, missing, nil
}

// command is the tool's command line with these arguments.
func (t Tool) command(k task, line string) []string {
	args := strings.Fields(line)
	for i := range args {
		args[i] = k.fill(args[i])
	}
	return append([]string{t.path}, args...)
}

// prepare writes the input file, and returns the command line for a task.
func (t Tool) prepare(k task) ([]string, error) {
	line := t.line(k.Model())
	if k.Fresh {
		line = t.fresh
	}
	if line == "" {
		return nil, fmt.Errorf("%s cannot generate a load of model %s", t.Name, k.Model())
	}
	if strings.HasPrefix(k.URL, "https:") {
		line += " " + t.insecure
	}
	if t.input != "" {
		if err := os.WriteFile(filepath.Join(k.Dir, cmp.Or(t.inputAs, inputFile)), []byte(k.fill(t.input)), 0o600); err != nil {
			return nil, err
		}
	}
	return t.command(k, line), nil
}

// warmup is the part of a run of ours before its measured window.
const warmup = 500 * time.Millisecond

// oursInvalid is the exit code of a run of ours in which the generator was the
// limit: at saturation that is expected.
const oursInvalid = 4

// ours is our own generator, as another process of the program exe, with more
// arguments.
func ours(exe, driver, more string) Tool {
	t := oursTo(exe, "{url} --driver "+driver+" "+more)
	t.Name, t.insecure = "onhold ("+driver+")", "--insecure"
	return t
}

// oursTo is our own generator on a target, with more arguments.
func oursTo(exe, target string) Tool {
	line := "run " + target + " --duration {measured} --warmup " + warmup.String() + " --retries 0 --json --no-report --out {dir}/run"
	return Tool{
		Name: "onhold", path: exe, parse: parseOurs, exitsOK: []int{oursInvalid},
		fresh:  line + " --clients {clients} --new-connection",
		closed: line + " --clients {clients} --ramp-up {ramp-up}", constant: line + " --rate {rate} --arrivals constant",
	}
}

func parseOurs(out []byte) (s Reported, err error) {
	var stage result.Stage
	if err := json.Unmarshal(out, &stage); err != nil {
		return s, fmt.Errorf("not one Stage line: %w", err)
	}
	n := stage.Counts
	s.Requests = n.Planned()
	s.NotOK = share(n.Planned()-n[result.OK], n.Planned())
	s.Stage = &stage
	if n[result.OK] > 0 {
		s.Median, s.P99 = new(stage.Shown().Latency.Quantile(0.5)), new(stage.Shown().Latency.Quantile(0.99))
	}
	return s, nil
}
