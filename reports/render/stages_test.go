package render

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// made describes a synthetic stage: so many a second for three seconds, and
// how long they take.
type made struct {
	target, load  string
	level         int
	ok, rejected  float64 // per second
	timeouts      float64 // per second
	latency       time.Duration
	jitter        time.Duration // mean of the exponential part of the latency
	turnedIn      time.Duration // latency of rejected
	rep           int
	workers       int
	queue         int
	usage         result.Usage
	invalid, warn string
}

const madeLength = 3 * time.Second

func (m made) stage() *result.Stage {
	r := rand.New(rand.NewPCG(uint64(m.level), uint64(len(m.target)+100*m.rep)))
	s := result.NewStage()
	s.Settings = result.Settings{
		{Key: "target", Value: m.target}, {Key: "backend", Value: "sim"}, {Key: "backend_latency", Value: "200ms"},
		{Key: "load", Value: m.load}, {Key: "level", Value: strconv.Itoa(m.level)}, {Key: "driver", Value: "epoll"},
		{Key: "stage", Value: madeLength.String()}, {Key: "rep", Value: strconv.Itoa(max(m.rep, 1))},
	}
	if m.workers > 0 {
		s.Settings = s.Settings.With("workers", strconv.Itoa(m.workers)).With("queue", strconv.Itoa(m.queue))
	}
	if m.load == "closed" {
		s.Settings = s.Settings.With("reject_pause", "200ms").With("spread", "2s")
	}
	s.Start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s.Length = madeLength
	s.Target = m.usage
	n := func(rate float64) int64 { return int64(rate*madeLength.Seconds() + 0.5) }
	s.Counts[result.OK], s.Counts[result.Rejected], s.Counts[result.Timeout] = n(m.ok), n(m.rejected), n(m.timeouts)
	for range n(m.ok) {
		d := m.latency + time.Duration(r.ExpFloat64()*float64(m.jitter))
		s.Uncorrected.Record(d)
		s.Latency.Record(d + time.Duration(r.ExpFloat64()*float64(20*time.Microsecond)))
		s.Lag.Record(20 * time.Microsecond)
	}
	for range n(m.rejected) {
		s.Rejected.Record(m.turnedIn + time.Duration(r.ExpFloat64()*float64(m.turnedIn/5+1)))
	}
	if m.warn != "" {
		s.Warn("%s", m.warn)
	}
	if m.invalid != "" {
		s.Invalidate("%s", m.invalid)
	}
	return s
}

var defaultLevels = []int{1, 50, 100, 200, 300, 500, 1000, 2000}

// pool is what a closed load of n clients meets in a blocking target with 200
// workers and room for 100 more: those beyond are turned away at once, and
// try again after 200 ms.
func pool(n int) made {
	m := made{
		target: "blocking", load: "closed", level: n, workers: 200, queue: 100,
		ok: min(float64(n), 200) * 5, latency: 200 * time.Millisecond, jitter: 700 * time.Microsecond,
		usage: result.Usage{CPU: time.Duration(n) * 300 * time.Microsecond * 3, RSSMax: 40 << 20, ThreadsMax: 214},
	}
	if n > 200 {
		m.latency = time.Duration(min(n, 300)) * time.Millisecond
	}
	if n > 300 {
		m.rejected, m.turnedIn = float64(n-300)*5, 400*time.Microsecond
	}
	return m
}

// free is what a closed load of n clients meets in a target without a limit.
func free(target string, n int) made {
	return made{
		target: target, load: "closed", level: n, ok: float64(n) * 5, latency: 200 * time.Millisecond,
		jitter: 600*time.Microsecond + time.Duration(n)*700*time.Nanosecond,
		usage:  result.Usage{CPU: time.Duration(n) * 150 * time.Microsecond * 3, RSSMax: 20<<20 + int64(n)*9000, ThreadsMax: 6},
	}
}

func defaultStages() []*result.Stage {
	var stages []*result.Stage
	for _, n := range defaultLevels {
		stages = append(stages, pool(n).stage())
	}
	for _, target := range []string{"goroutine", "eventloop"} {
		for _, n := range defaultLevels {
			stages = append(stages, free(target, n).stage())
		}
	}
	return stages
}

