package fleet

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/netns"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
)

var (
	faultRuns = flag.Int("faults", len(networkFaults), "runs of TestSlowNetworkFaults, each with a fault")
	faultSeed = flag.Uint64("faults-seed", 1, "of their random instants")
	faultOnly = flag.String("faults-only", "", "the one fault that they have")
)

// The stage of a run with a fault. A tenth of the requests take slowReply, so that there
// is something to drain.
const (
	faultRate      = 150
	faultWarmup    = 300 * time.Millisecond
	faultDuration  = time.Second
	faultDrain     = time.Second
	slowReply      = 300 * time.Millisecond
	faultGather    = 10 * time.Second
	faultRunLength = 5 * time.Second // both stages, with what lies before and between them
)

// networkFault is something that happens to a fleet in a run.
type networkFault struct {
	name string
	// When it begins: from when the run was started, or where it has a phase, from the
	// first request of its agent in the first stage.
	phase    bool
	from, to time.Duration
	before   func(f *faulty) // the run starts
	begin    func(f *faulty) // at that instant; it returns once the fault is over
	effect   effect
	all      bool // it happens to all agents
}

// effect is what must follow from a fault.
type effect int

const (
	none    effect = iota // the run is as without it
	noted                 // the run names the agent, where a stage met with the fault
	lost                  // the run names the agent, and ends, or has a stage that is not valid
	nothing               // there is no coordinator that could
)

// The longest times that a fault takes.
const (
	stopped = 5 * time.Second
	cutOff  = 2 * time.Second
)

func kill(f *faulty) { f.victim.cmd.Process.Kill() }

func cut(lasts time.Duration) func(*faulty) {
	return func(f *faulty) {
		f.victim.SetLink(netns.Link{Cut: true})
		if lasts > 0 {
			time.Sleep(lasts)
			f.victim.SetLink(netns.Link{})
		}
	}
}

func part(lasts time.Duration) func(*faulty) {
	return func(f *faulty) {
		f.victim.Part(f.lead, true)
		if lasts > 0 {
			time.Sleep(lasts)
			f.victim.Part(f.lead, false)
		}
	}
}

// The first takes longest, as the coordinator waits for the bus.
var networkFaults = []networkFault{
	{name: "broker killed", phase: true, to: faultRunLength / 2, all: true, effect: lost, begin: func(f *faulty) { f.killBroker() }},
	{name: "killed at its start", to: 400 * time.Millisecond, begin: kill, effect: lost},
	{name: "killed in the warm-up", phase: true, to: faultWarmup, begin: kill, effect: lost},
	{name: "killed in the window", phase: true, from: faultWarmup, to: faultWarmup + faultDuration, begin: kill, effect: lost},
	{name: "killed in the drain", phase: true, from: faultWarmup + faultDuration, to: faultWarmup + faultDuration + slowReply, begin: kill, effect: lost},
	{name: "killed in the upload", phase: true, from: faultWarmup + faultDuration + slowReply, to: faultWarmup + faultDuration + slowReply + 500*time.Millisecond, begin: kill, effect: lost},
	{name: "stopped for 5 s", to: faultRunLength, effect: noted, begin: func(f *faulty) {
		f.victim.cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(stopped)
		f.victim.cmd.Process.Signal(syscall.SIGCONT)
	}},
	{name: "cut off for 2 s", to: faultRunLength, effect: noted, begin: cut(cutOff)},
	{name: "cut off for good", phase: true, to: faultRunLength / 2, begin: cut(0), effect: lost},
	{name: "cut off from the bus for 2 s", to: faultRunLength, effect: noted, begin: part(cutOff)},
	{name: "cut off from the bus for good", phase: true, to: faultRunLength / 2, begin: part(0), effect: lost},
	{name: "slow link", before: func(f *faulty) {
		f.victim.SetLink(netns.Link{Delay: 100 * time.Millisecond, Jitter: 50 * time.Millisecond, Loss: 0.02})
	}, effect: noted},
	{name: "another clock", before: func(f *faulty) {
		if err := f.victim.ShiftClock([]time.Duration{3 * time.Second, -3 * time.Second}[f.random.IntN(2)]); err != nil {
			f.t.Log("the kernel has no time namespaces:", err)
		}
	}},
	{name: "one more of its name", before: func(f *faulty) { f.startAgent(&agentMachine{Machine: f.target, name: f.victim.name}) }},
	{name: "broker restarted", to: faultRunLength, all: true, effect: noted, begin: func(f *faulty) {
		f.killBroker()
		time.Sleep(time.Duration(f.random.Int64N(int64(cutOff))))
		f.startBroker()
	}},
	{name: "coordinator killed", to: faultRunLength, effect: nothing, begin: func(f *faulty) { f.cmd.Process.Kill() }},
	{name: "coordinator killed and resumed", to: faultRunLength, effect: nothing, begin: func(f *faulty) { f.cmd.Process.Kill() }},
}

