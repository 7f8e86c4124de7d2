package targets

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
)

// optionsVariable is the environment variable that hands a process its Options
// as JSON. They may contain a password, which other users of the machine can
// read on a command line but not in the environment.
const optionsVariable = "ONHOLD_TARGET_OPTIONS"

// serveWord is the first argument of a process that Launch starts.
const serveWord = "serve"

const (
	startLimit = 30 * time.Second // from launch to the ready line: a crowded machine takes ten for 2,000 threads, or for connections to a database
	statsLimit = 5 * time.Second  // for a target to report its service time
)

// Ready is the line of JSON that a target's process prints when it listens.
type Ready struct {
	Addr  string `json:"addr"`
	PID   int    `json:"pid"`
	Style string `json:"style"`

	// Broker is the nats:// address of the broker, of a style that has one, without
	// passwords.
	Broker string `json:"broker,omitempty"`
}

// Process is a target that runs as its own process, so that it and the
// generator share neither a garbage collector nor a CPU.
type Process struct {
	Ready
	*process.Process
}

// NotStarted is the error of a target that did not start.
type NotStarted struct{ Err error }

func (e *NotStarted) Error() string { return e.Err.Error() }

func (e *NotStarted) Unwrap() error { return e.Err }

// Program starts targets as processes of their own. Its executable must call
// [ServeIfLaunched] first.
type Program struct {
	Exe  string // empty means the executable of this process
	CPUs []int  // to which the process is confined; none means any
}

// Launch starts a target, or another server that [Find] knows, and returns when
// it listens. The error is a [*NotStarted] where it did not.
func (p Program) Launch(ctx context.Context, name string, o Options) (*Process, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, &NotStarted{fmt.Errorf("options of %s: %w", name, err)}
	}
	if p.Exe == "" {
		if p.Exe, err = os.Executable(); err != nil {
			return nil, &NotStarted{err}
		}
	}
	cmd := exec.Command(p.Exe, serveWord, name)
	cmd.Env = append(withoutOptions(os.Environ()), optionsVariable+"="+string(text))
	return LaunchCommand(ctx, cmd, p.CPUs)
}

func withoutOptions(environ []string) []string {
	return slices.DeleteFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, optionsVariable+"=") })
}

// ServeIfLaunched serves a target where Launch started this process, and ends
// the process when that was stopped. In any other process it returns at once.
// It must be called before flags are parsed.
func ServeIfLaunched() {
	text, launched := os.LookupEnv(optionsVariable)
	if !launched || len(os.Args) < 2 || os.Args[1] != serveWord {
		return
	}
	os.Unsetenv(optionsVariable)
	if err := serveLaunched(text); err != nil {
		fmt.Fprintln(os.Stderr, redact.Text(err.Error()))
		os.Exit(1)
	}
	os.Exit(0)
}

func serveLaunched(text string) error {
	if len(os.Args) < 3 {
		return fmt.Errorf("the command line has no style: %q", os.Args)
	}
	var o Options
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields() // of a program of another version
	if err := decoder.Decode(&o); err != nil {
		return errors.New(optionsVariable + " cannot be read: it is for servers that another process of this version starts; unset it")
	}
	redact.LearnURL(o.Postgres.DSN)
	redact.LearnURL(o.BackendURL)
	redact.LearnURL(o.Queued.Broker)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return Serve(ctx, os.Args[2], o, os.Stdout)
}

// LaunchCommand starts cmd, which serves a target and prints a [Ready] line,
// confined to cpus where there are any, and waits for that line. The error
// contains what the process printed on its standard error.
func LaunchCommand(ctx context.Context, cmd *exec.Cmd, cpus []int) (*Process, error) {
	p := &Process{}
	ready := make(chan error, 1)
	started, err := process.Start(cmd, cpus, func(r io.Reader) { ready <- p.readReady(bufio.NewReader(r)) })
	if err != nil {
		return nil, &NotStarted{fmt.Errorf("starting a target: %w", err)}
	}
	p.Process = started
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case err = <-ready:
		if err == nil {
			p.Ready.PID = started.ID() // not another's, whatever it printed
			return p, nil
		}
		err = fmt.Errorf("before it was ready %w", err)
	case <-limit.C:
		err = fmt.Errorf("it was not ready within %v", startLimit)
	case <-ctx.Done():
		err = ctx.Err()
		_ = p.Stop() // it may have made what it has to remove, such as a broker's folder
	}
	p.Kill()
	if text := p.Stderr(); text != "" {
		err = fmt.Errorf("%w; its output: %s", err, text)
	}
	return nil, &NotStarted{fmt.Errorf("a target did not start: %w", err)}
}

