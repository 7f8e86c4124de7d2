package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	callEvery   = 500 * time.Millisecond // while agents are missing
	quickly     = 50 * time.Millisecond  // while clocks are measured, and parts of a record are missing
	steadily    = 250 * time.Millisecond // while agents prepare
	seldom      = time.Second            // while they drive, and between stages
	quietAfter  = 2 * time.Second        // without a sign of life, which the stage notes
	lostAfter   = 5 * time.Second        // without one, too
	uploadFor   = time.Minute            // for all records, once the stage should have ended
	pingsBefore = 8                      // of each agent, before a stage starts
	leastLead   = 300 * time.Millisecond // from the order to start until the start
	mostTrip    = time.Second            // of the round trips, what counts for that: one that took longer met with an outage
	mostMisses  = 3                      // starts of a stage that an agent missed
)

// member is an agent of the run.
type member struct {
	hello Hello
	share bench.Share
	clock offsets
	pings int           // since the stage began
	rtt   time.Duration // the slowest of those
	heard time.Duration
	quiet time.Duration // the longest time without a sign of life since the stage was begun
	asked time.Duration // when the last order was sent
	state State         // the newest

	at       time.Duration // of the start, by its clock
	within   time.Duration // by how much that may be wrong
	record   []byte
	size     int // that it will have
	sum      string
	tries    int       // at the record
	complete bool      // the record is complete
	live     *Progress // the newest of this stage
	lost     string    // why its record is missing
	agrees   bool      // it would drive the stage that is meant
	absent   bool      // it did not come back when the run was taken up again
}

// stagePlan is what a stage needs that the coordinator must know.
type stagePlan struct {
	spec     []byte
	settings result.Settings // that it will have
	prepare  time.Duration   // limit for the connections
	length   time.Duration   // from the start until the drain timeout has passed
	maxError time.Duration   // of the start; 0: any
}

// step is what the coordinator is at.
type step int

const (
	gathering step = iota // agents
	joining               // they take the plan
	waiting               // for the next stage
	preparing             // a stage
	running               // it, and collecting the records
	over                  // the run
)

// mail is a message to send.
type mail struct {
	to   string // an agent; "" to all
	call *Call
	what *Order
}

// coordinator is the state machine of a run that several agents drive. It does nothing by
// itself: messages and the clock move it. It is not safe for concurrent use.
type coordinator struct {
	run     string
	epoch   int
	version string
	agents  int // how many there are to be
	plan    []byte
	hash    string
	gather  time.Duration // limit for agents to come forward and take the plan
	before  *Saved        // of the coordinator that this one takes over from; nil where it is the first

	step     step
	deadline time.Duration
	members  []*member
	named    map[string]*member // the members by name
	refused  []string           // who was not taken, and why
	called   time.Duration
	deaf     time.Duration // when the bus was last known to be lost; 0: never
	seq      uint64

	stage    int
	misses   int
	current  stagePlan
	start    time.Duration // of the stage, by the coordinator's clock
	held     int           // bytes of all records
	room     int           // that they may have
	launched bool          // the orders to start it
	resumed  bool          // it was started by the coordinator before this one
	since    time.Duration // when this coordinator took it up
	cut      bool
	finished bool  // the stage, until it is taken
	err      error // why the run cannot go on

	news bool // something came since the last tick that may need more than to be noted
	out  []mail
}

func newCoordinator(now time.Duration, c coordinator) *coordinator {
	c.hash, c.deadline, c.called, c.named = sumOf(c.plan), now+c.gather, now-callEvery, map[string]*member{}
	c.room = cmp.Or(c.room, mostRecords)
	if c.before != nil {
		c.epoch, c.stage, c.launched, c.cut = c.before.Epoch+1, c.before.Stage, c.before.Started, c.before.Cut
	}
	return &c
}

func (c *coordinator) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// hello takes an agent that has come forward.
func (c *coordinator) hello(now time.Duration, h Hello) {
	if h.Run != c.run || !namePattern.MatchString(h.Agent) || len(h.Instance) > mostText || len(h.Host) > mostText || len(h.Version) > mostText {
		return
	}
	m := c.named[h.Agent]
	switch {
	case m != nil && m.hello.Instance == h.Instance:
		return
	case h.Version != c.version:
		c.decline(h, fmt.Sprintf("its version is %s, that of the coordinator is %s: install the same on all", h.Version, c.version))
	case m != nil:
		c.decline(h, "another agent has this name: give each its own (--name)")
	case c.step == gathering && len(c.members) < c.agents && (c.before == nil || c.before.has(h.Agent)):
		m := &member{hello: h, heard: now, asked: now - steadily}
		c.members, c.named[h.Agent], c.news = append(c.members, m), m, true
	}
}

func (c *coordinator) decline(h Hello, why string) {
	note := fmt.Sprintf("agent %s on %s: %s", h.Agent, h.Host, why)
	if !slices.Contains(c.refused, note) && len(c.refused) < mostAgents {
		c.refused = append(c.refused, note)
	}
	c.send(Order{Agent: h.Agent, Instance: h.Instance, Goal: Refuse, Why: why})
}

