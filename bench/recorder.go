package bench

import (
	"strings"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// Arrival is one request and how it ended. Its instants are those of package
// clock.
type Arrival struct {
	Planned time.Duration // its instant on the schedule
	Sent    time.Duration // when the generator began to send it, connecting included
	Done    time.Duration // when its outcome was known
	Outcome result.Outcome
	Why     string // the reason, where the outcome is neither ok nor rejected; its first line is kept
	Waited  bool   // for a connection, as all that are allowed were busy
}

// Observer watches a stage request by request: for a time line, which no
// histogram has. It is called from several goroutines at once, while they
// drive, so it must be safe for that and quick. It is called for arrivals of the
// measured window only.
type Observer interface {
	// Ended is called for every arrival, once, when its outcome is known.
	Ended(Arrival)

	// Completed is called when the work of an accepted request is complete, where the
	// server does it after its reply, with the planned instant of the request.
	Completed(planned, done time.Duration)
}

// Recorder takes what a driver did and becomes a stage. A driver makes its
// shards, calls Start once, then hands every arrival to a shard twice: Begin
// when it begins the arrival, Record when it has ended.
type Recorder struct {
	lead, length time.Duration
	from, to     time.Duration // the measured window
	observer     Observer      // nil: there is none
	started      chan struct{}

	mu          sync.Mutex // guards shards
	shards      []*Shard
	completions *completions // nil where replies are all there is
}

// NewRecorder returns a recorder for one stage of the plan.
func NewRecorder(p Plan) *Recorder {
	return &Recorder{lead: p.lead(), length: p.Duration, observer: p.Observer, started: make(chan struct{})}
}

// NewShard returns another part of the recorder. It holds some 700 KB of
// histograms, so a driver makes one per thread, not one per connection, before
// Start.
func (r *Recorder) NewShard() *Shard {
	s := &Shard{r: r, stage: result.NewStage()}
	r.mu.Lock()
	r.shards = append(r.shards, s)
	r.mu.Unlock()
	return s
}

// Start begins the stage now: the schedule's offset 0. It returns that
// instant and the one at which the measured window ends, the first at which
// nothing is planned any more. Window returns when it begins.
func (r *Recorder) Start() (start, end time.Duration) {
	start = clock.Now()
	r.from = start + r.lead
	r.to = r.from + r.length
	close(r.started)
	return start, r.to
}

// Window returns the instants at which the measured window begins and ends,
// once the stage has started.
func (r *Recorder) Window() (from, to time.Duration) { return r.from, r.to }

// Shard is one part of a recorder. It has no lock: one thread of a driver
// uses it, or several that exclude one another.
type Shard struct {
	r     *Recorder
	stage *result.Stage

	inFlight time.Duration // ∫ number in flight dt over the window, from Begin and Record
	failed   time.Duration // summed time of the arrivals of the window that no histogram of time holds
	overhang time.Duration // of the window's arrivals, their time after it, less earlier ones' time within it
	begun    int64         // arrivals of the window that were begun
	waited   int64         // of those that ended, how many waited for a connection
	whys     [len(result.Outcomes)]string
	before   discarded
	loop     *result.Loop // what the thread that used the shard did, where the driver reports it
}

// clip moves an instant into the measured window.
func (r *Recorder) clip(at time.Duration) time.Duration { return min(max(at, r.from), r.to) }

// measured reports whether an arrival belongs to the window: by its planned
// instant alone, so that a stall can push none out of it.
func (r *Recorder) measured(planned time.Duration) bool { return planned >= r.from && planned < r.to }

// Begin notes that the driver begins the arrival planned for that instant.
func (s *Shard) Begin(planned time.Duration) {
	s.inFlight += s.r.to - s.r.clip(planned)
	if s.r.measured(planned) {
		s.begun++
	}
}

// Record notes how an arrival that was begun has ended.
func (s *Shard) Record(a Arrival) {
	s.inFlight -= s.r.to - s.r.clip(a.Done)
	if !s.r.measured(a.Planned) {
		// Begun before the window: what of it lies within.
		s.overhang -= s.r.clip(a.Done) - s.r.clip(a.Planned)
		s.before.add(a)
		return
	}
	s.overhang += max(0, a.Done-s.r.to)
	if s.r.observer != nil {
		s.r.observer.Ended(a)
	}
	st := s.stage
	st.Counts[a.Outcome]++
	if a.Waited {
		s.waited++
	}
	if a.Outcome != result.Unsent {
		st.Lag.Record(a.Sent - a.Planned)
	}
	switch a.Outcome {
	case result.OK:
		st.Latency.Record(a.Done - a.Planned)
		st.Uncorrected.Record(a.Done - a.Sent)
	case result.Rejected:
		st.Rejected.Record(a.Done - a.Planned)
	default:
		s.failed += a.Done - a.Planned
		if s.whys[a.Outcome] == "" {
			s.whys[a.Outcome] = firstLine(a.Why)
		}
	}
}

// firstLine keeps what a parser quotes of a garbled reply from filling the report.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return s
}