// faulty is a fleet with a run that meets with a fault.
type faulty struct {
	*machines
	t       *testing.T
	fault   networkFault
	random  *rand.Rand
	victim  *agentMachine
	cmd     *exec.Cmd // the run
	printed *commandtest.Output
	wrong   []string
}

// Runs of agents in network namespaces meet with a fault each, at a random instant: the
// run ends within its bound, accounts for all that was planned, and names the agent and
// what happened. Agents that are left are free for another run.
func TestSlowNetworkFaults(t *testing.T) {
	slow.Only(t)
	faults := slices.Clone(networkFaults)
	if *faultOnly != "" {
		faults = slices.DeleteFunc(faults, func(f networkFault) bool { return f.name != *faultOnly })
	}
	if len(faults) == 0 {
		t.Fatalf("-faults-only %q: there is no such fault", *faultOnly)
	}
	netns.New(t, 0) // or the test is skipped
	program := build(t)
	together := make(chan struct{}, 6)
	var mu sync.Mutex
	var longest time.Duration
	var runs sync.WaitGroup
	for i := range *faultRuns {
		fault := faults[i%len(faults)]
		together <- struct{}{}
		runs.Go(func() { // they wait for most of the time: more of them than t.Parallel would allow
			defer func() { <-together }()
			t.Run(fmt.Sprintf("%d: %s", i+1, fault.name), func(t *testing.T) {
				took := attempts(t, func(t *testing.T) (*faulty, time.Duration) {
					f := &faulty{t: t, fault: fault, random: rand.New(rand.NewPCG(*faultSeed, uint64(i)))}
					return f, f.meet(program, uint64(i))
				})
				mu.Lock()
				longest = max(longest, took)
				mu.Unlock()
			})
		})
	}
	runs.Wait()
	t.Logf("the longest run took %v", longest.Round(100*time.Millisecond))
}

// mostStill is how long this process may stand still in a run that fails. The limits of
// agents and coordinator are seconds: where nothing runs for much longer than this, they
// are right to give one another up.
const mostStill = 250 * time.Millisecond

// attempts has a run meet with its fault, again where it failed on a machine that stood
// still, and returns how long it took.
func attempts(t *testing.T, meet func(*testing.T) (*faulty, time.Duration)) (took time.Duration) {
	for attempt := 1; ; attempt++ {
		var f *faulty
		still := watchStill()
		t.Run("attempt", func(t *testing.T) { f, took = meet(t) })
		stood := still()
		if f == nil || len(f.wrong) == 0 {
			return took // it is done, or has failed for another reason
		}
		if stood <= mostStill || attempt == 3 {
			for _, wrong := range f.wrong {
				t.Error(wrong)
			}
			return took
		}
		t.Logf("once more, as the machine stood still for %v: %q", stood, f.wrong)
	}
}

// watchStill watches for how long this process stands still, and returns the longest time
// when it is called.
func watchStill() (still func() time.Duration) {
	done, longest := make(chan struct{}), make(chan time.Duration)
	go func() {
		const every = 20 * time.Millisecond
		var most time.Duration
		for last := time.Now(); ; {
			select {
			case <-time.After(every):
				now := time.Now()
				most, last = max(most, now.Sub(last)-every), now
			case <-done:
				longest <- most
				return
			}
		}
	}()
	return func() time.Duration {
		close(done)
		return <-longest
	}
}

