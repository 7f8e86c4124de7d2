package fleet

import (
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	// lease is for how long the last order counts. An agent that has not heard for longer
	// begins nothing: it finishes a stage that has started, and is free again.
	lease = 5 * time.Second

	// Keep is for how long an agent keeps the record of a stage, where nothing else is
	// asked, for a coordinator that was lost and may come back.
	Keep = 10 * time.Minute

	// mostKeep bounds that.
	mostKeep = 24 * time.Hour

	// mostAhead bounds how far ahead a start may lie.
	mostAhead = time.Minute
)

// driver is what an agent's state machine has done for it.
type driver interface {
	// accept checks the plan of a run.
	accept(plan []byte) error
	// prepare begins to make the connections of a stage.
	prepare(stage int, spec []byte, share bench.Share)
	// start begins the stage that was prepared, at an instant of the agent's clock.
	start(stage int, at time.Duration)
	// cut ends the window of the stage now.
	cut(stage int)
	// abandon ends the stage at once.
	abandon(stage int)
	// send sends a state to the coordinator of its run.
	send(State)
	// store keeps a record on the disk, beside that in memory; of nil it removes it.
	store(*kept) error
	// say prints a line.
	say(string)
}

// agent is the state machine of one generator of a fleet. It does nothing by itself:
// orders, the clock and what the driver reports move it, and each call is complete when
// it returns. It is not safe for concurrent use.
type agent struct {
	hello  Hello // who it is
	driver driver

	run    string // that it serves; empty where none
	last   string // that it serves or served last
	epoch  int    // of the newest order of that run, as is seq
	seq    uint64
	closed string        // the run that declined it
	heard  time.Duration // when the newest order came
	hash   string
	refuse string

	stage  int
	phase  Phase
	why    string
	at     time.Duration // of the start
	set    result.Settings
	live   *Progress
	record []byte
	sum    string

	sent uint64 // states

	keep   time.Duration // for how long a record is kept without a coordinator
	kept   *kept         // nil where none
	stored bool          // a record is on the disk
	part   int           // bound of a part of a record in bytes, from 1
}

// kept is the record of a stage whose coordinator was lost before it had let the agent go
// on. The agent is free meanwhile.
type kept struct {
	run    string
	epoch  int
	seq    uint64
	stage  int
	phase  Phase
	why    string
	record []byte
	sum    string
	until  time.Duration
}

// called answers a call, where the agent is idle.
func (a *agent) called(c Call) (Hello, bool) {
	if a.run != "" && a.run != c.Run || a.closed == c.Run || !namePattern.MatchString(c.Run) {
		return Hello{}, false
	}
	h := a.hello
	h.Run = c.Run
	return h, true
}

// order does what an order says, and answers it.
func (a *agent) order(now time.Duration, o Order) {
	if o.Agent != a.hello.Agent || o.Instance != a.hello.Instance {
		return // of another process of that name, which alone is in the run
	}
	if a.run != "" && o.Run != a.run {
		a.driver.send(State{Run: o.Run, Epoch: o.Epoch, Agent: o.Agent, Instance: o.Instance, Refused: "it serves run " + a.run})
		return
	}
	if o.Run == a.last && older(o, a.epoch, a.seq) {
		return // it is late, or from a coordinator that another took over from
	}
	if k := a.kept; k != nil && k.run == o.Run && a.run == "" {
		if older(o, k.epoch, k.seq) {
			return
		}
		a.takeUp(k)
	}
	a.last, a.epoch, a.seq, a.heard = o.Run, o.Epoch, o.Seq, now
	switch {
	case o.Goal == Refuse && o.Run != a.closed:
		a.driver.say(fmt.Sprintf("run %s does not take this agent: %s", o.Run, o.Why))
		a.closed = o.Run
		return
	case o.Goal == Refuse:
		return
	case o.Goal == Leave && a.run != "":
		if a.kept == nil {
			a.unstore()
		}
		a.leave("run " + a.run + " is over")
		return
	case o.Goal == Leave:
		return
	case a.run == "":
		a.run = o.Run
		a.driver.say("joined run " + o.Run)
	}
	a.take(o)
	if a.refuse == "" && a.hash == o.Hash {
		a.follow(now, o)
	}
	a.answer(now, o)
}

// older reports whether an order is not newer than the newest before it.
func older(o Order, epoch int, seq uint64) bool {
	return o.Epoch < epoch || o.Epoch == epoch && o.Seq <= seq
}

// takeUp goes on with the run of which a record was kept.
func (a *agent) takeUp(k *kept) {
	a.run, a.stage, a.phase, a.why, a.record, a.sum = k.run, k.stage, k.phase, k.why, k.record, k.sum
	a.kept = nil
	a.driver.say(fmt.Sprintf("run %s is taken up again", k.run))
}

// take takes the plan of the run.
func (a *agent) take(o Order) {
	if a.hash == o.Hash || len(o.Plan) == 0 || a.refuse != "" {
		return
	}
	if sumOf(o.Plan) != o.Hash {
		a.refuse = "the plan was altered on its way"
	} else if err := a.driver.accept(o.Plan); err != nil {
		a.refuse = err.Error()
	} else {
		a.hash = o.Hash
		return
	}
	a.driver.say("refused: " + a.refuse)
}

