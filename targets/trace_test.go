package targets_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/blocking"
)

// eachTraced is eachStyle, of those whose admission can be traced.
func eachTraced(t *testing.T, test func(t *testing.T, style targets.Style)) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		if err := style.Traceable(targets.Options{MaxInflight: 1}); err != nil {
			t.Skip(err)
		}
		test(t, style)
	})
}

// startTraced starts a server whose trace goes to the file that it returns.
func startTraced(t *testing.T, style targets.Style, o targets.Options) (s targets.Server, file string) {
	t.Helper()
	o.Trace = filepath.Join(t.TempDir(), "a.trace")
	return start(t, style, o), o.Trace
}

// traceOf shuts the server down and reads its trace.
func traceOf(t *testing.T, s targets.Server, file string) *trace.Trace {
	t.Helper()
	shutdown(t, s)
	tr, err := trace.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Damage != "" {
		t.Fatal(tr.Damage)
	}
	return tr
}

// wantCounts checks a trace that has all requests against the server's own counts.
func wantCounts(t *testing.T, tr *trace.Trace, s targets.Server) {
	t.Helper()
	accepted := int64(0)
	for _, r := range tr.Records {
		if r.Accepted {
			accepted++
		}
	}
	st := s.Stats()
	if rejected := int64(len(tr.Records)) - accepted; accepted != st.Accepted || rejected != st.Rejected || tr.LeftOut != 0 {
		t.Errorf("the trace has %d accepted and %d rejected, and left out %d; the stats are %+v", accepted, rejected, tr.LeftOut, st)
	}
}

// wantDecisions checks that each decision follows from what was logged before it: a
// request was let in where, and only where, there was a place for it. And that
// no worker had two requests at once, nor more were at work than there are.
func wantDecisions(t *testing.T, tr *trace.Trace) {
	t.Helper()
	var served []trace.Record
	for _, r := range tr.Records {
		if r.Done > 0 {
			served = append(served, r)
		}
	}
	slices.SortFunc(served, func(a, b trace.Record) int { return int(a.Done - b.Done) })
	inside, left := 0, 0
	for i, r := range tr.Records {
		for left < len(served) && served[left].Done < r.At {
			inside--
			left++
		}
		if r.Accepted != (inside < tr.Places()) {
			t.Errorf("record %d, %+v, came with %d of %d places taken", i+1, r, inside, tr.Places())
		}
		if r.Accepted {
			inside++
		}
	}
	free := map[int32]time.Duration{}
	for _, r := range served {
		if r.Worker != trace.NoWorker && r.Started+tr.ClockResolution < free[r.Worker] {
			t.Errorf("worker %d began %+v before it was done with the one before, at %v", r.Worker, r, free[r.Worker])
		}
		free[r.Worker] = r.Done
	}
}

// Driven hard, by callers who do not know of one another and with more of them
// than places, the trace explains every decision, and it is that of all requests.
func TestEveryDecisionFollowsFromTheTrace(t *testing.T) {
	eachTraced(t, func(t *testing.T, style targets.Style) {
		s, file := startTraced(t, style, targets.Options{
			Workers: 4, Queue: 3, MaxInflight: 7,
			Sim: sim.Config{Latency: 2 * time.Millisecond, Dist: sim.Exponential, Seed: 1},
		})
		var wg sync.WaitGroup
		for caller := range 24 {
			c := dial(t, s)
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(1, uint64(caller)))
				for range 40 {
					c.send(t, askFor(caller+1))
					c.read(t, "GET")
					time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Millisecond))))
				}
			})
		}
		wg.Wait()
		tr := traceOf(t, s, file)
		wantCounts(t, tr, s)
		wantDecisions(t, tr)
		st := s.Stats()
		if len(tr.Records) != 24*40 || st.Rejected == 0 || tr.Style != style.Name || tr.Places() != 7 {
			t.Errorf("%d requests, stats %+v, header %+v", len(tr.Records), st, tr.Header)
		}
	})
}