// discarded is how arrivals ended that do not belong to the window.
type discarded struct {
	counts result.Counts
	whys   [len(result.Outcomes)]string // the first of each
}

func (d *discarded) add(a Arrival) {
	d.counts[a.Outcome]++
	if d.whys[a.Outcome] == "" {
		d.whys[a.Outcome] = firstLine(a.Why)
	}
}

func (d *discarded) merge(o discarded) {
	d.counts.Add(o.counts)
	for i, why := range o.whys {
		if d.whys[i] == "" {
			d.whys[i] = why
		}
	}
}

// Connected notes that a connection was established after took. All of them
// count: a closed load makes its connections before the stage begins.
func (s *Shard) Connected(took time.Duration) { s.stage.Connect.Record(took) }

// Reconnected notes that a client had to make a connection, at the instant
// at, as the one it had was closed.
func (s *Shard) Reconnected(at time.Duration) {
	if s.r.measured(at) {
		s.stage.Reconnects++
	}
}

// Unsolicited notes that bytes came on a connection that are no reply to any
// request. All of them count, whenever they come.
func (s *Shard) Unsolicited() { s.stage.Unsolicited++ }

// Ran notes what the thread that used the shard did during the window.
func (s *Shard) Ran(l result.Loop) { s.loop = &l }

// merged is the complete stage with the sums that Little's law is checked with.
type merged struct {
	stage              *result.Stage
	inFlight, overhang time.Duration
	times              time.Duration // summed time of all arrivals of the window
	begun, waited      int64
	whys               [len(result.Outcomes)]string
	before             discarded
	loops              []result.Loop
	completionErr      error // why it is not known what is lost
}

// merge puts the shards together, once, after the driver has returned.
func (r *Recorder) merge() merged {
	m := merged{stage: result.NewStage()}
	for _, s := range r.shards {
		m.stage.Counts.Add(s.stage.Counts)
		m.stage.Latency.Merge(s.stage.Latency)
		m.stage.Uncorrected.Merge(s.stage.Uncorrected)
		m.stage.Connect.Merge(s.stage.Connect)
		m.stage.Rejected.Merge(s.stage.Rejected)
		m.stage.Lag.Merge(s.stage.Lag)
		m.stage.Reconnects += s.stage.Reconnects
		m.stage.Unsolicited += s.stage.Unsolicited
		if s.loop != nil {
			m.loops = append(m.loops, *s.loop)
		}
		m.inFlight += s.inFlight
		m.overhang += s.overhang
		m.times += s.failed
		m.begun += s.begun
		m.waited += s.waited
		m.before.merge(s.before)
		for o, why := range s.whys {
			if m.whys[o] == "" {
				m.whys[o] = why
			}
		}
	}
	m.times += m.stage.Latency.Sum() + m.stage.Rejected.Sum()
	m.stage.Start = clock.Wall(r.from)
	m.stage.Length = r.length
	m.stage.InFlight = m.inFlight.Seconds() / r.length.Seconds()
	if r.completions != nil {
		m.stage.Completion, m.completionErr = r.completions.result()
	}
	return m
}