// fail notes what is wrong with the run.
func (f *faulty) fail(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// meet has one run meet with its fault, and returns how long that took.
func (f *faulty) meet(program string, number uint64) (took time.Duration) {
	t := f.t
	after := f.fault.from
	if span := f.fault.to - f.fault.from; span > 0 {
		after += time.Duration(f.random.Int64N(int64(span)))
	}
	var requests atomic.Int64
	f.machines = newMachines(t, program, *faultSeed<<32+number, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if requests.Add(1)%10 == 0 {
			time.Sleep(slowReply)
		}
	}), "a", "b", "c")
	f.victim = f.agents[f.random.IntN(len(f.agents))]
	if f.fault.before != nil {
		f.fault.before(f)
	}
	for _, a := range f.agents {
		f.startAgent(a)
	}
	defer func() {
		if len(f.wrong) > 0 {
			for _, a := range f.agents {
				t.Logf("agent %s:\n%s", a.name, a.said)
			}
		}
	}()
	out := filepath.Join(f.dir, "run")
	began := time.Now()
	ended := f.begin("--out", out)
	met := f.fault.name == "slow link" // a stage does, and must say so
	if f.fault.begin != nil {
		wait := after
		if f.fault.phase {
			if !await(faultGather+faultRunLength, func() bool { return f.victim.served.Load() > 0 }) {
				f.fail("agent %s has sent no request\n%s", f.victim.name, f.printed)
				return 0
			}
			wait -= time.Since(time.Unix(0, f.victim.served.Load()))
		}
		time.Sleep(wait)
		started := f.victim.served.Load() > 0
		f.fault.begin(f)
		select {
		case <-ended: // before the fault did
		default:
			met = started && !f.fault.all
		}
	}
	select {
	case <-ended:
	case <-time.After(uploadFor + 30*time.Second):
		f.fail("the run has not ended within %v\n%s", time.Since(began), f.printed)
		return time.Since(began)
	}
	took = time.Since(began)
	code := f.cmd.ProcessState.ExitCode()
	t.Logf("agent %s %s after %v, exit code %d after %v\n%s", f.victim.name, f.fault.name, after.Round(time.Millisecond), code, took.Round(100*time.Millisecond), f.printed)
	switch f.fault.name {
	case "coordinator killed":
		f.free()
		f.again("--out", filepath.Join(f.dir, "again"))
	case "coordinator killed and resumed":
		time.Sleep(time.Duration(f.random.Int64N(int64(2 * lease)))) // agents have noticed it or not
		if _, err := os.Stat(filepath.Join(out, "fleet.json")); err != nil {
			break // there was nothing yet that could be resumed, or nothing any more
		}
		f.again("--resume", out)
	default:
		f.judge(out, code, met)
	}
	f.free()
	return took
}

// begin starts the run.
func (f *faulty) begin(args ...string) (ended chan struct{}) {
	f.cmd, f.printed, ended = f.run(append([]string{"--rate", fmt.Sprint(faultRate), "--duration", faultDuration.String(), "--warmup", faultWarmup.String(), "--drain-timeout", faultDrain.String(),
		"--repeats", "2", "--retries", "0", "--max-lag", "1s", "--agents-wait", faultGather.String()}, args...)...)
	return ended
}

// again has the agents of a coordinator that was killed drive a run, which must be as one
// without a fault.
func (f *faulty) again(flag, out string) {
	began := time.Now()
	select {
	case <-f.begin(flag, out):
	case <-time.After(time.Minute):
		f.fail("the other run has not ended within a minute\n%s", f.printed)
		return
	}
	code := f.cmd.ProcessState.ExitCode()
	f.t.Logf("with %s, exit code %d after %v\n%s", flag, code, time.Since(began).Round(100*time.Millisecond), f.printed)
	for _, s := range f.account(out, code) {
		if n := s.Counts[result.Unknown]; n > 0 {
			f.fail("with %s, %d arrivals are unknown: %q", flag, n, s.Invalid)
		}
	}
	if code != 0 {
		f.fail("with %s, exit code %d", flag, code)
	}
}

