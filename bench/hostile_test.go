package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
)

// own.
type hostileRun struct {
	URL     string
	Driver  string
	Fresh   bool // a new connection for each request
	Body    int
	Clients int
	Stalls  bool
	Idles   bool
	Cancel  time.Duration // when the stage is to be interrupted; 0: it is not
	Stream  bench.Stream
}

// limit is by when the stage must have ended, less the second that it has.
func (r hostileRun) limit(p bench.Plan) time.Duration {
	if r.Cancel > 0 {
		return r.Cancel
	}
	if r.Stalls {
		return p.Duration + p.Timeout // whatever the drain timeout
	}
	return p.Duration + p.DrainTimeout + p.Timeout
}

func (r hostileRun) plan() bench.Plan {
	// Where a reply comes a slow machine must not make a timeout of it.
	p := bench.Plan{
		Load: bench.Load{Clients: r.Clients, ThinkTime: 5 * time.Millisecond, Backoff: 30 * time.Millisecond}, Duration: 60 * time.Millisecond, Timeout: 20 * time.Second, DrainTimeout: 20 * time.Second,
		NewConnection: r.Fresh, MaxLag: time.Minute,
	}
	if r.Idles {
		p.Load.ThinkTime, p.Load.Backoff, p.Duration = 250*time.Millisecond, 250*time.Millisecond, 600*time.Millisecond
	}
	if r.Stalls {
		p.Timeout = 80 * time.Millisecond
	}
	if r.Cancel > 0 {
		p.Duration, p.Timeout, p.Load.ThinkTime = time.Minute, time.Minute, 0
	}
	return p
}

func (r hostileRun) run(ctx context.Context) (*result.Stage, time.Duration, error) {
	h := bench.HTTP{URL: r.URL, NewConnection: r.Fresh, Stream: r.Stream}
	if r.Body > 0 {
		h.Method, h.Body = http.MethodPut, make([]byte, r.Body)
	}
	_, h.TLS = certificate()
	d, err := namedDriver(r.Driver, h)
	if err != nil {
		return nil, 0, err
	}
	if r.Cancel > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Cancel)
		defer cancel()
	}
	began := time.Now()
	stage, err := bench.Run(ctx, r.plan(), d)
	return stage, time.Since(began), err
}

// way is how a server is driven.
type way struct {
	driver        string
	secure, fresh bool
}

// ways are all of them. The first few have each driver, TLS, and connections
// that are kept and new ones; the plain suite has these, and the slow one all.
var ways = []way{
	{epoll.Name, false, false}, {epoll.Name, true, false}, {epoll.Name, false, true}, {bench.GoroutineName, false, false}, {bench.GoroutineName, true, true},
	{epoll.Name, true, true}, {bench.GoroutineName, false, true}, {bench.GoroutineName, true, false},
}

const fewWays = 5

// eachWay calls test for each of the ways.
func eachWay(t *testing.T, ways []way, test func(t *testing.T, r hostileRun, secure bool)) {
	for _, w := range ways {
		if w.driver == epoll.Name && !epoll.Supported {
			continue
		}
		name := w.driver
		if w.secure {
			name += ", TLS"
		}
		if w.fresh {
			name += ", new connections"
		}
		t.Run(name, func(t *testing.T) { test(t, hostileRun{Driver: w.driver, Fresh: w.fresh, Clients: 4}, w.secure) })
	}
}

// eachMode runs the test for each mode that is chosen. They wait nearly all of
// their time, so many run at once: more than tests do that call Parallel.
func eachMode(t *testing.T, choose func(hostile) bool, test func(t *testing.T, m hostile)) {
	const atOnce = 24
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, m := range hostiles {
		if choose(m) {
			slots <- struct{}{}
			wg.Go(func() {
				t.Run(m.name, func(t *testing.T) { test(t, m) })
				<-slots
			})
		}
	}
	wg.Wait()
}

// takes reports whether the run is worth its time against a mode: what a server does to
// streams does not depend on how new their connections are.
func (r hostileRun) takes(m hostile) bool { return m.stream.Kind == "" || !r.Fresh }

