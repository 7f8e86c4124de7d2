package fleet

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// world is a fleet in which nothing is real: time, clocks, the network, faults and what
// the agents drive are simulated, the state machines are those that run for real.
type world struct {
	now    time.Duration
	rand   *rand.Rand
	events events
	order  int
	net    network
	spared map[*node]int // messages to and from an agent that will not be lost

	plan   bench.Plan
	coord  *coordinator
	lead   *node
	agents []*simAgent
	plays  []*play
	said   []string

	maxError time.Duration

	saved    Saved         // by the coordinator
	recorded int           // stages in the record then
	stored   milestone     // what was saved
	epoch    time.Duration // of the clock of the coordinator's process
	fullDisk bool
	takeOver time.Duration // when another coordinator comes; 0: never
}

// network is what messages meet with.
type network struct {
	delay, jitter time.Duration
	drop, double  float64
}

// node is a machine.
type node struct {
	clock   trueClock
	dead    time.Duration // from when on; 0: never
	stopped span          // then it does nothing, and catches up
	away    span          // then no message reaches it or leaves it
	process func()        // of the coordinator
}

type span struct{ from, to time.Duration }

func (s span) has(at time.Duration) bool { return at >= s.from && at < s.to }

type event struct {
	at    time.Duration
	order int
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any     { last := (*e)[len(*e)-1]; *e = (*e)[:len(*e)-1]; return last }

func (w *world) at(at time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, event{max(at, w.now), w.order, do})
}

// on does something on a machine, at an instant, or once it goes on.
func (w *world) on(n *node, at time.Duration, do func()) {
	w.at(at, func() {
		switch {
		case n.dead > 0 && w.now >= n.dead:
		case n.stopped.has(w.now):
			w.on(n, n.stopped.to, do)
		default:
			do()
		}
	})
}

// sparedAfter is how many messages to and from an agent arrive after one was lost. Without
// that, chance alone keeps an agent quiet for so long that it counts as lost.
const sparedAfter = 4

// loses reports whether a message is lost on its way.
func (w *world) loses(from, to *node) bool {
	agent := from
	if from == w.lead {
		agent = to
	}
	switch {
	case w.spared[agent] > 0:
		w.spared[agent]--
	case w.rand.Float64() < w.net.drop:
		w.spared[agent] = sparedAfter
		return true
	}
	return false
}

// send carries a message, which is copied as over a wire, never, once or more often.
func send[T any](w *world, from, to *node, message T, deliver func(T)) {
	if from.away.has(w.now) {
		return
	}
	data, err := encode(&message)
	if err != nil {
		panic(err)
	}
	for copies := 1; copies > 0; copies-- {
		if w.rand.Float64() < w.net.double {
			copies++
		}
		if w.loses(from, to) {
			continue
		}
		w.on(to, w.now+w.net.delay+time.Duration(w.rand.Float64()*float64(w.net.jitter)), func() {
			if to.away.has(w.now) {
				return
			}
			var copied T
			if err := decode(data, &copied); err != nil {
				panic(err)
			}
			deliver(copied)
		})
	}
}

// play is an agent that drove a share of a stage.
type play struct {
	agent    *simAgent
	stage    int
	spec     string
	share    bench.Share
	from, to time.Duration
}

// simAgent is an agent whose driver plays a script.
type simAgent struct {
	*node
	w       *world
	machine *agent
	refuses string
	current *play
	disk    *kept
}

func (a *simAgent) now() time.Duration { return a.clock.at(a.w.now) }

// when is the instant at which the agent's clock shows one.
func (a *simAgent) when(at time.Duration) time.Duration {
	return time.Duration(float64(at-a.clock.ahead) / (1 + a.clock.drift))
}

func (a *simAgent) accept([]byte) error {
	if a.refuses != "" {
		return fmt.Errorf("%s", a.refuses)
	}
	return nil
}

