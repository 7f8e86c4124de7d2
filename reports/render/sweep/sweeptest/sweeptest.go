// Package sweeptest makes stages for the tests of what is drawn and written of a run.
package sweeptest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// Made describes a synthetic stage: so many requests per second for three seconds, and
// how long they take.
type Made struct {
	Target, Load     string
	Level            int
	OK, Rejected     float64 // per second
	Timeouts         float64 // per second
	Latency          time.Duration
	Jitter           time.Duration // mean of the exponential part of the latency
	RejectedIn       time.Duration // latency of rejected
	Repeat           int
	Workers          int
	Queue            int
	Usage            result.Usage
	Invalid, Warning string
}

// Stages are stages in order.
func Stages(all ...Made) []*result.Stage {
	var stages []*result.Stage
	for _, m := range all {
		stages = append(stages, m.Stage())
	}
	return stages
}

const length = 3 * time.Second

// Stage is the stage that m describes.
func (m Made) Stage() *result.Stage {
	r := rand.New(rand.NewPCG(uint64(m.Level), uint64(len(m.Target)+100*m.Repeat)))
	s := result.NewStage()
	s.Settings = result.Settings{
		{Key: "target", Value: m.Target}, {Key: "backend", Value: "sim"}, {Key: "backend-latency", Value: "200ms"},
		{Key: "load", Value: m.Load}, {Key: "level", Value: strconv.Itoa(m.Level)}, {Key: "driver", Value: "epoll"},
		{Key: "duration", Value: length.String()}, {Key: "repeat", Value: strconv.Itoa(max(m.Repeat, 1))},
	}
	if m.Workers > 0 {
		s.Settings = s.Settings.With("workers", strconv.Itoa(m.Workers)).With("queue", strconv.Itoa(m.Queue))
	}
	if m.Load == "closed" {
		s.Settings = s.Settings.With("backoff", "200ms").With("ramp-up", "2s")
	}
	s.Start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s.Length = length
	s.Target = m.Usage
	n := func(rate float64) int64 { return int64(rate*length.Seconds() + 0.5) }
	s.Counts[result.OK], s.Counts[result.Rejected], s.Counts[result.Timeout] = n(m.OK), n(m.Rejected), n(m.Timeouts)
	for range n(m.OK) {
		d := m.Latency + time.Duration(r.ExpFloat64()*float64(m.Jitter))
		s.Uncorrected.Record(d)
		s.Latency.Record(d + time.Duration(r.ExpFloat64()*float64(20*time.Microsecond)))
		s.Lag.Record(20 * time.Microsecond)
	}
	for range n(m.Rejected) {
		s.Rejected.Record(m.RejectedIn + time.Duration(r.ExpFloat64()*float64(m.RejectedIn/5+1)))
	}
	if m.Warning != "" {
		s.Warn("%s", m.Warning)
	}
	if m.Invalid != "" {
		s.Invalidate("%s", m.Invalid)
	}
	return s
}

var levels = []int{1, 50, 100, 200, 300, 500, 1000, 2000}

// Pool is what a closed load of n clients meets in a blocking target with 200
// workers and room for 100 more: those beyond are rejected at once, and
// try again after 200 ms.
func Pool(n int) Made {
	m := Made{
		Target: "blocking", Load: "closed", Level: n, Workers: 200, Queue: 100,
		OK: min(float64(n), 200) * 5, Latency: 200 * time.Millisecond, Jitter: 700 * time.Microsecond,
		Usage: result.Usage{CPU: time.Duration(n) * 300 * time.Microsecond * 3, RSSMax: 40 << 20, ThreadsMax: 214},
	}
	if n > 200 {
		m.Latency = time.Duration(min(n, 300)) * time.Millisecond
	}
	if n > 300 {
		m.Rejected, m.RejectedIn = float64(n-300)*5, 400*time.Microsecond
	}
	return m
}