// of is the run against one mode.
func (r hostileRun) of(m hostile) hostileRun {
	r.Body, r.Idles, r.Stream = m.body, m.idles, m.stream
	r.Stalls = m.stalls || slices.Contains(m.want, result.Timeout)
	return r
}

// check holds a stage against what the mode must make of it.
func (m hostile) check(t *testing.T, r hostileRun, counts result.Counts, unsolicited int64, warnings []string) {
	t.Helper()
	good := int64(0)
	for _, o := range m.want {
		good += counts[o]
	}
	if n := counts.Planned(); n == 0 || good != n {
		t.Errorf("counts %v, want all of %v; %q", counts, m.want, warnings)
	}
	// A connection that is new for each request is closed before it can rest.
	if noticed := unsolicited > 0; noticed != m.unsolicited && !(r.Fresh && m.idles) {
		t.Errorf("unsolicited bytes were noticed %d times, want some: %v; counts %v", unsolicited, m.unsolicited, counts)
	}
	if failed := good > 0 && m.want[0] != result.OK && m.want[0] != result.Rejected; failed && !strings.Contains(fmt.Sprint(warnings), "for example: ") {
		t.Errorf("no reason is given: %q", warnings)
	}
}

// heldUp measures how much longer than they should the naps of a goroutine take, in
// all, from its call until that of what it returns: so long nothing here could run. A
// stage whose clock a server has switched off holds up no nap.
func heldUp() func() time.Duration {
	const nap = 10 * time.Millisecond
	stop, total := make(chan struct{}), make(chan time.Duration)
	go func() {
		var late time.Duration
		for {
			began := time.Now()
			select {
			case <-stop:
				total <- late
				return
			case <-time.After(nap):
				late += time.Since(began) - nap
			}
		}
	}()
	return func() time.Duration { close(stop); return <-total }
}

// The suite of hostile servers: whatever a server does, the outcome is the one
// that it must be, and the stage ends in time.
func holdOutcomes(t *testing.T, ways []way) {
	eachWay(t, ways, func(t *testing.T, r hostileRun, secure bool) {
		eachMode(t, r.takes, func(t *testing.T, m hostile) {
			r := r.of(m)
			r.URL = serveHostile(t, m.do, secure)
			var took, limit time.Duration
			for range 3 { // others may have taken the CPU
				var stage *result.Stage
				var err error
				late := heldUp()
				stage, took, err = r.run(t.Context())
				held := late()
				if err != nil {
					t.Fatal(err)
				}
				addsUp(t, stage)
				m.check(t, r, stage.Counts, stage.Unsolicited, stage.Warnings)
				m.checkStreams(t, stage)
				if limit = r.limit(r.plan()) + time.Second + 4*held; took <= limit || t.Failed() {
					return
				}
			}
			t.Errorf("the stage took %v, want at most %v", took, limit)
		})
	})
}

func TestHostileServers(t *testing.T) { holdOutcomes(t, ways[:fewWays]) }

func TestSlowHostileServers(t *testing.T) {
	slow.Only(t)
	holdOutcomes(t, ways[fewWays:])
}

// An interrupt ends a stage at once, whatever the server is doing.
func TestInterruptEndsAtOnce(t *testing.T) { holdInterrupt(t, ways[:fewWays]) }

func TestSlowInterruptEndsAtOnce(t *testing.T) {
	slow.Only(t)
	holdInterrupt(t, ways[fewWays:])
}

func holdInterrupt(t *testing.T, ways []way) {
	eachWay(t, ways, func(t *testing.T, r hostileRun, secure bool) {
		eachMode(t, func(m hostile) bool { return (m.stalls || m.hungry) && r.takes(m) }, func(t *testing.T, m hostile) {
			r := r.of(m)
			r.URL, r.Cancel = serveHostile(t, m.do, secure), 30*time.Millisecond
			var took time.Duration
			for range 3 { // others may have taken the CPU
				late := heldUp()
				var err error
				_, took, err = r.run(t.Context())
				held := late()
				if err == nil {
					t.Fatal("a stage that was interrupted is complete")
				}
				if took <= r.Cancel+time.Second+4*held {
					return
				}
			}
			t.Errorf("it took %v", took)
		})
	})
}