func (a *simAgent) prepare(stage int, spec []byte, share bench.Share) {
	p := &play{agent: a, stage: stage, spec: string(spec), share: share}
	a.current = p
	a.w.on(a.node, a.w.now+time.Duration(a.w.rand.Int64N(int64(300*time.Millisecond))), func() {
		if a.current == p {
			a.machine.ready(stage, nil)
		}
	})
}

func (a *simAgent) start(stage int, at time.Duration) {
	p, w := a.current, a.w
	plan := w.plan
	plan.Share = p.share
	length := plan.Warmup + plan.Duration
	w.on(a.node, a.when(at), func() {
		if a.current != p {
			return
		}
		p.from, p.to = w.now, max(w.now, a.when(at+length)) // it may have been stopped
		w.plays = append(w.plays, p)
		for s := time.Second; s < plan.Duration; s += time.Second {
			w.on(a.node, a.when(at+plan.Warmup+s), func() {
				if a.current == p {
					so := played(plan, s)
					a.machine.progress(stage, &Progress{To: s, Counts: counts(so.Counts), Latency: binaryOf(result.SparseOf(so.Latency)), Lag: binaryOf(result.SparseOf(so.Lag))})
				}
			})
		}
		w.on(a.node, a.when(at+length+time.Second), func() {
			if a.current == p {
				text, err := recordOf(played(plan, plan.Duration), nil)
				a.machine.ended(stage, text, err)
			}
		})
	})
}

func (a *simAgent) cut(int) {}

func (a *simAgent) abandon(stage int) {
	if a.current != nil && a.current.stage == stage {
		a.current.to = min(a.current.to, a.w.now)
		a.current = nil
	}
}

func (a *simAgent) send(s State) {
	send(a.w, a.node, a.w.lead, s, func(s State) { a.w.coord.state(a.w.now-a.w.epoch, s) })
}

func (a *simAgent) store(k *kept) error {
	if a.disk = k; a.w.fullDisk {
		return errors.New("no space left on device")
	}
	return nil
}

func (a *simAgent) say(text string) { a.w.said = append(a.w.said, a.machine.hello.Agent+": "+text) }

// played is the record of a share up to an offset of the window, from a script in which
// everything follows from the number of the arrival.
func played(p bench.Plan, until time.Duration) *result.Stage {
	s := result.NewStage()
	s.Length, s.Start = p.Duration, time.Unix(1_700_000_000, 0)
	numbers := p.Numbers()
	count := func(at time.Duration) {
		r := rand.New(rand.NewPCG(5, numbers()))
		if at < p.Lead() || at >= p.Lead()+until {
			return
		}
		s.Lag.Record(time.Duration(r.Int64N(int64(time.Millisecond))))
		if r.IntN(8) == 0 {
			s.Counts[result.Timeout]++
			return
		}
		s.Counts[result.OK]++
		took := time.Duration(r.Int64N(int64(time.Second)))
		s.Latency.Record(took)
		s.Uncorrected.Record(took)
	}
	if next := p.Schedule(); next != nil {
		for at := next(); at < p.Lead()+until; at = next() {
			count(at)
		}
		return s
	}
	for k := range 40 { // of a closed load, 40 arrivals a client
		for range p.Clients() {
			count(p.Lead() + time.Duration(k)*p.Duration/40)
		}
	}
	return s
}

const (
	simPrepare = 10 * time.Second
	simGather  = 20 * time.Second
	simKeep    = 30 * time.Second
)

func newWorld(seed uint64, agents int, p bench.Plan, net network) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), net: net, spared: map[*node]int{}, plan: p, lead: &node{}}
	w.coord = newCoordinator(0, coordinator{run: "r1", epoch: 1, version: "v1", agents: agents, plan: []byte("a plan"), gather: simGather})
	for i := range agents {
		w.add(fmt.Sprintf("a%d", i), fmt.Sprintf("i%d", i), "v1")
	}
	return w
}

