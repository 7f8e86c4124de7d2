package bench_test

import (
	"fmt"
	"math"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// arrived is when the server read each request, in order, from the first on.
func arrived(s *scripted) []time.Duration {
	var at []time.Duration
	for _, r := range s.log() {
		at = append(at, r.at)
	}
	slices.Sort(at)
	for i := len(at) - 1; i >= 0; i-- {
		at[i] -= at[0]
	}
	return at
}

// gaps is from each to the next.
func gaps(at []time.Duration) []float64 {
	var g []float64
	for i := 1; i < len(at); i++ {
		g = append(g, (at[i] - at[i-1]).Seconds())
	}
	return g
}

// variation is the coefficient of variation.
func variation(x []float64) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += v
		squares += v * v
	}
	n := float64(len(x))
	mean := sum / n
	return math.Sqrt(max(0, squares/n-mean*mean)) / mean
}

// planned is how many arrivals the plan has from an offset to its end.
func planned(p bench.Plan, from time.Duration) (n int) {
	next := p.Schedule()
	for at := next(); at < p.Warmup+p.Duration; at = next() {
		if at >= from {
			n++
		}
	}
	return n
}

// held reports whether the machine held its threads up for the time being: a thread
// that wants no more than to wake every millisecond is late itself.
func held() (ended func() bool) {
	stop, late := make(chan struct{}), make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		n := 0
		for at := clock.Now() + time.Millisecond; clock.Sleep(stop, at); at = max(at, clock.Now()) + time.Millisecond {
			if clock.Now()-at > 500*time.Microsecond {
				n++
			}
		}
		late <- n
	}()
	return func() bool { close(stop); return <-late > 0 }
}

// atTheServer tries up to four times: what a pause of the machine spoils once is
// disturbed every time by a driver that is at fault. try returns what is off in the
// arrivals as the server saw them. That the driver planned them right is certain
// by then: see plannedRight.
func atTheServer(t *testing.T, try func() (fault string, stage *result.Stage)) {
	t.Helper()
	if bench.RaceEnabled { // the detector slows the server, which then reads late what was sent in time
		fault, _ := try()
		t.Logf("under the race detector: %q", fault)
		return
	}
	fault, excuse := tries(4, t.Logf, func() (string, *result.Stage, bool) {
		ended := held()
		fault, stage := try()
		return fault, stage, ended()
	})
	if fault != "" {
		t.Error(fault)
	} else if excuse != "" {
		t.Logf("planned as it should be, and sent late by a driver that said so, on a machine that was busy: %s", excuse)
	}
}

// tries tries until there is no fault. A fault of a stage that is valid is the
// driver's, for it did not notice; and so is one that it noticed, each time, while
// the machine was not busy. Else there is an excuse.
func tries(n int, logf func(string, ...any), try func() (fault string, stage *result.Stage, busy bool)) (fault, excuse string) {
	noticed := ""
	for range n {
		now, stage, busy := try()
		if now == "" {
			return "", ""
		}
		if stage.Valid() {
			fault = now
		} else {
			now = fmt.Sprintf("%s, in a stage that is not valid: %s", now, strings.Join(stage.Notes(), "; "))
			if busy {
				excuse = now
			} else {
				noticed = now
			}
		}
		logf("%s (busy: %v)", now, busy)
	}
	if fault == "" && excuse == "" {
		fault = noticed
	}
	return fault, excuse
}

// instants keeps the planned instants of a stage.
type instants struct {
	mu      sync.Mutex
	planned []time.Duration
}

func (o *instants) Ended(a bench.Arrival) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.planned = append(o.planned, a.Planned)
}

func (*instants) Completed(time.Duration, time.Duration) {}

// plannedRight runs a stage whose every arrival is planned for the instant of its
// schedule, to the nanosecond, however busy the machine is.
func plannedRight(t *testing.T, p bench.Plan, d bench.Driver) *result.Stage {
	t.Helper()
	var o instants
	p.Observer = &o
	stage := run(t, p, d)
	slices.Sort(o.planned)
	if int64(len(o.planned)) != stage.Counts.Planned() || len(o.planned) == 0 {
		t.Fatalf("%d arrivals ended, the stage has %d", len(o.planned), stage.Counts.Planned())
	}
	next := p.Schedule()
	first := next()
	for i, at := range o.planned[1:] {
		if got, want := at-o.planned[0], next()-first; got != want {
			t.Fatalf("arrival %d was planned %v after the first, the schedule says %v", i+1, got, want)
		}
	}
	return stage
}