func (c *coordinator) send(o Order) {
	c.seq++
	o.Run, o.Epoch, o.Seq, o.Hash = c.run, c.epoch, c.seq, c.hash
	c.out = append(c.out, mail{to: o.Agent, what: &o})
}

// silent reports whether an agent gives no sign of life, while the bus would carry one.
func (c *coordinator) silent(now time.Duration, m *member) bool {
	return now-max(m.heard, c.deaf) > lostAfter
}

// state notes what an agent is in.
func (c *coordinator) state(now time.Duration, s State) {
	m := c.named[s.Agent]
	if m == nil || m.hello.Instance != s.Instance || s.Run != c.run || s.Epoch < c.epoch { // the agent says that again
		return
	}
	if s.Epoch > c.epoch {
		c.fail(fmt.Errorf("another coordinator has taken over run %s", c.run))
		return
	}
	m.quiet = max(m.quiet, now-m.heard)
	m.heard = now
	if s.Clock != 0 && s.Epoch == c.epoch && s.Sent <= now {
		m.clock.add(ping{sent: s.Sent, got: now, agent: s.Clock})
		m.pings++
		m.rtt = max(m.rtt, now-s.Sent)
	}
	if s.Stage == c.stage && s.Phase == Done && c.step == running {
		c.collect(m, s)
		c.news = true
	}
	if s.Seq <= m.state.Seq {
		return // an older one that is late
	}
	was := m.state
	c.news = c.news || s.Phase != was.Phase || s.Stage != was.Stage || s.Hash != was.Hash || s.Refused != was.Refused
	if s.Phase == Started && was.Phase != Started {
		m.asked = now - c.spread(m, seldom) // the next orders of all spread over the time between them
	}
	m.state = s
	m.state.Why, m.state.Refused = clip(s.Why), clip(s.Refused)
	m.state.Live, m.state.Part = nil, nil // which share the memory of the message
	if s.Stage == c.stage && s.Live != nil {
		m.live = s.Live
	}
}

// begin begins a stage, once the one before is finished.
func (c *coordinator) begin(now time.Duration, p stagePlan) {
	c.current, c.misses, c.finished = p, 0, false
	for _, m := range c.members {
		m.quiet = 0
	}
	if c.pending() {
		c.takeUp(now)
		c.advance(now)
		return
	}
	c.cut = false
	gone := func(m *member) bool { return m.absent || m.lost != "" && !(c.resumed && !c.silent(now, m)) }
	for _, m := range c.members {
		if gone(m) {
			c.lose(m, m.lost, gone)
			return
		}
		m.lost = "" // it had no record of a stage, and is here
	}
	c.resumed = false
	c.attempt(now)
	c.advance(now)
}

// attempt is another attempt at the stage. Agents abandon the one before.
func (c *coordinator) attempt(now time.Duration) {
	c.stage++
	c.launched, c.held = false, 0
	c.step, c.deadline = preparing, now+c.current.prepare
	for _, m := range c.members {
		m.pings, m.rtt, m.at, m.within, m.record, m.tries, m.complete, m.live, m.agrees, m.asked = 0, 0, 0, 0, nil, 0, false, nil, false, now-seldom+c.spread(m, quickly)
	}
}

// tick does what is due: it is called every few milliseconds, and at once where there is
// news. Most messages of a thousand agents are none.
func (c *coordinator) tick(now time.Duration) {
	c.news = false
	c.advance(now)
	if c.step == gathering && now-c.called >= callEvery {
		c.called = now
		c.out = append(c.out, mail{call: &Call{c.run}})
	}
	for _, m := range c.members {
		if (m.lost == "" || c.resumed && !m.absent || c.step == over) && now-m.asked >= c.every(m) {
			c.ask(now, m)
		}
	}
}

// every is how often an agent gets an order.
func (c *coordinator) every(m *member) time.Duration {
	switch c.step {
	case joining, over:
		return steadily
	case preparing:
		if m.pings < pingsBefore {
			return quickly
		}
		return steadily
	case running:
		if m.state.Stage != c.stage || m.state.Phase == Ready || m.state.Phase == Done && !m.complete {
			return steadily
		}
	}
	return seldom
}

// spread is where in an interval the orders to a member are, so that not all are sent at
// once: what waits its turn looks as if it were on its way.
func (c *coordinator) spread(m *member, interval time.Duration) time.Duration {
	return interval * time.Duration(m.share.Part) / time.Duration(max(1, c.agents))
}

// ask sends an agent its order.
func (c *coordinator) ask(now time.Duration, m *member) {
	m.asked = now
	o := Order{Agent: m.hello.Agent, Instance: m.hello.Instance, Sent: now, Goal: Join, Share: m.share, Stage: c.stage, Cut: c.cut, From: len(m.record)}
	if m.complete {
		o.From = m.state.Size // the record may have been taken
	}
	if m.state.Hash != c.hash && c.step != gathering && c.step != over {
		o.Plan = c.plan
	}
	switch c.step {
	case preparing:
		o.Goal, o.Spec = Prepare, c.current.spec
	case running:
		o.Goal, o.At = Start, m.at
		if c.resumed {
			o.Goal = Collect
		}
	case over:
		o.Goal = Leave
	}
	c.send(o)
}