// In bursts, each decision is made by the burst alone, and the service is at
// least the wait.
func TestTraceOfBursts(t *testing.T) {
	eachTraced(t, func(t *testing.T, style targets.Style) {
		const clients, waves, places = 40, 5, 10
		s, file := startTraced(t, style, targets.Options{
			Workers: 6, Queue: 4, MaxInflight: places, Sim: sim.Config{Latency: 5 * time.Millisecond}})
		all := make([]*client, clients)
		for i := range all {
			all[i] = dial(t, s)
		}
		for range waves {
			var wg sync.WaitGroup
			for i, c := range all {
				wg.Go(func() { c.send(t, askFor(i+1)) })
			}
			wg.Wait()
			for _, c := range all {
				c.read(t, "GET")
			}
		}
		tr := traceOf(t, s, file)
		wantCounts(t, tr, s)
		wantDecisions(t, tr)
		if len(tr.Records) != clients*waves {
			t.Errorf("%d records", len(tr.Records))
		}
		workers := map[int32]bool{}
		for i, r := range tr.Records {
			switch a := tr.Services()[i]; {
			case !r.Accepted:
			case a.Time-a.Dispatch < 5*time.Millisecond || a.Dispatch < 0:
				t.Errorf("record %d, %+v, is of a service of %v", i+1, r, a.Time-a.Dispatch)
			default:
				workers[r.Worker] = true
			}
		}
		if want := map[bool]int{true: 6, false: 1}[style.Name == blocking.Name]; len(workers) != want {
			t.Errorf("%d workers served, want %d", len(workers), want)
		}
	})
}

func TestTraceOfAnIdleTarget(t *testing.T) {
	eachTraced(t, func(t *testing.T, style targets.Style) {
		s, file := startTraced(t, style, targets.Options{MaxInflight: 5})
		if tr := traceOf(t, s, file); len(tr.Records) != 0 || len(tr.Warnings()) != 0 {
			t.Errorf("%+v", tr)
		}
	})
}

func TestTraceBeyondItsLimit(t *testing.T) {
	eachTraced(t, func(t *testing.T, style targets.Style) {
		s, file := startTraced(t, style, targets.Options{MaxInflight: 5, TraceLimit: 10})
		c := dial(t, s)
		for range 15 {
			c.send(t, askFor(1))
			c.read(t, "GET")
		}
		tr := traceOf(t, s, file)
		if len(tr.Records) != 10 || tr.LeftOut != 5 || len(tr.Warnings()) != 1 {
			t.Errorf("%d records, %d left out, warnings %q", len(tr.Records), tr.LeftOut, tr.Warnings())
		}
		wantDecisions(t, tr)
	})
}

// The trace is written also where the target gives up what is in flight.
func TestTraceOfWhatIsNotDone(t *testing.T) {
	eachTraced(t, func(t *testing.T, style targets.Style) {
		file := filepath.Join(t.TempDir(), "a.trace")
		// Not start: the shutdown fails, and the server goes with the process.
		s, err := style.Start(targets.Options{Workers: 1, MaxInflight: 1, Trace: file, Sim: sim.Config{Latency: time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		dial(t, s).send(t, askFor(1))
		eventually(t, "the request in flight", func() bool { return s.Stats().InFlight == 1 })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown returned %v, want that its context ended", err)
		}
		tr, err := trace.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(tr.Records) != 1 || !tr.Records[0].Accepted || tr.Records[0].Done != 0 || len(tr.Warnings()) != 0 {
			t.Errorf("%+v", tr)
		}
	})
}

func TestWhatCannotBeTraced(t *testing.T) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		file := filepath.Join(t.TempDir(), "a.trace")
		if style.Name != blocking.Name { // lets in any number
			_, err := style.Start(targets.Options{Trace: file})
			if err == nil || !strings.Contains(err.Error(), "; this is "+style.Name) {
				t.Errorf("started: %v", err)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("there is a file of it")
			}
		}
		if style.Traceable(targets.Options{MaxInflight: 5}) != nil {
			return
		}
		_, err := style.Start(targets.Options{MaxInflight: 5, Trace: filepath.Join(file, "no", "such")})
		if err == nil || !strings.Contains(err.Error(), "Trace is "+file) {
			t.Errorf("started: %v", err)
		}
		_, err = style.Start(targets.Options{MaxInflight: 5, Trace: file, TraceLimit: -1})
		if err == nil || !strings.Contains(err.Error(), "TraceLimit is -1, want 1 to") {
			t.Errorf("started: %v", err)
		}
	})
}