// A driver is at fault where it did not notice, or had no excuse.
func TestWhoIsAtFault(t *testing.T) {
	type row struct {
		off, valid, busy bool
	}
	for _, c := range []struct {
		what          string
		rows          []row
		fault, excuse bool
	}{
		{"the first is fine", []row{{}}, false, false},
		{"the last is fine", []row{{true, true, false}, {true, false, false}, {}}, false, false},
		{"all are off, and say so, on a busy machine", []row{{true, false, true}, {true, false, true}, {true, false, true}}, false, true},
		{"all are off, and say so, on a quiet machine", []row{{true, false, false}, {true, false, false}, {true, false, false}}, true, false},
		{"one had an excuse", []row{{true, false, false}, {true, false, true}, {true, false, false}}, false, true},
		{"one did not notice", []row{{true, false, true}, {true, true, true}, {true, false, true}}, true, true},
	} {
		n := 0
		fault, excuse := tries(3, t.Logf, func() (string, *result.Stage, bool) {
			r, s := c.rows[n], &result.Stage{}
			n++
			if !r.valid {
				s.Invalidate("the generator was late")
			}
			if r.off {
				return "off", s, r.busy
			}
			return "", s, r.busy
		})
		if n != len(c.rows) || (fault != "") != c.fault || (excuse != "") != c.excuse {
			t.Errorf("%s: after %d tries fault %q, excuse %q", c.what, n, fault, excuse)
		}
	}
}

// A rate is that of all threads together, and the arrivals at the edges of
// the window are neither lost nor sent twice, however many loops share them.
func TestRateIsTotalNotPerThread(t *testing.T) {
	t.Parallel()
	for _, model := range []load.Model{load.Constant, load.Poisson, load.Ramp} {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				s := newScripted(t, says(okReply))
				p := bench.Plan{Load: load.Of(model, 401), Seed: 7, Warmup: 150 * time.Millisecond, Duration: 500 * time.Millisecond}
				if model == load.Ramp {
					p.Load.Ramp.From = 100
				}
				stage := run(t, p, made(t, bench.HTTP{URL: s.url()}))
				want := planned(p, p.Warmup)
				all := planned(p, 0)
				if stage.Counts[result.OK] != int64(want) || stage.Counts.Planned() != int64(want) || s.seen() != all {
					t.Errorf("counts %v, %d requests; want %d ok of %d", stage.Counts, s.seen(), want, all)
				}
			})
		})
	}
}

// A burst is divided among loops so that each wave has all of its clients.
func TestNoArrivalIsLostAtTheEdges(t *testing.T) {
	t.Parallel()
	holdEdges(t, 1, 2, 101)
}

func TestSlowNoArrivalIsLostAtTheEdges(t *testing.T) {
	slow.Only(t)
	holdEdges(t, 100, 1001)
}

func holdEdges(t *testing.T, clients ...int) {
	for _, clients := range clients {
		eachThreads(t, func(t *testing.T, made made) {
			t.Parallel()
			s := newScripted(t, says(okReply))
			const waves, every = 3, 50 * time.Millisecond
			stage := run(t, bench.Plan{Load: bench.Load{Burst: clients, BurstInterval: every}, Duration: waves * every, Timeout: time.Minute, DrainTimeout: time.Minute}, made(t, bench.HTTP{URL: s.url()}))
			if n := int64(waves * clients); stage.Counts[result.OK] != n || int64(s.seen()) != n || s.connections() != clients {
				t.Errorf("counts %v, %d requests over %d connections; want %d waves of %d", stage.Counts, s.seen(), s.connections(), waves, clients)
			}
		})
	}
}

// Nothing is sent before its instant, in any load: number k comes k steps
// after the start of the stage at the earliest.
func TestNothingIsSentEarly(t *testing.T) {
	t.Parallel()
	const rate, length = 200, 300 * time.Millisecond
	plans := map[string]bench.Plan{
		"constant": {Load: bench.Load{Rate: rate, Arrivals: load.Constant}, Duration: length},
		"poisson":  {Load: bench.Load{Rate: rate}, Seed: 5, Duration: length},
		"burst":    {Load: bench.Load{Burst: 10, BurstInterval: 100 * time.Millisecond}, Duration: length},
		"ramp":     {Load: bench.Load{Ramp: load.Range{From: 50, To: 350}, Arrivals: load.Constant}, Duration: length},
		"ramp-up":  {Load: bench.Load{Clients: 10, RampUp: length, ThinkTime: time.Hour}, Duration: length},
	}
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				s := newScripted(t, says(okReply))
				began := clock.Now()
				run(t, p, made(t, bench.HTTP{URL: s.url()}))
				next := p.Schedule()
				if next == nil { // as clients begin evenly
					next = bench.Plan{Load: bench.Load{Rate: float64(p.Clients()) / p.Load.RampUp.Seconds(), Arrivals: load.Constant}}.Schedule()
				}
				log := s.log()
				slices.SortFunc(log, func(a, b request) int { return int(a.at - b.at) })
				for i, r := range log {
					if due := began + next(); r.at < due {
						t.Fatalf("request %d came %v before its instant", i, due-r.at)
					}
				}
				if len(log) < 10 {
					t.Errorf("%d requests", len(log))
				}
			})
		})
	}
}