// readReady reads the line that reports that the process is ready.
func (p *Process) readReady(r *bufio.Reader) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return errors.New("it ended")
	}
	if err := json.Unmarshal(line, &p.Ready); err != nil || p.Addr == "" {
		return fmt.Errorf("it printed %q, which is no ready line", bytes.TrimSpace(line))
	}
	return nil
}

// Driving is what a user chooses of how a style is driven.
type Driving struct {
	HTTP          func(bench.HTTP) (bench.Driver, error) // makes the driver of a style that any driver of HTTP drives
	GRPC          func(grpc.Call) (bench.Driver, error)  // of style grpc
	NewConnection bool                                   // for each request
	Connections   int                                    // of gRPC, which all callers share; 0: each has its own
}

// Driver makes the driver of a target that is ready: style queue is driven by POSTs,
// style stream by following an order, the others by asking for the orders of one user. done is as of [MakeDriver]. Without
// a Ready.Broker the driver of style queue has no completions: it then serves to show
// its settings.
func (s Style) Driver(ctx context.Context, r Ready, d Driving) (_ bench.Driver, done func(), err error) {
	if s.driver != nil {
		return s.driver(ctx, r, d)
	}
	h := bench.HTTP{URL: "http://" + r.Addr + orders.PathOneUser, NewConnection: d.NewConnection}
	if s.Streams {
		h.URL = "http://" + r.Addr + orders.EventsPath(orders.OneUser)
		h.Stream = bench.Stream{Kind: bench.StreamSSE, Done: orders.EndMark}
	}
	driver, err := d.HTTP(h)
	return driver, nil, err
}

// OwnDriver reports whether the style has a driver of its own.
func (s Style) OwnDriver() bool { return s.driver != nil }

// MakeDriver makes the driver of a target that is ready. done is called when
// the stage is over; nil means that there is nothing to close.
type MakeDriver func(context.Context, Ready) (d bench.Driver, done func(), err error)

// Drive starts a target, runs a stage against it and stops it. An interrupted
// stage stops its target cleanly, too.
func (p Program) Drive(ctx context.Context, name string, o Options, plan bench.Plan, driver MakeDriver) (*result.Stage, error) {
	target, err := p.Launch(ctx, name, o)
	if err != nil {
		return nil, err
	}
	d, done, err := driver(ctx, target.Ready)
	if err != nil {
		return nil, errors.Join(err, target.Stop())
	}
	if done != nil {
		defer done()
	}
	stage, err := target.Drive(ctx, plan, d)
	died, _ := target.Ended()
	if stopErr := target.Stop(); stopErr != nil && err == nil && !died {
		stage.Warn("%v", stopErr)
	}
	return stage, err
}

// Drive runs a stage against the target. A target that died meanwhile makes it
// invalid. The service time is recorded where the target reports one.
func (p *Process) Drive(ctx context.Context, plan bench.Plan, d bench.Driver) (*result.Stage, error) {
	plan.TargetPID = p.PID
	stage, err := bench.Run(ctx, plan, d)
	if err != nil {
		return nil, err
	}
	if died, how := p.Ended(); died {
		stage.InvalidateFirst("the target died in mid-stage: %s", how)
		return stage, nil
	}
	// Not bound to the context of the run: the stage is complete.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statsLimit)
	defer cancel()
	if st, err := p.Stats(ctx); err == nil { // without it the stage is complete, too
		stage.Target.ServiceTime = result.MeanTime{N: st.ServiceTime.N, Mean: time.Duration(st.ServiceTime.Mean)}
	}
	return stage, nil
}

// Stats asks the target for its statistics.
func (p *Process) Stats(ctx context.Context) (st orders.Stats, err error) {
	style, _ := Find(p.Style)
	if style.Protocol == GRPC {
		return grpc.Stats(ctx, p.Addr)
	}
	return orders.FetchStats(ctx, p.Addr)
}