// Free is what a closed load of n clients meets in a target without a limit.
func Free(target string, n int) Made {
	return Made{
		Target: target, Load: "closed", Level: n, OK: float64(n) * 5, Latency: 200 * time.Millisecond,
		Jitter: 600*time.Microsecond + time.Duration(n)*700*time.Nanosecond,
		Usage:  result.Usage{CPU: time.Duration(n) * 150 * time.Microsecond * 3, RSSMax: 20<<20 + int64(n)*9000, ThreadsMax: 6},
	}
}

// Default is the three styles under a closed load.
func Default() []*result.Stage {
	var stages []*result.Stage
	for _, n := range levels {
		stages = append(stages, Pool(n).Stage())
	}
	for _, target := range []string{"goroutine", "eventloop"} {
		for _, n := range levels {
			stages = append(stages, Free(target, n).Stage())
		}
	}
	return stages
}

// Open is a poisson load on a pool of 50 workers without a queue, which
// carries 250/s, and on a target that queues without a limit.
func Open() []*result.Stage {
	var stages []*result.Stage
	for _, rate := range []int{50, 100, 150, 200, 250, 300, 400} {
		offered := float64(rate)
		lost := max(0, offered-240) + offered*offered/40000
		stages = append(stages, Made{
			Target: "blocking", Load: "poisson", Level: rate, OK: offered - lost, Rejected: lost,
			Latency: 200 * time.Millisecond, Jitter: 2 * time.Millisecond, RejectedIn: 80 * time.Millisecond, Workers: 50,
		}.Stage())
		wait := time.Duration(0)
		if rate > 200 {
			wait = time.Duration(rate-200) * 12 * time.Millisecond
		}
		stages = append(stages, Made{
			Target: "goroutine", Load: "poisson", Level: rate, OK: offered, Timeouts: max(0, offered-340),
			Latency: 200*time.Millisecond + wait, Jitter: 3*time.Millisecond + wait/4,
		}.Stage())
	}
	return stages
}

// Queued is a poisson load on a queue whose consumers do 250/s, of which
// more and more waits, beside a pool.
func Queued() []*result.Stage {
	var stages []*result.Stage
	for _, rate := range []int{50, 100, 200, 240, 300} {
		offered := float64(rate)
		stages = append(stages, Made{
			Target: "goroutine", Load: "poisson", Level: rate, OK: offered, Latency: 200 * time.Millisecond, Jitter: 2 * time.Millisecond,
		}.Stage())
		s := Made{
			Target: "queue", Load: "poisson", Level: rate, OK: offered, Latency: time.Millisecond, Jitter: 500 * time.Microsecond,
			Usage: result.Usage{CPU: time.Duration(rate) * 400 * time.Microsecond * 3, RSSMax: 25 << 20, ThreadsMax: 11},
		}.Stage()
		s.Settings = s.Settings.With("consumers", "50").With(result.KeyBrokerStore, "file").With(result.KeyBrokerSync, "always")
		q := result.NewCompletion()
		q.Accepted = s.Counts[result.OK]
		for i := range q.Accepted {
			wait := max(0, offered-250) / 250 * float64(i) / offered
			q.Latency.Record(201*time.Millisecond + time.Duration(wait*float64(time.Second)) + time.Duration(i%37)*100*time.Microsecond)
		}
		if rate == 300 {
			q.Backlog, q.Duplicates = 40, 3
			q.Accepted += 40
			s.Counts[result.OK] += 40
			for range 40 {
				s.Latency.Record(time.Millisecond)
				s.Uncorrected.Record(time.Millisecond)
			}
		}
		s.Completion = q
		stages = append(stages, s)
	}
	return stages
}

// URL is a server that is not ours, under a closed load.
func URL() []*result.Stage {
	var stages []*result.Stage
	for _, n := range []int{1, 8, 16, 32, 64, 128, 256} {
		rate := min(float64(n)*50, 1600)
		m := Made{
			Target: "https://shop.example.org/checkout/v2/api/orders?user_id=42&expand=items", Load: "closed", Level: n,
			OK: rate, Latency: time.Duration(float64(n) / rate * float64(time.Second) * 0.9), Jitter: 3 * time.Millisecond,
		}
		s := m.Stage()
		s.Settings = s.Settings.With("backend", "").With("backend-latency", "")
		stages = append(stages, s)
	}
	return stages
}