// Callers who do not know of each other come with exponential gaps, also as
// the server sees them: the test of Kolmogorov and Smirnov, at 1 in 10,000.
func TestPoissonIsPoissonAtTheServer(t *testing.T) { holdPoisson(t, eachDriver, 500*time.Millisecond) }

func TestSlowPoissonIsPoissonAtTheServer(t *testing.T) {
	slow.Only(t)
	holdPoisson(t, eachThreads, 1200*time.Millisecond)
}

// over runs a test with each of some drivers.
type over func(t *testing.T, test func(t *testing.T, made made))

func holdPoisson(t *testing.T, each over, length time.Duration) {
	const rate = 300
	each(t, func(t *testing.T, made made) {
		atTheServer(t, func() (string, *result.Stage) {
			s := newScripted(t, says(okReply))
			stage := plannedRight(t, bench.Plan{Load: bench.Load{Rate: rate}, Seed: 11, Duration: length}, made(t, bench.HTTP{URL: s.url()}))
			g := gaps(arrived(s))
			slices.Sort(g)
			n := float64(len(g))
			var far float64
			for i, x := range g {
				f := 1 - math.Exp(-rate*x)
				far = max(far, f-float64(i)/n, float64(i+1)/n-f)
			}
			if bound := math.Sqrt(-math.Log(1e-4/2) / 2 / n); far > bound {
				return t.Name() + ": the distribution of gaps is off by " + number(far) + ", above " + number(bound), stage
			}
			return "", stage
		})
	})
}

// A constant rate neither drifts nor comes in bursts, as it does from a bucket
// of tokens that is filled every so often.
func TestConstantRateKeepsItsGrid(t *testing.T) { holdGrid(t, eachDriver, 400*time.Millisecond) }

func TestSlowConstantRateKeepsItsGrid(t *testing.T) {
	slow.Only(t)
	holdGrid(t, eachThreads, 800*time.Millisecond)
}

func holdGrid(t *testing.T, each over, length time.Duration) {
	const rate = 500
	const gap = time.Second / rate
	n := int(length / gap)
	each(t, func(t *testing.T, made made) {
		atTheServer(t, func() (string, *result.Stage) {
			s := newScripted(t, says(okReply))
			// Handshakes are made before: a request that waits for one comes to the server late.
			const warmup = 50
			p := bench.Plan{Load: bench.Load{Rate: rate, Arrivals: load.Constant}, Warmup: warmup * gap, Duration: length}
			stage := plannedRight(t, p, made(t, bench.HTTP{URL: s.url()}))
			at := arrived(s)
			if len(at) != warmup+n || stage.Counts[result.OK] != int64(n) {
				t.Fatalf("counts %v, %d requests, want %d and %d before", stage.Counts, len(at), n, warmup)
			}
			at = at[warmup:]
			off := make([]time.Duration, len(at))
			for i := range at {
				off[i] = at[i] - time.Duration(i)*gap
			}
			tenth := len(off) / 10
			first, last := median(off[:tenth]), median(off[len(off)-tenth:])
			if drift := (last - first).Abs(); drift > gap/2 {
				return t.Name() + ": it drifts by " + drift.String(), stage
			}
			// Bursts of k have a variation of √(k−1).
			if cv := variation(gaps(at)); cv > 1 {
				return t.Name() + ": the gaps vary by " + number(cv), stage
			}
			return "", stage
		})
	})
}

