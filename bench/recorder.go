package bench

import (
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// Arrival is one request as it went. All instants are those of the clock
// package.
type Arrival struct {
	Planned time.Duration // its instant on the schedule
	Sent    time.Duration // when the generator began to send it, connecting included
	Done    time.Duration // when its outcome was known
	Outcome result.Outcome
	Why     string // for people, where the outcome is neither ok nor rejected
	Waited  bool   // for a connection, as all that are allowed were busy
}

// Recorder takes what a driver did and becomes a stage. A driver calls Start
// once, then hands every arrival to a Shard twice: Begin when it takes the
// arrival up, Record when it has ended.
type Recorder struct {
	lead, length time.Duration
	from, to     time.Duration // the measured window
	started      chan struct{}
	shards       []*Shard
}

// NewRecorder returns a recorder for one stage of the plan with the given
// number of shards.
func NewRecorder(p Plan, shards int) *Recorder {
	r := &Recorder{lead: p.lead(), length: p.Length, started: make(chan struct{})}
	for range max(shards, 1) {
		r.shards = append(r.shards, &Shard{r: r, stage: result.NewStage()})
	}
	return r
}

// Start begins the stage now: the schedule's offset 0. It returns that
// instant and the one at which the measured window ends, the first at which
// nothing is planned any more.
func (r *Recorder) Start() (start, end time.Duration) {
	start = clock.Now()
	r.from = start + r.lead
	r.to = r.from + r.length
	close(r.started)
	return start, r.to
}

// Shard returns shard number i, modulo how many there are.
func (r *Recorder) Shard(i int) *Shard { return r.shards[i%len(r.shards)] }

// Shard is one part of a recorder. Connections that share a shard share its
// lock, which is free nearly always: a record takes a fraction of a
// microsecond. One shard a CPU is enough.
type Shard struct {
	r     *Recorder
	mu    sync.Mutex
	stage *result.Stage

	inFlight time.Duration // ∫ number in flight dt over the window, from Begin and Record
	failed   time.Duration // summed time of the arrivals of the window that no histogram of time holds
	overhang time.Duration // of the window's arrivals, their time after it, less earlier ones' time within it
	begun    int64         // arrivals of the window that were taken up
	waited   int64         // of those that ended, how many waited for a connection
	whys     [len(result.Outcomes)]string
}

// clip moves an instant into the measured window.
func (r *Recorder) clip(at time.Duration) time.Duration { return min(max(at, r.from), r.to) }

// measured reports whether an arrival belongs to the window: by its planned
// instant alone, so that a stall can push none out of it.
func (r *Recorder) measured(planned time.Duration) bool { return planned >= r.from && planned < r.to }

// Begin notes that the arrival planned for that instant is now in the
// generator's hands.
func (s *Shard) Begin(planned time.Duration) {
	s.mu.Lock()
	s.inFlight += s.r.to - s.r.clip(planned)
	if s.r.measured(planned) {
		s.begun++
	}
	s.mu.Unlock()
}

// Record notes how an arrival that was begun has ended.
func (s *Shard) Record(a Arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight -= s.r.to - s.r.clip(a.Done)
	if !s.r.measured(a.Planned) {
		// Begun before the window: what of it lies within.
		s.overhang -= s.r.clip(a.Done) - s.r.clip(a.Planned)
		return
	}
	s.overhang += max(0, a.Done-s.r.to)
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
		st.Service.Record(a.Done - a.Sent)
	case result.Rejected:
		st.Rejected.Record(a.Done - a.Planned)
	default:
		s.failed += a.Done - a.Planned
		if s.whys[a.Outcome] == "" {
			s.whys[a.Outcome] = a.Why
		}
	}
}

// Connected notes that a connection was established after took. All of them
// count: a closed load makes its connections before the stage begins.
func (s *Shard) Connected(took time.Duration) {
	s.mu.Lock()
	s.stage.Connect.Record(took)
	s.mu.Unlock()
}

// merged is the whole stage with the sums that Little's law is checked on.
type merged struct {
	stage              *result.Stage
	inFlight, overhang time.Duration
	times              time.Duration // summed time of all arrivals of the window
	begun, waited      int64
	whys               [len(result.Outcomes)]string
}

// merge puts the shards together, once, after the driver has returned.
func (r *Recorder) merge() merged {
	m := merged{stage: result.NewStage()}
	for _, s := range r.shards {
		s.mu.Lock()
		m.stage.Counts.Add(s.stage.Counts)
		m.stage.Latency.Merge(s.stage.Latency)
		m.stage.Service.Merge(s.stage.Service)
		m.stage.Connect.Merge(s.stage.Connect)
		m.stage.Rejected.Merge(s.stage.Rejected)
		m.stage.Lag.Merge(s.stage.Lag)
		m.inFlight += s.inFlight
		m.overhang += s.overhang
		m.times += s.failed
		m.begun += s.begun
		m.waited += s.waited
		for o, why := range s.whys {
			if m.whys[o] == "" {
				m.whys[o] = why
			}
		}
		s.mu.Unlock()
	}
	m.times += m.stage.Latency.Sum() + m.stage.Rejected.Sum()
	m.stage.Start = clock.Wall(r.from)
	m.stage.Length = r.length
	m.stage.InFlight = m.inFlight.Seconds() / r.length.Seconds()
	return m
}