// Shop is sessions of four steps, of which one slows down as clients are added.
func Shop() []*result.Stage {
	var stages []*result.Stage
	for _, n := range []int{10, 50, 200} {
		order := 40*time.Millisecond + time.Duration(n)*time.Millisecond
		session := Made{Target: "http://127.0.0.1:8080", Load: "closed", Level: n, Latency: 300*time.Millisecond + order, Jitter: 20 * time.Millisecond,
			Usage: result.Usage{CPU: time.Duration(n) * 2 * time.Millisecond, RSSMax: 40 << 20, ThreadsMax: 9}}
		session.OK = float64(n) / (session.Latency + session.Jitter).Seconds()
		for _, k := range []struct {
			name string
			made Made
		}{
			{result.SessionStep, session},
			{"log in", Made{Latency: 60 * time.Millisecond, Jitter: 4 * time.Millisecond}},
			{"list", Made{Latency: 6 * time.Millisecond, Jitter: 2 * time.Millisecond}},
			{"order", Made{Latency: order, Jitter: 8 * time.Millisecond}},
			{"pay", Made{Latency: 34 * time.Millisecond, Jitter: 3 * time.Millisecond}},
		} {
			m := k.made
			m.Target, m.Load, m.Level, m.OK = session.Target, session.Load, session.Level, session.OK
			if k.name == "pay" && n == 200 {
				m.OK, m.Timeouts = 0.996*m.OK, 0.004*m.OK
			}
			s := m.Stage()
			s.Settings = s.Settings.With(result.KeyBackend, "").With(result.KeyBackendLatency, "").With(result.KeyScenario, "shop").With(result.KeyStep, k.name)
			stages = append(stages, s)
		}
	}
	return stages
}

// Repeated is a pool that is driven three times; one repeat is not valid.
func Repeated() []*result.Stage {
	var stages []*result.Stage
	for rep := 1; rep <= 3; rep++ {
		for _, n := range []int{50, 100, 200, 400, 800} {
			m := Pool(n)
			m.Repeat = rep
			m.Latency += time.Duration(rep*n/10) * time.Millisecond
			if n == 400 && rep == 2 {
				m.Invalid = "the generator was late: lag p99 is 41 ms"
			}
			stages = append(stages, m.Stage())
		}
	}
	return stages
}

// Spoiled has levels that the generator spoiled, and one without success.
func Spoiled() []*result.Stage {
	var stages []*result.Stage
	for _, n := range levels {
		m := Pool(n)
		m.Warning = "both share the same cores"
		if n >= 1000 {
			m.Invalid = fmt.Sprintf("the generator was late: lag p99 is %d ms", n/50)
		}
		stages = append(stages, m.Stage())
		e := Free("eventloop", n)
		if n == 300 {
			e.Invalid = "the generator used 98 % of its CPU"
		}
		if n == 2000 {
			e.OK, e.Timeouts = 0, 600
		}
		stages = append(stages, e.Stage())
	}
	return stages
}

// Stalled is one stall of 2 s under a constant rate and under a closed
// load, as arithmetic has it.
func Stalled() []*result.Stage {
	const wait, stall = 200 * time.Millisecond, 2 * time.Second
	open := Made{Target: "goroutine", Load: "constant", Level: 500, OK: 500, Latency: wait}.Stage()
	closed := Made{Target: "goroutine", Load: "closed", Level: 100, OK: 400, Latency: wait}.Stage()
	late := func(s *result.Stage, n int, from time.Duration) {
		for i := range n {
			d := wait + from + time.Duration(float64(stall-from)*float64(i+1)/float64(n))
			s.Latency.Record(d)
			s.Uncorrected.Record(d)
			s.Counts[result.OK]++
		}
		s.Settings = s.Settings.With(result.KeyBackendStall, "2s@5s")
	}
	late(open, 1000, 0)
	late(closed, 100, stall-wait)
	return []*result.Stage{open, closed}
}