// advance goes on to the next step where all agents are ready for it, and notes who is lost.
func (c *coordinator) advance(now time.Duration) {
	if c.err != nil {
		return
	}
	switch c.step {
	case gathering:
		switch {
		case len(c.members) == c.agents:
		case now < c.deadline:
			return
		case len(c.members) > 0 && c.pending(): // what the others have is collected
			c.absentees()
			c.deadline = now + c.gather
		default:
			c.fail(c.missing())
			return
		}
		c.share()
		c.step = joining
	case joining:
		c.joined(now)
	case preparing:
		c.prepared(now)
	case running:
		c.collected(now)
	}
}

// share gives each agent its part, by name: the same agents get the same parts.
func (c *coordinator) share() {
	slices.SortFunc(c.members, func(a, b *member) int { return cmp.Compare(a.hello.Agent, b.hello.Agent) })
	for i, m := range c.members {
		m.share = bench.Share{Part: i, Of: c.agents}
	}
}

// missing is the error where not enough agents have come.
func (c *coordinator) missing() error {
	text := fmt.Sprintf("%d of %d agents came forward within %v", len(c.members), c.agents, c.gather)
	if len(c.members) == 0 {
		text = fmt.Sprintf("no agent came forward within %v", c.gather)
	}
	if c.before != nil {
		text += fmt.Sprintf("; the agents of the run are %s", strings.Join(c.before.names(), ", "))
	}
	if len(c.refused) > 0 {
		return fmt.Errorf("%s; %s", text, strings.Join(c.refused, "; "))
	}
	return fmt.Errorf("%s: start onhold agent on each machine, with the same --bus", text)
}

func (c *coordinator) joined(now time.Duration) {
	all := true
	for _, m := range c.members {
		switch {
		case m.state.Refused != "":
			c.fail(fmt.Errorf("agent %s on %s does not take part: %s", m.hello.Agent, m.hello.Host, m.state.Refused))
			return
		case m.state.Hash == c.hash || m.absent:
			continue
		case now >= c.deadline:
			c.fail(fmt.Errorf("agent %s on %s did not take the plan within %v", m.hello.Agent, m.hello.Host, c.gather))
			return
		}
		all = false
	}
	if all {
		c.step = waiting
	}
}

// prepared starts the stage once all agents are ready and their clocks are known.
func (c *coordinator) prepared(now time.Duration) {
	ready := true
	for _, m := range c.members {
		switch s := &m.state; {
		case s.Stage == c.stage && s.Phase == Failed:
			c.fail(fmt.Errorf("agent %s cannot drive the stage: %s", m.hello.Agent, s.Why))
			return
		case c.silent(now, m):
			// Orders are spread over time: others that are silent may still be within it.
			c.lose(m, fmt.Sprintf("not heard for %v, before a stage started", lostAfter), func(o *member) bool { return now-o.heard > lostAfter/2 })
			return
		case now >= c.deadline:
			c.lose(m, fmt.Sprintf("not ready for a stage within %v", c.current.prepare), func(o *member) bool { return o.state.Stage != c.stage || o.state.Phase != Ready })
			return
		case s.Stage == c.stage && s.Phase == Ready:
			if m.agrees {
				ready = ready && m.pings >= pingsBefore
				continue
			}
			if key := differs(s.Settings, c.current.settings); key != "" {
				c.fail(fmt.Errorf("agent %s would drive another stage: its %s is %q, that of the coordinator is %q", m.hello.Agent, key, s.Settings.Get(key), c.current.settings.Get(key)))
				return
			}
			m.agrees = true
			ready = ready && m.pings >= pingsBefore
		default:
			ready = false
		}
	}
	if ready {
		c.launch(now)
	}
}

// differs is the first setting in which two stages differ; "" where there is none. How
// many connections there may be follows from the machine.
func differs(a, b result.Settings) string {
	for _, kv := range slices.Concat(a, b) {
		if kv.Key != result.KeyMaxConnections && a.Get(kv.Key) != b.Get(kv.Key) {
			return kv.Key
		}
	}
	return ""
}

// launch gives each agent the instant of the start, in its own clock.
func (c *coordinator) launch(now time.Duration) {
	var slowest, worst time.Duration
	for _, m := range c.members {
		slowest = max(slowest, min(m.rtt, mostTrip))
	}
	// An order that is dropped is sent again: there is time for a few.
	c.start = now + (leastLead+3*slowest)<<c.misses
	for _, m := range c.members {
		m.at, m.within, _ = m.clock.at(c.start)
		m.asked = now - seldom
		worst = max(worst, m.within)
	}
	if limit := c.current.maxError; limit > 0 && worst > limit {
		c.fail(fmt.Errorf("a burst needs one start: the clocks of the agents are known within %v, above the limit of %v. Bring the agents closer to the coordinator, or allow more lag", worst.Round(10*time.Microsecond), limit))
		return
	}
	c.step, c.launched = running, true
}