func median(x []time.Duration) time.Duration {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// stalling answers at once but for a while, after which it answers all that
// came in between.
type stalling struct {
	after, stall time.Duration

	mu    sync.Mutex
	first time.Duration
	held  int
}

func (s *stalling) serve(c net.Conn) bool {
	now := clock.Now()
	s.mu.Lock()
	if s.first == 0 {
		s.first = now
	}
	from := s.first + s.after
	in := now >= from && now < from+s.stall
	if in {
		s.held++
	}
	s.mu.Unlock()
	if in {
		clock.Sleep(nil, from+s.stall)
	}
	return says(okReply)(c)
}

// The fault that separates honest generators from others: a stall shows in
// an open load as rate × stall late samples in a straight line. A slow machine
// may add to what is late, and takes nothing from it.
func TestClockDoesNotStartAtDequeue(t *testing.T) {
	t.Parallel()
	const rate, stall = 500, 400 * time.Millisecond
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		// Also where few connections are allowed, on which all wait in turn.
		for _, most := range []int{1000, 7} {
			server := &stalling{after: 200 * time.Millisecond, stall: stall}
			s := newScripted(t, server.serve)
			stage := run(t, bench.Plan{Load: bench.Load{Rate: rate, Arrivals: load.Constant}, MaxConnections: most, Duration: 800 * time.Millisecond, DrainTimeout: time.Minute}, made(t, bench.HTTP{URL: s.url()}))
			if stage.Counts[result.OK] != 400 {
				t.Errorf("counts %v, want 400 ok", stage.Counts)
			}
			for tenth := range 10 {
				late := stage.Latency.CountBetween(stall*time.Duration(tenth)/10*999/1000, time.Hour)
				if least := int64((10-tenth)*rate*int(stall/time.Millisecond)/10_000 - 2); late < least {
					t.Errorf("of %d connections %d samples are late by %d tenths of the stall, want %d at the least", most, late, tenth, least)
				}
			}
		}
	})
}

// A closed load does not show that stall: each client waits with the server,
// once. What it did not send must not be made up afterwards.
func TestNothingIsBackFilled(t *testing.T) {
	t.Parallel()
	const clients = 20
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		server := &stalling{after: 100 * time.Millisecond, stall: 300 * time.Millisecond}
		s := newScripted(t, server.serve)
		stage := run(t, bench.Plan{Load: bench.Load{Clients: clients, ThinkTime: 5 * time.Millisecond}, Duration: 500 * time.Millisecond}, made(t, bench.HTTP{URL: s.url()}))
		if server.held > clients {
			t.Errorf("%d clients had %d requests in the stall", clients, server.held)
		}
		if n := int64(s.seen()); stage.Latency.N() != n || stage.Counts.Planned() != n || stage.Lag.N() != n {
			t.Errorf("%d latencies and %d lags of %d arrivals, but the server saw %d", stage.Latency.N(), stage.Lag.N(), stage.Counts.Planned(), n)
		}
	})
}

// Generators that drive shares of a load over real connections send each arrival's number
// once, and none is left out: what follows from the number is what one generator sends.
func TestSharesSendEachNumberOnce(t *testing.T) {
	const of, clients = 2, 5
	eachThreads(t, func(t *testing.T, made made) {
		for _, l := range []bench.Load{{Rate: 200, Arrivals: load.Constant}, {Burst: clients, BurstInterval: 60 * time.Millisecond}, {Clients: clients, ThinkTime: 20 * time.Millisecond}} {
			s := newScripted(t, says(okReply))
			data, err := bench.DataFiles{}.Read()
			if err != nil {
				t.Fatal(err)
			}
			planned := int64(0)
			sent := map[int]int{} // how often, by number
			for part := range of {
				p := bench.Plan{Load: l, Duration: 300 * time.Millisecond, MaxLag: time.Hour, Share: bench.Share{Part: part, Of: of}}
				planned += run(t, p, made(t, bench.HTTP{URL: s.url() + "{seq}", Data: data})).Counts.Planned()
				seen := 0
				for _, r := range s.log() {
					n, err := strconv.Atoi(strings.TrimPrefix(r.resource, "/"))
					if err != nil {
						t.Fatal(err)
					}
					n-- // {seq} counts from 1
					if own := n % of; l.Model().Open() && own == part || !l.Model().Open() && n%clients%of == part {
						sent[n]++
						seen++
					}
				}
				if seen == 0 {
					t.Errorf("%v: part %d sent none of its numbers", l, part)
				}
			}
			if int64(len(sent)) != planned || len(s.log()) != len(sent) {
				t.Errorf("%v: %d requests with %d numbers, want %d", l, len(s.log()), len(sent), planned)
			}
			for n := range len(sent) {
				if l.Model() != load.Closed && sent[n] != 1 {
					t.Errorf("%v: number %d was sent %d times", l, n, sent[n])
				}
			}
		}
	})
}