// mostMemory is what 100 clients may take, in bytes, whatever is sent to them.
const mostMemory = 100 << 20

const hostileEnv = "ONHOLD_TEST_HOSTILE"

func init() { roles[hostileEnv] = driveHostile }

// drivenHostile is what a process of its own reports of a hostileRun.
type drivenHostile struct {
	Counts      result.Counts
	Unsolicited int64
	Warnings    []string
	Took        time.Duration
	Peak        int64 // bytes resident, the most so far
	Err         string
}

// driveHostile runs the stages of the value, a list in JSON, and reports each.
func driveHostile(value string) error {
	var runs []hostileRun
	if err := json.Unmarshal([]byte(value), &runs); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, r := range runs {
		var d drivenHostile
		// What the mode before has left to collect is not of this one.
		debug.FreeOSMemory()
		_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // its peak neither, where the system can forget it
		stage, took, err := r.run(context.Background())
		if err != nil {
			d.Err = err.Error()
		} else {
			d.Counts, d.Unsolicited, d.Warnings, d.Took = stage.Counts, stage.Unsolicited, stage.Warnings, took
		}
		if d.Peak, err = host.PeakRSS(os.Getpid()); err != nil {
			return err
		}
		if err := out.Encode(d); err != nil {
			return err
		}
	}
	return nil
}

// modesPerProcess is how many modes one process drives: where the system cannot forget
// the most memory that it had, it is also that of all modes before.
const modesPerProcess = 24

// holdMemory drives the modes with 100 clients from processes of their own, and
// holds their memory against the bound.
func holdMemory(t *testing.T, ways []way, choose func(hostile) bool) {
	if bench.RaceEnabled {
		t.Skip("the race detector takes several times the memory")
	}
	eachWay(t, ways, func(t *testing.T, r hostileRun, secure bool) {
		t.Parallel()
		var chosen []hostile
		var runs []hostileRun
		for _, m := range hostiles {
			if choose(m) {
				r := r.of(m)
				r.URL, r.Clients = serveHostile(t, m.do, secure), 100
				chosen, runs = append(chosen, m), append(runs, r)
			}
		}
		var peak int64
		for len(runs) > 0 {
			n := min(modesPerProcess, len(runs))
			peak = max(peak, driveHostiles(t, chosen[:n], runs[:n]))
			chosen, runs = chosen[n:], runs[n:]
		}
		t.Logf("%d MB at the most", peak>>20)
	})
}

func TestHostileServersTakeNoMemory(t *testing.T) {
	// One mode for each thing that can grow.
	sample := []string{
		"no end of replies", "a header line without end", "interim replies without end", "an extension without end",
		"chunks of 64 kB without end", "a large request is not read", "64 MB are announced, some come",
	}
	for _, name := range sample {
		if !slices.ContainsFunc(hostiles, func(m hostile) bool { return m.name == name && m.hungry }) {
			t.Errorf("no mode that takes memory is named %q", name)
		}
	}
	holdMemory(t, ways[:fewWays], func(m hostile) bool { return slices.Contains(sample, m.name) })
}

func TestSlowHostileServersTakeNoMemory(t *testing.T) {
	slow.Only(t)
	holdMemory(t, ways, func(m hostile) bool { return m.hungry || slow.All() })
}

// driveHostiles drives the modes from a process, and returns the most memory that it had.
func driveHostiles(t *testing.T, chosen []hostile, runs []hostileRun) (peak int64) {
	t.Helper()
	value, err := json.Marshal(runs)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env, cmd.Stderr = append(os.Environ(), hostileEnv+"="+string(value)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	in := json.NewDecoder(out)
	for i, m := range chosen {
		var d drivenHostile
		if err := in.Decode(&d); err != nil || d.Err != "" {
			t.Fatalf("%s: %v %s", m.name, err, d.Err)
		}
		if d.Peak > mostMemory {
			t.Fatalf("%s: %d MB, want at most %d", m.name, d.Peak>>20, mostMemory>>20)
		}
		if limit := runs[i].limit(runs[i].plan()) + time.Second; d.Took > limit {
			t.Logf("%s: took %v, the limit is %v", m.name, d.Took, limit)
		}
		peak = max(peak, d.Peak)
	}
	return peak
}