// follow brings the stage to what the order wants.
func (a *agent) follow(now time.Duration, o Order) {
	if o.Goal == Prepare && o.Stage > a.stage {
		a.drop()
		if a.kept == nil {
			a.unstore()
		}
		a.stage, a.phase = o.Stage, Preparing
		a.driver.prepare(o.Stage, o.Spec, o.Share)
	}
	if o.Stage != a.stage {
		return
	}
	if o.Goal == Start && a.phase == Ready {
		if ahead := o.At - now; ahead <= 0 || ahead > mostAhead {
			a.phase = Missed
			a.driver.abandon(a.stage)
			return
		}
		a.phase, a.at = Started, o.At
		a.driver.start(a.stage, o.At)
	}
	if o.Goal == Collect && (a.phase == Preparing || a.phase == Ready) {
		a.phase = Missed
		a.driver.abandon(a.stage)
	}
	if o.Cut && a.phase == Started {
		a.driver.cut(a.stage)
	}
}

// answer says what the agent is in, with the part of the record that is wanted.
func (a *agent) answer(now time.Duration, o Order) {
	s := a.state()
	s.Sent, s.Clock = o.Sent, now
	if a.phase == Done && o.Stage == a.stage && o.From >= 0 && o.From < len(a.record) {
		s.From, s.Part = o.From, a.record[o.From:min(len(a.record), o.From+a.part)]
	}
	a.driver.send(s)
}

func (a *agent) state() State {
	a.sent++
	s := State{
		Run: a.run, Epoch: a.epoch, Seq: a.sent, Agent: a.hello.Agent, Instance: a.hello.Instance,
		Hash: a.hash, Refused: a.refuse, Stage: a.stage, Phase: a.phase, Why: a.why, Live: a.live, Size: len(a.record), Sum: a.sum,
	}
	if a.phase == Ready {
		s.Settings = a.set
	}
	return s
}

// tick ends what a lease that has run out does not allow, and drops a record that nobody
// came for.
func (a *agent) tick(now time.Duration) {
	if k := a.kept; k != nil && now > k.until {
		a.kept = nil
		a.unstore()
		a.driver.say(fmt.Sprintf("run %s: nobody came for the record of its stage within %v; it is dropped", k.run, a.keep))
	}
	if a.run == "" || now-a.heard <= lease || a.phase == Started {
		return
	}
	why := fmt.Sprintf("run %s: the coordinator has not been heard for %v", a.run, lease)
	keeps := a.keep > 0 && (a.phase == Done || a.phase == Failed)
	if keeps {
		a.kept = &kept{a.run, a.epoch, a.seq, a.stage, a.phase, a.why, a.record, a.sum, now + a.keep}
		why += fmt.Sprintf("; the record of its stage is kept for %v", a.keep)
	}
	if keeps {
		if err := a.driver.store(a.kept); err != nil {
			why += fmt.Sprintf(", in memory only: %v", err)
		}
		a.stored = true
	}
	a.leave(why)
}

// unstore removes the record from the disk.
func (a *agent) unstore() {
	if a.stored {
		_ = a.driver.store(nil) // what cannot be removed is, once it is too old
		a.stored = false
	}
}

// leave makes the agent idle.
func (a *agent) leave(why string) {
	a.drop()
	a.driver.say(why)
	*a = agent{hello: a.hello, driver: a.driver, last: a.last, epoch: a.epoch, seq: a.seq, closed: a.closed, sent: a.sent, keep: a.keep, kept: a.kept, stored: a.stored, part: a.part}
}

// drop abandons the stage.
func (a *agent) drop() {
	if a.phase == Preparing || a.phase == Ready || a.phase == Started {
		a.driver.abandon(a.stage)
	}
	a.phase, a.why, a.at, a.set, a.live, a.record, a.sum = Idle, "", 0, nil, nil, nil, ""
}

// ready notes that the driver has made its connections.
func (a *agent) ready(stage int, set result.Settings) {
	if stage != a.stage || a.phase != Preparing {
		return
	}
	a.phase, a.set = Ready, set
	a.driver.send(a.state())
}

// progress notes what has ended so far. It is sent with the next answer.
func (a *agent) progress(stage int, p *Progress) {
	if stage == a.stage && a.phase == Started {
		a.live = p
	}
}

// ended notes the record of a stage, or why there is none.
func (a *agent) ended(stage int, record []byte, err error) {
	if stage != a.stage || a.phase != Preparing && a.phase != Ready && a.phase != Started {
		return
	}
	a.phase, a.record = Done, record
	switch {
	case err != nil:
		a.phase, a.why, a.record = Failed, err.Error(), nil
	case len(record) == 0 || len(record) > mostRecord:
		a.phase, a.why, a.record = Failed, fmt.Sprintf("its record has %d bytes, want 1 to %d", len(record), mostRecord), nil
	default:
		a.sum = sumOf(record)
	}
	a.driver.send(a.state())
}