// openStages is a poisson load on a pool of 50 workers without a queue, which
// carries 250/s, and on a target that queues without a limit.
func openStages() []*result.Stage {
	var stages []*result.Stage
	for _, rate := range []int{50, 100, 150, 200, 250, 300, 400} {
		offered := float64(rate)
		lost := max(0, offered-240) + offered*offered/40000
		stages = append(stages, made{
			target: "blocking", load: "poisson", level: rate, ok: offered - lost, rejected: lost,
			latency: 200 * time.Millisecond, jitter: 2 * time.Millisecond, turnedIn: 80 * time.Millisecond, workers: 50,
		}.stage())
		wait := time.Duration(0)
		if rate > 200 {
			wait = time.Duration(rate-200) * 12 * time.Millisecond
		}
		stages = append(stages, made{
			target: "goroutine", load: "poisson", level: rate, ok: offered, timeouts: max(0, offered-340),
			latency: 200*time.Millisecond + wait, jitter: 3*time.Millisecond + wait/4,
		}.stage())
	}
	return stages
}

// queueStages is a poisson load on a queue whose consumers do 250/s, of which
// more and more waits, beside a pool.
func queueStages() []*result.Stage {
	var stages []*result.Stage
	for _, rate := range []int{50, 100, 200, 240, 300} {
		offered := float64(rate)
		stages = append(stages, made{
			target: "goroutine", load: "poisson", level: rate, ok: offered, latency: 200 * time.Millisecond, jitter: 2 * time.Millisecond,
		}.stage())
		s := made{
			target: "queue", load: "poisson", level: rate, ok: offered, latency: time.Millisecond, jitter: 500 * time.Microsecond,
			usage: result.Usage{CPU: time.Duration(rate) * 400 * time.Microsecond * 3, RSSMax: 25 << 20, ThreadsMax: 11},
		}.stage()
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

func urlStages() []*result.Stage {
	var stages []*result.Stage
	for _, n := range []int{1, 8, 16, 32, 64, 128, 256} {
		rate := min(float64(n)*50, 1600)
		m := made{
			target: "https://shop.example.org/checkout/v2/api/orders?user_id=42&expand=items", load: "closed", level: n,
			ok: rate, latency: time.Duration(float64(n) / rate * float64(time.Second) * 0.9), jitter: 3 * time.Millisecond,
		}
		s := m.stage()
		s.Settings = s.Settings.With("backend", "").With("backend_latency", "")
		stages = append(stages, s)
	}
	return stages
}

func repeatedStages() []*result.Stage {
	var stages []*result.Stage
	for rep := 1; rep <= 3; rep++ {
		for _, n := range []int{50, 100, 200, 400, 800} {
			m := pool(n)
			m.rep = rep
			m.latency += time.Duration(rep*n/10) * time.Millisecond
			if n == 400 && rep == 2 {
				m.invalid = "the generator was late: lag p99 is 41 ms"
			}
			stages = append(stages, m.stage())
		}
	}
	return stages
}

// spoiledStages has levels that the generator spoiled, and one without success.
func spoiledStages() []*result.Stage {
	var stages []*result.Stage
	for _, n := range defaultLevels {
		m := pool(n)
		m.warn = "both share the same cores"
		if n >= 1000 {
			m.invalid = fmt.Sprintf("the generator was late: lag p99 is %d ms", n/50)
		}
		stages = append(stages, m.stage())
		e := free("eventloop", n)
		if n == 300 {
			e.invalid = "the generator used 98 % of its CPU"
		}
		if n == 2000 {
			e.ok, e.timeouts = 0, 600
		}
		stages = append(stages, e.stage())
	}
	return stages
}

func madeRun() result.Run {
	return result.Run{
		Schema: 1, ID: "20261101-120000", Command: []string{"onhold", "run", "--targets", "blocking,goroutine,eventloop"},
		Started: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Finished: time.Date(2026, 11, 1, 12, 2, 0, 0, time.UTC),
		Planned: 24, Settings: result.Settings{{Key: "backend_dist", Value: "constant"}, {Key: "seed", Value: "1"}},
		Environment: result.Environment{
			Host: "bench-1", OS: "linux", Arch: "amd64", Kernel: "6.8.0", CPU: "AMD EPYC 7763", Cores: 2,
			Memory: 8 << 30, Go: "go1.26.0", Onhold: "v0.1.0", Commit: "7616788c0ffee",
		},
		Notes: []string{"target on CPU 0, generator on CPU 1"},
	}
}