// Sliced gives a stage slices of 250 ms: those in which stall reports true served
// nobody and made the next ones slow, and those in which disturbed does were disturbed.
func Sliced(s *result.Stage, length time.Duration, stall, disturbed func(i int) bool) *result.Stage {
	const each = 250 * time.Millisecond
	r := rand.New(rand.NewPCG(uint64(s.Level()), 7))
	n := int(length / each)
	rate := s.Goodput() * each.Seconds()
	rejected := float64(s.Counts[result.Rejected]) / s.Length.Seconds() * each.Seconds()
	for i := range n {
		grow := 1.0
		if s.Load() == "ramp" {
			grow = 2 * float64(i+1) / float64(n)
		}
		slice := result.Slice{
			Offset: time.Duration(i) * each, Length: each, Latency: new(result.Sparse), LagP99: 40*time.Microsecond + time.Duration(r.IntN(20))*time.Microsecond,
			LagMax: 200 * time.Microsecond, Target: result.Spent{CPU: time.Duration(grow * rate * 200e3), RSS: 40<<20 + int64(i)<<14},
			Generator: result.Spent{CPU: time.Duration(grow * rate * 60e3), RSS: 30 << 20},
		}
		base := s.Latency.Quantile(0.5)
		slow := time.Duration(max(0, grow-1.5) * 4 * float64(base))
		for range int64(rate * grow) {
			d := base + slow + time.Duration(r.ExpFloat64()*float64(base)/100)
			if i > 0 && stall(i-1) || stall(i) {
				d += time.Duration(r.Float64() * float64(6*base))
			}
			slice.Latency.Record(d)
		}
		slice.Counts[result.OK] = slice.Latency.N()
		slice.Counts[result.Rejected] = int64(rejected * max(0, grow*2-1))
		if disturbed(i) {
			slice.Disturbed, slice.Cause, slice.LagMax, slice.Steal = each, "steal 60 ms", 60*time.Millisecond, 60*time.Millisecond
		}
		s.Slices = append(s.Slices, slice)
	}
	for len(s.Slices) > result.MaxSlices {
		s.Slices = result.Halve(s.Slices)
	}
	return s
}

// OverTime is a soak of ten minutes, a ramp, and a sweep of short stages, with slices.
func OverTime() []*result.Stage {
	never := func(int) bool { return false }
	soak := Free("goroutine", 300)
	soak.Load = "poisson"
	ramp := Pool(300)
	ramp.Load, ramp.Target, ramp.Rejected, ramp.RejectedIn = "ramp", "http://127.0.0.1:8080/ramp", 300, time.Millisecond
	stages := []*result.Stage{
		Sliced(soak.Stage(), 10*time.Minute, func(i int) bool { return i%500 == 300 }, func(i int) bool { return i%700 > 640 }),
		Sliced(ramp.Stage(), 30*time.Second, never, never),
	}
	for _, s := range Default() {
		stages = append(stages, Sliced(s, 3*time.Second, func(i int) bool { return i == 5 && s.Level() == 500 }, func(i int) bool { return i == 8 && s.Level() == 100 }))
	}
	return stages
}

// Run is the run that the stages belong to.
func Run() result.Run {
	return result.Run{
		Schema: 1, ID: "20261101-120000", Command: []string{"onhold", "run", "blocking", "goroutine", "eventloop"},
		Started: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Finished: time.Date(2026, 11, 1, 12, 2, 0, 0, time.UTC),
		Planned: 24, Settings: result.Settings{{Key: "backend-dist", Value: "constant"}, {Key: "seed", Value: "1"}},
		Environment: result.Environment{
			Host: "bench-1", OS: "linux", Arch: "amd64", Kernel: "6.8.0", CPU: "AMD EPYC 7763", Cores: 2,
			Memory: 8 << 30, Go: "go1.26.0", Onhold: "v0.1.0", Commit: "7616788c0ffee",
		},
		Notes: []string{"target on CPU 0, generator on CPU 1"},
	}
}