// free waits until the agents that are left are free.
func (f *faulty) free() {
	for _, a := range f.agents {
		if strings.HasPrefix(f.fault.name, "killed") && a == f.victim {
			continue
		}
		if !await(20*time.Second, func() bool { return !serves(a.said.String()) }) {
			f.fail("agent %s is not free", a.name)
		}
	}
}

// serves reports whether an agent that has printed this is still in a run.
func serves(said string) bool {
	joined := strings.LastIndex(said, "joined run")
	return joined > max(strings.LastIndex(said, " is over"), strings.LastIndex(said, "has not been heard"))
}

// account holds what the stages account for against what was planned.
func (f *faulty) account(out string, code int) []*result.Stage {
	_, stages, _, err := result.Open(out)
	if err != nil {
		if code == 0 || f.printedStage() {
			f.fail("%v", err)
		}
		return nil
	}
	p := bench.Plan{Load: bench.Load{Rate: faultRate}, Warmup: faultWarmup, Duration: faultDuration, Seed: bench.DefaultSeed}
	for _, s := range stages {
		var counts result.Counts
		for _, a := range s.Agents {
			counts.Add(a.Counts)
		}
		if n, planned := s.Counts.Planned(), p.Planned(p.Duration, 0); n != planned || counts != s.Counts {
			f.fail("%d arrivals are accounted for, %v by agent, want %d: %q", n, counts, planned, s.Invalid)
		}
		for _, a := range s.Agents {
			if a.Lost == "" {
				continue
			}
			if f.fault.effect == none || !f.fault.all && a.Name != f.victim.name {
				f.fail("agent %s was lost: %s", a.Name, a.Lost)
			}
			if s.Valid() || !strings.Contains(strings.Join(s.Invalid, "\n"), "agent "+a.Name+": was lost") {
				f.fail("agent %s was lost, and the stage says %q", a.Name, s.Invalid)
			}
		}
		if s.Counts[result.Unknown] > 0 && !strings.Contains(strings.Join(s.Invalid, "\n"), "was lost") {
			f.fail("%d arrivals are unknown, and no agent is named: %q", s.Counts[result.Unknown], s.Invalid)
		}
	}
	if code == 0 && len(stages) != 2 {
		f.fail("%d stages, want 2", len(stages))
	}
	return stages
}

// printedStage reports whether the run has printed the line of a stage.
func (f *faulty) printedStage() bool { return strings.Contains(f.printed.String(), "[1/2]") }

// judge holds what the run says against what happened to it.
func (f *faulty) judge(out string, code int, met bool) {
	stages := f.account(out, code)
	said := []string{f.printed.String()}
	for _, s := range stages {
		said = append(said, s.Notes()...)
	}
	named := slices.ContainsFunc(said, func(text string) bool {
		return strings.Contains(text, "agent "+f.victim.name) || f.fault.all && (strings.Contains(text, "was lost") || strings.Contains(text, "were lost")) || strings.Contains(text, "agents came forward")
	})
	switch {
	case code != 0 && code != 4 && code != 5:
		f.fail("exit code %d", code)
	case f.fault.effect == none && code != 0:
		f.fail("exit code %d, want 0", code)
	case f.fault.effect == lost && code == 0 && !slices.ContainsFunc(stages, func(s *result.Stage) bool { return !s.Valid() }):
		f.fail("the agent was lost, and all stages are valid")
	case f.fault.name == "broker killed" && code == 4 && !strings.Contains(said[0], "cannot be reached"):
		f.fail("it is not said that the broker is gone: %q", said)
	case !named && (met || f.fault.effect == lost || code != 0 && !f.fault.all):
		f.fail("exit code %d, and agent %s is not named: %q", code, f.victim.name, said)
	}
}