func (w *world) add(name, instance, version string) *simAgent {
	a := &simAgent{w: w, node: &node{}}
	a.machine = &agent{hello: Hello{Agent: name, Instance: instance, Version: version, Host: "h-" + name}, driver: a, keep: simKeep, part: mostPart}
	w.agents = append(w.agents, a)
	return a
}

// run lets so many stages run, and the fleet end. It returns the stages, and why there
// are no more.
func (w *world) run(t failer, stages int) (done []*result.Stage, err error) {
	const every = 20 * time.Millisecond
	left := time.Duration(0) // when the fleet was let go
	w.lead.process = func() {
		c, now := w.coord, w.now-w.epoch
		switch {
		case c.err != nil && c.step != over:
			err = c.err
			c.step, left = over, w.now
		case c.step == waiting && c.finished:
			e := c.ended()
			done = append(done, e.merge(w.plan))
			c.settle(e)
			c.finished = false
			fallthrough
		case c.step == waiting:
			if len(done) == stages {
				c.step, left = over, w.now
				break
			}
			c.begin(now, stagePlan{spec: fmt.Appendf(nil, "stage %d", len(done)+1), prepare: simPrepare, maxError: w.maxError, length: w.plan.Warmup + w.plan.Duration + time.Second})
		}
		if w.lead.away.has(w.now) {
			c.deaf = now
		}
		c.tick(now)
		if at := c.milestone(); at != w.stored {
			w.saved, w.stored, w.recorded = c.saved(), at, len(done)
			w.saved.Start = time.Unix(0, int64(w.epoch+c.start))
		}
		for _, m := range c.out {
			for _, a := range w.agents {
				switch {
				case m.call != nil:
					send(w, w.lead, a.node, *m.call, func(call Call) {
						if h, ok := a.machine.called(call); ok {
							send(w, a.node, w.lead, h, func(h Hello) { w.coord.hello(w.now-w.epoch, h) })
						}
					})
				case m.to == a.machine.hello.Agent:
					send(w, w.lead, a.node, *m.what, func(o Order) { a.machine.order(a.now(), o) })
				}
			}
		}
		c.out = nil
		if left == 0 || w.now < left+3*time.Second {
			w.on(w.lead, w.now+every, w.lead.process)
		}
	}
	w.on(w.lead, 0, w.lead.process)
	for _, a := range w.agents {
		var tick func()
		tick = func() {
			a.machine.tick(a.now())
			w.on(a.node, w.now+every, tick)
		}
		w.on(a.node, 0, tick)
	}
	if w.takeOver > 0 {
		w.at(w.takeOver, func() { w.takesOver(len(done)) })
	}
	limit := w.takeOver + 2*simGather + time.Duration(stages)*(simPrepare*(mostMisses+1)+w.plan.Warmup+w.plan.Duration+uploadFor+10*time.Second)
	for w.events.Len() > 0 {
		e := heap.Pop(&w.events).(event)
		if w.now = e.at; left > 0 && w.now > left+2*lease {
			break
		}
		if w.now > limit {
			if w.lead.dead == 0 && left == 0 {
				t.Fatalf("the run has not ended after %v: step %d", limit, w.coord.step)
			}
			break
		}
		e.do()
	}
	return done, err
}

// takesOver starts another coordinator, which knows what the one before had saved, and
// how many stages are in the record. That one may still run: then it is cut off.
func (w *world) takesOver(recorded int) {
	before := w.saved
	before.Started = before.Started && recorded == w.recorded
	w.lead.dead = w.now // where it still ran
	process := w.lead.process
	w.lead, w.epoch = &node{process: process}, w.now
	w.coord = newCoordinator(0, coordinator{
		run: "r1", version: "v1", agents: len(before.Agents), plan: []byte("a plan"), gather: simGather, before: &before,
		start: time.Duration(before.Start.UnixNano()) - w.epoch,
	})
	w.stored = w.coord.milestone()
	w.on(w.lead, w.now, process)
}
