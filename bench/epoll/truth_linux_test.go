package epoll

import (
	"bufio"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// pacerEnv has the process be a server of streams, of which it has the numbers as JSON.
const pacerEnv = "ONHOLD_TEST_PACER"

func TestMain(m *testing.M) {
	if value := os.Getenv(pacerEnv); value != "" {
		if err := pace(value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pace prints where it serves, and in the end when it sent what.
func pace(value string) error {
	var p wiretest.Pacer
	if err := json.Unmarshal([]byte(value), &p); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	sent, err := p.Serve(ln)
	if err != nil {
		return err
	}
	return gob.NewEncoder(os.Stdout).Encode(sent)
}

// seen is an event as the driver has seen it.
type seen struct{ planned, at time.Duration }

// truth is what came of streams of which it is known when each event was sent.
type truth struct {
	off       []time.Duration // how far each gap is from the one that was sent, in ascending order
	rate      float64         // events per second that were sent
	perEvent  time.Duration   // CPU time of the loop
	busy      float64         // share of a CPU that the loop used
	waited    float64         // share of the time in which it waited for a CPU that others had
	perStream int64           // resident memory, in bytes; where it is the first of a process
	held      int             // tenths of a second in which an event was late by a millisecond or more
	together  float64         // share of the events that came in the same read as the one before
	stage     *result.Stage
	server    []time.Duration // how far each gap that was sent is from the planned one, in ascending order
}

// followed drives a server of streams from one loop.
func followed(t *testing.T, p wiretest.Pacer) (out truth) {
	t.Helper()
	value, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env, cmd.Stderr = append(os.Environ(), pacerEnv+"="+string(value)), os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if cpus, err := host.Affinity(0); err == nil && len(cpus) > 1 {
		err = host.StartPinned(cmd, cpus[:1])
		if err != nil {
			t.Fatal(err)
		}
	} else if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(stdout)
	addr, err := in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	data, err := bench.DataFiles{}.Read()
	if err != nil {
		t.Fatal(err)
	}
	made, err := New(bench.HTTP{URL: "http://" + strings.TrimSpace(addr) + "/{seq}", Data: data, Stream: bench.Stream{Kind: bench.StreamSSE, Done: "[DONE]"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := made.(*driver)
	events := make([]seen, 0, p.Streams*p.Events)
	var began, ended account
	d.watch = func(e stream.Event) {
		events = append(events, seen{e.Planned, e.At})
		switch len(events) {
		case p.Streams: // one event of each
			began = account{e.At, threadCPU(), threadWait()}
		case p.Streams * p.Events:
			ended = account{e.At, threadCPU(), threadWait()}
		}
	}
	before := resident(t)
	over := make(chan [][]time.Duration, 1)
	go func() {
		var sent [][]time.Duration
		_ = gob.NewDecoder(in).Decode(&sent)
		over <- sent
	}()
	out.stage, err = bench.Run(t.Context(), bench.Plan{
		Load: bench.Load{Rate: float64(p.Streams), Arrivals: load.Constant}, Duration: time.Second, Timeout: time.Minute, DrainTimeout: time.Minute, MaxConnections: p.Streams, MaxLag: time.Minute,
	}, d)
	if err != nil {
		t.Fatal(err)
	}
	peak, err := host.PeakRSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	sent := <-over
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	out.perStream = (peak - before) / int64(p.Streams)
	out.compare(t, p, events, sent)
	cpu := ended.cpu - began.cpu
	out.waited = (ended.wait - began.wait).Seconds() / (ended.at - began.at).Seconds()
	out.perEvent, out.busy = cpu/time.Duration(p.Streams*(p.Events-1)), cpu.Seconds()/(ended.at-began.at).Seconds()
	return out
}

// account is what the loop's thread had of a CPU, and for how long it waited for one.
type account struct{ at, cpu, wait time.Duration }

// threadWait is 0 where the kernel does not say.
func threadWait() time.Duration {
	var cpu, wait int64
	if text, err := os.ReadFile("/proc/thread-self/schedstat"); err == nil {
		_, _ = fmt.Sscan(string(text), &cpu, &wait)
	}
	return time.Duration(wait)
}

func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// compare holds each event against when it was sent.
func (o *truth) compare(t *testing.T, p wiretest.Pacer, events []seen, sent [][]time.Duration) {
	t.Helper()
	of := map[time.Duration][]time.Duration{}
	for _, e := range events {
		of[e.planned] = append(of[e.planned], e.at)
	}
	planned := make([]time.Duration, 0, len(of))
	for at := range of {
		planned = append(planned, at)
	}
	slices.Sort(planned)
	if n := int64(p.Streams); o.stage.Counts[result.OK] != n || len(of) != p.Streams || len(sent) != p.Streams || len(events) != p.Streams*p.Events {
		t.Fatalf("%v, %d events of %d streams, %d were sent; %q", o.stage.Counts, len(events), len(of), len(sent), o.stage.Notes())
	}
	held := map[time.Duration]bool{}
	first, last := sent[0][0], time.Duration(0)
	for i, at := range planned {
		for k := 1; k < p.Events; k++ {
			got, want := of[at][k]-of[at][k-1], sent[i][k]-sent[i][k-1]
			o.off = append(o.off, (got - want).Abs())
			if (got - want).Abs() >= time.Millisecond {
				held[of[at][k]/(100*time.Millisecond)] = true
			}
			o.server = append(o.server, (want - p.Every).Abs())
		}
		last = max(last, sent[i][p.Events-1])
	}
	slices.Sort(o.off)
	slices.Sort(o.server)
	o.held = len(held)
	o.together = float64(o.stage.Streams.Together) / float64(o.stage.Streams.Events)
	o.rate = float64(len(events)) / (last - first).Seconds()
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))]
}

func (o *truth) quantile(q float64) time.Duration { return quantile(o.off, q) }

func (o *truth) String() string {
	return fmt.Sprintf("%.0f events/s: %v of CPU time per event, %.0f %% of a core, and %.1f %% of the time others had it; gaps off by %v (median), %v (p99), %v at the most; %.1f kB per stream, %.1f %% in one read, the server's own gaps off by %v (median), %v at the most, %d tenths of a second with one off by a millisecond or more; %q",
		o.rate, o.perEvent, 100*o.busy, 100*o.waited, o.quantile(0.5), o.quantile(0.99), o.quantile(1), float64(o.perStream)/1000, 100*o.together, quantile(o.server, 0.5), quantile(o.server, 1), o.held, o.stage.Notes())
}

// closely drives until half of the gaps are within a bound, a few times at the most:
// another process may hold up either side. Each time that the machine has kept the server
// from its own plan, or the loop from its CPU, says nothing of the loop.
func closely(t *testing.T, p wiretest.Pacer, bound time.Duration) {
	t.Helper()
	const attempts = 4
	excused := true
	for range attempts {
		o := followed(t, p)
		if t.Log(o.String()); o.quantile(0.5) <= bound {
			return
		}
		excused = excused && (quantile(o.server, 0.5) > bound/2 || o.waited > 0.01)
	}
	if !excused {
		t.Errorf("half of the gaps are off by more than %v", bound)
	}
}

// The recorded gaps are those between the instants at which the server sent the events.
func TestGapsAreThoseThatWereSent(t *testing.T) {
	closely(t, wiretest.Pacer{Streams: 50, Events: 10, Every: 20 * time.Millisecond}, 2*time.Millisecond)
}

// What 10,000 streams cost, and how well their gaps are reproduced.
func TestSlowTenThousandStreams(t *testing.T) {
	slow.Only(t)
	if raceEnabled {
		t.Skip("the race detector slows the loop down")
	}
	if err := host.CheckLimits(10_000, 1); err != nil {
		t.Skip(err)
	}
	closely(t, wiretest.Pacer{Streams: 10_000, Events: 4, Every: time.Second}, 50*time.Microsecond)
	for _, every := range []time.Duration{500 * time.Millisecond, 200 * time.Millisecond, 100 * time.Millisecond} {
		o := followed(t, wiretest.Pacer{Streams: 10_000, Events: int(4 * time.Second / every), Every: every})
		t.Log(o.String())
	}
}
