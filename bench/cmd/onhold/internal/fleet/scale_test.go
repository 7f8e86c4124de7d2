package fleet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	scaleAgents = 1000
	scaleRate   = 400 // arrivals per second of each
	// scaleBus has this program be the agents: the URL of their bus.
	scaleBus = "FLEET_TEST_BUS"
)

func init() { children[scaleBus] = simulateAgents }

// BenchmarkThousandAgentsOverNATS is a coordinator and its bus, which are this process, in
// a stage that 1,000 agents drive, which are another. An iteration is a second of the
// stage: -benchtime=20x. It reports CPU in the stage, the most memory, and the CPU of what
// comes after it: the records are taken and put together.
func BenchmarkThousandAgentsOverNATS(b *testing.B) {
	bus, err := Embed()
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Close()
	agents := exec.Command(os.Args[0])
	agents.Env = append(os.Environ(), scaleBus+"="+bus.URL)
	agents.Stderr = os.Stderr
	if err := agents.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { agents.Process.Kill(); agents.Wait() }()
	f, err := Lead(b.Context(), bus, Config{Run: "r", Version: "v", Agents: scaleAgents, Plan: []byte("plan"), Gather: 5 * time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	seconds := max(b.N, 5)
	p := bench.Plan{Load: bench.Load{Rate: scaleAgents * scaleRate, Arrivals: load.Constant}, Duration: time.Duration(seconds) * time.Second, DrainTimeout: 30 * time.Second, Timeout: 30 * time.Second}
	all, after := host.Self(), host.Self()
	var whole, rest result.Usage
	var window time.Duration
	p.Watch = func(l bench.Live) {
		if l.From == 0 && !l.Last {
			err = all.Start()
			window = -l.To
		}
		if window < 0 && l.To >= p.Duration-time.Second {
			window += l.To
			if whole, err = all.Stop(); err == nil {
				err = after.Start()
			}
		}
	}
	s, failed := f.Stage(b.Context(), []byte(strconv.Itoa(seconds)), p, nil)
	if failed != nil || err != nil || window <= 0 {
		b.Fatal(failed, err, window)
	}
	if rest, err = after.Stop(); err != nil {
		b.Fatal(err)
	}
	if s.Counts.Planned() != int64(scaleAgents*scaleRate*seconds) {
		b.Errorf("%v", s.Counts)
	}
	b.ReportMetric(100*whole.CPU.Seconds()/window.Seconds(), "%core")
	b.ReportMetric(float64(whole.RSSMax)/1e6, "MB")
	b.ReportMetric(float64(rest.RSSMax)/1e6, "MB-after")
	b.ReportMetric(rest.CPU.Seconds(), "s-CPU-after")
	var worst time.Duration
	for _, a := range s.Agents {
		worst = max(worst, a.Clock)
	}
	b.ReportMetric(float64(worst)/1e3, "µs-clock-bound")
}

// simulateAgents are agents that drive nothing, and report what a script says.
func simulateAgents(url string) error {
	var running sync.WaitGroup
	for i := range scaleAgents {
		bus, err := Connect(BusConfig{URL: url})
		if err != nil {
			return err
		}
		a := &scripted{bus: bus, inbox: make(chan func(), 64)}
		a.machine = &agent{hello: Hello{Agent: fmt.Sprintf("agent-%04d", i), Instance: strconv.Itoa(i), Version: "v", Host: "h"}, driver: a, part: mostPart}
		running.Go(a.serve)
	}
	running.Wait()
	return nil
}

// scripted is an agent with its driver.
type scripted struct {
	bus     *Bus
	machine *agent
	inbox   chan func()
	seconds int
}

func (a *scripted) serve() {
	_ = subscribe(a.bus, callSubject, func(c Call) {
		a.inbox <- func() {
			if h, ok := a.machine.called(c); ok {
				a.bus.publish(helloSubject(c.Run), h)
			}
		}
	})
	_ = subscribe(a.bus, orderSubject("*", a.machine.hello.Agent), func(o Order) { a.inbox <- func() { a.machine.order(clock.Now(), o) } })
	for do := range a.inbox {
		do()
	}
}

func (a *scripted) accept([]byte) error { return nil }

func (a *scripted) prepare(stage int, spec []byte, _ bench.Share) {
	a.seconds, _ = strconv.Atoi(string(spec))
	go func() { a.inbox <- func() { a.machine.ready(stage, nil) } }()
}

func (a *scripted) start(stage int, at time.Duration) {
	reports, text := script(a.seconds)
	go func() {
		time.Sleep(at - clock.Now())
		for i := range a.seconds {
			time.Sleep(at + time.Duration(i+1)*time.Second - clock.Now())
			a.inbox <- func() { a.machine.progress(stage, reports[i]) }
		}
		a.inbox <- func() { a.machine.ended(stage, text, nil) }
	}()
}

// script is what each agent reports of a stage, and its record.
var script = func() func(int) ([]*Progress, []byte) {
	var once sync.Once
	var reports []*Progress
	var text []byte
	return func(seconds int) ([]*Progress, []byte) {
		once.Do(func() {
			r := rand.New(rand.NewPCG(1, 1))
			so := &sum{latency: new(result.Sparse), lag: new(result.Sparse)}
			s := result.NewStage()
			s.Length = time.Duration(seconds) * time.Second
			for k := range 4 * seconds {
				slice := result.Slice{Offset: time.Duration(k) * time.Second / 4, Length: time.Second / 4, Latency: new(result.Sparse)}
				l := bench.Live{To: slice.Offset + slice.Length, Latency: slice.Latency, Lag: new(result.Sparse)}
				for range scaleRate / 4 {
					took, lag := time.Duration(20e6+r.ExpFloat64()*10e6), time.Duration(r.ExpFloat64()*50e3)
					slice.Latency.Record(took)
					l.Lag.Record(lag)
					slice.Counts[result.OK]++
					s.Counts[result.OK]++
					s.Latency.Record(took)
					s.Uncorrected.Record(took - lag)
					s.Lag.Record(lag)
				}
				l.Counts = slice.Counts
				s.Slices = append(s.Slices, slice)
				if p := so.add(l); p != nil {
					reports = append(reports, p)
				}
			}
			text, _ = recordOf(s, nil)
		})
		return reports, text
	}
}()

func (a *scripted) cut(int)           {}
func (a *scripted) abandon(int)       {}
func (a *scripted) send(s State)      { a.bus.publish(stateSubject(s.Run, s.Agent), &s) }
func (a *scripted) store(*kept) error { return nil }

func (a *scripted) say(string) {}
