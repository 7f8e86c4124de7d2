package bench

import (
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

// Arrival is one request and how it ended. Its instants are those of package
// clock.
type Arrival struct {
	Planned   time.Duration // its instant on the schedule
	Sent      time.Duration // when the generator began to send it, connecting included
	First     time.Duration // when the first byte of its reply had come; 0 where that is not known
	Done      time.Duration // when its outcome was known
	Status    int           // of its reply, where it is complete and has one
	Redirects int           // that were followed before that reply
	Outcome   result.Outcome
	Why       string // the reason, where the outcome is neither ok nor rejected; its first line is kept
	Waited    bool   // for a connection or a stream, as all that are allowed were busy
	Resent    bool   // it was sent again, as the server had not looked at it: over HTTP/2 it says so

	// Of a stream; see [Shard.Event].
	FirstEvent time.Duration // when the first event came; 0 where none did
	Events     int           // that came
	MedianGap  time.Duration // between two of them; 0 where it is not known, as where there are fewer than two gaps
	EndedEarly bool          // the server ended it before it was complete
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
	plan     Plan
	lead     time.Duration
	from     time.Duration // when the measured window begins
	end      atomic.Int64  // when it ends; only Start, extend and abort set it
	ending   sync.Mutex    // guards over, and end against being extended when it is over
	over     bool
	most     uint64    // arrivals, where there are only so many
	aborted  bool      // it has been moved to an earlier instant, for good
	window   *Recorder // whose window this one has; nil: its own
	observer Observer  // nil: there is none
	started  chan struct{}
	machine  machine // nil: the one it runs on
	fold     *fold   // makes the slices; nil where nobody wants a stage

	mu          sync.Mutex // guards shards
	shards      []*Shard
	found       result.Settings
	remarks     []string
	completions *completions // nil where replies are all there is
}

// NewRecorder returns a recorder for one stage of the plan.
func NewRecorder(p Plan) *Recorder {
	return &Recorder{plan: p, lead: p.Lead(), observer: p.Observer, started: make(chan struct{})}
}

// NewShard returns another part of the recorder. It holds some 1.2 MB of
// histograms and notes, and 0.6 MB more where there are streams, so a driver makes one per thread, not one per connection,
// before Start.
func (r *Recorder) NewShard() *Shard {
	s := &Shard{r: r, stage: result.NewStage(), entries: newQueue[entry](), events: newQueue[noted]()}
	r.mu.Lock()
	r.shards = append(r.shards, s)
	r.mu.Unlock()
	return s
}

// Found adds settings to the stage that were not known before it was driven. A driver
// may call it once, before Drive returns.
func (r *Recorder) Found(s result.Settings) { r.found = s }

// Remark adds warnings to the stage. A driver may call it once, before Drive returns.
func (r *Recorder) Remark(warnings ...string) { r.remarks = warnings }

// Start begins the stage, now or at the instant that the plan's StartAt returns: the
// schedule's offset 0. It returns that instant and the one at which the measured window
// ends as planned. See End.
func (r *Recorder) Start() (start, end time.Duration) {
	earliest := clock.Now()
	if r.plan.StartAt != nil {
		earliest = r.plan.StartAt()
	}
	if r.fold != nil {
		r.fold.start()
	}
	start = max(clock.Now(), earliest)
	r.from = start + r.lead
	end = r.from + r.plan.Duration
	r.end.Store(int64(end))
	close(r.started)
	if r.fold != nil {
		r.fold.run()
	}
	return start, end
}

// Window returns the instants at which the measured window begins and ends, as
// far as it is known, once the stage has started.
func (r *Recorder) Window() (from, to time.Duration) { return r.from, r.End() }

// End is the instant at which the measured window ends, the first at which nothing is
// planned any more. Until then, it may move to a later one: the stage runs on where the
// machine disturbed it. So a driver asks Over before it begins what was planned for an
// instant, and keeps what is planned for later.
func (r *Recorder) End() time.Duration {
	if r.window != nil {
		return r.window.End()
	}
	return time.Duration(r.end.Load())
}

// Over reports whether the window has ended at an instant, which is not in the future.
// Once it has, it does not move any more.
func (r *Recorder) Over(at time.Duration) bool {
	if at < r.End() {
		return false
	}
	if r.window != nil {
		return r.window.Over(at)
	}
	r.ending.Lock()
	defer r.ending.Unlock()
	r.over = r.over || at >= r.End()
	return at >= r.End()
}

// extend moves the end of the window to a later instant, unless it is over.
func (r *Recorder) extend(to time.Duration) {
	r.ending.Lock()
	defer r.ending.Unlock()
	if !r.over && !r.aborted && to > r.End() {
		r.end.Store(int64(to))
	}
}

// abort ends the window a moment from now, unless it ends before.
func (r *Recorder) abort() {
	const moment = 20 * time.Millisecond // nothing that is planned for then has begun
	r.ending.Lock()
	defer r.ending.Unlock()
	if to := clock.Now() + moment; !r.over && to < r.End() && to > r.from {
		r.end.Store(int64(to))
		r.aborted = true
	}
}

// Exhausted notes that there are only so many arrivals, and that the driver has begun
// them: the window ends.
func (r *Recorder) Exhausted(arrivals uint64) {
	r.ending.Lock()
	r.most = arrivals
	r.ending.Unlock()
	r.abort()
}

// cpus are those of the threads that drive, else those of this process.
func (r *Recorder) cpus() (cpus []int) {
	for _, s := range r.shards {
		if s.thread != 0 && s.cpu >= 0 && !slices.Contains(cpus, s.cpu) {
			cpus = append(cpus, s.cpu)
		}
	}
	if len(cpus) == 0 {
		cpus, _ = host.ProcessCPUs(os.Getpid())
	}
	return cpus
}

// threads are the threads that drive, where they are known.
func (r *Recorder) threads() (threads []int) {
	for _, s := range r.shards {
		if s.thread != 0 {
			threads = append(threads, s.thread)
		}
	}
	return threads
}

// Shard is one part of a recorder. It has no lock: one thread of a driver
// uses it, or several that exclude one another.
type Shard struct {
	r       *Recorder
	stage   *result.Stage
	entries *queue[entry]
	events  *queue[noted]

	thread, cpu int // the thread that uses it, and the CPU to which that is pinned, -1 where to none; 0 where it is not one thread

	inFlight time.Duration // ∫ number in flight dt over the window, from Begin and Record
	failed   time.Duration // summed time of the arrivals of the window that no histogram of time holds
	overhang time.Duration // of the window's arrivals, their time after it, less earlier ones' time within it
	begun    int64         // arrivals of the window that were begun
	waited   int64         // of those that ended, how many waited for a connection
	statuses [result.MaxStatus + 1]int64
	whys     [len(result.Outcomes)]string
	before   discarded
	loop     *result.Loop // what the thread that used the shard did, where the driver reports it
}

// OnThread notes that the calling thread alone uses the shard, and to which CPU it is
// pinned, -1 where to none. A driver may call it, before Start.
func (s *Shard) OnThread(cpu int) { s.thread, s.cpu = host.ThreadID(), cpu }

// within is how far in the measured window an instant lies, which is not in the future.
func (r *Recorder) within(at time.Duration) time.Duration {
	if r.Over(at) {
		at = r.End()
	}
	return max(at-r.from, 0)
}

// measured reports whether an arrival belongs to the window: by its planned
// instant alone, so that a stall can push none out of it.
func (r *Recorder) measured(planned time.Duration) bool {
	return planned >= r.from && planned < r.End()
}

// Begin notes that the driver begins the arrival planned for that instant.
func (s *Shard) Begin(planned time.Duration) {
	s.inFlight -= s.r.within(planned)
	if s.r.measured(planned) {
		s.begun++
	}
}

// Record notes how an arrival that was begun has ended.
func (s *Shard) Record(a Arrival) {
	done := s.r.within(a.Done)
	s.inFlight += done
	e := entry{a.Planned, a.Sent - a.Planned, a.Done - a.Planned, restOf(a), a.Outcome, a.Events > 0}
	if a.Outcome == result.Unsent {
		e.lag = 0
	}
	if s.r.fold != nil {
		s.entries.put(e, a.Done)
	}
	if a.Events > 0 || a.EndedEarly {
		s.streamEnded(a)
	}
	if !s.r.measured(a.Planned) {
		// Begun before the window: what of it lies within.
		s.overhang -= done - s.r.within(a.Planned)
		s.before.add(a)
		return
	}
	s.overhang += max(0, a.Done-s.r.from-done)
	if s.r.observer != nil {
		s.r.observer.Ended(a)
	}
	st := s.stage
	st.Counts[a.Outcome]++
	st.Redirects += int64(a.Redirects)
	if a.Resent {
		st.Resent++
	}
	if a.Waited {
		s.waited++
	}
	if a.Status >= result.MinStatus && a.Status <= result.MaxStatus {
		s.statuses[a.Status]++
	}
	if a.Outcome != result.Unsent {
		st.Lag.Record(a.Sent - a.Planned)
	}
	switch a.Outcome {
	case result.OK:
		st.Latency.Record(a.Done - a.Planned)
		st.Uncorrected.Record(a.Done - a.Sent)
		if first, known := e.firstByte(); known {
			st.FirstByte.Record(first)
		}
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

// Secured notes that a handshake of TLS was complete after took. All of them
// count, like Connected, which the handshake is not part of.
func (s *Shard) Secured(took time.Duration) { s.stage.Handshakes().Record(took) }

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
	most               uint64 // arrivals, where there are only so many; else 0
	whys               [len(result.Outcomes)]string
	before             discarded
	loops              []result.Loop
	completionErr      error // why it is not known what is lost

	// Of the fold.
	dropped       int64 // arrivals that are in no slice
	droppedEvents int64 // of streams, that were not noted: none of them is left out

	disturbed time.Duration // of the window, by the machine
	causes    causes        // of that
	longest   time.Duration // the longest spell
}

// merge puts the shards together, once, after the driver has returned.
func (r *Recorder) merge() merged {
	m := merged{stage: result.NewStage(), most: r.most}
	for _, s := range r.shards {
		m.stage.Counts.Add(s.stage.Counts)
		m.stage.Latency.Merge(s.stage.Latency)
		m.stage.Uncorrected.Merge(s.stage.Uncorrected)
		m.stage.FirstByte.Merge(s.stage.FirstByte)
		m.stage.Connect.Merge(s.stage.Connect)
		m.stage.Rejected.Merge(s.stage.Rejected)
		m.stage.Lag.Merge(s.stage.Lag)
		if s.stage.TLS != nil {
			m.stage.Handshakes().Merge(s.stage.TLS)
		}
		if s.stage.Streams != nil {
			if m.stage.Streams == nil {
				m.stage.Streams = result.NewStreams()
			}
			m.stage.Streams.Merge(s.stage.Streams)
		}
		m.stage.Redirects += s.stage.Redirects
		m.stage.Resent += s.stage.Resent
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
		for status, n := range s.statuses {
			if n > 0 {
				m.stage.Statuses = m.stage.Statuses.Plus(result.Statuses{status: n})
			}
		}
		m.before.merge(s.before)
		for o, why := range s.whys {
			if m.whys[o] == "" {
				m.whys[o] = why
			}
		}
	}
	m.times += m.stage.Latency.Sum() + m.stage.Rejected.Sum()
	m.stage.Start = clock.Wall(r.from)
	m.stage.Length = r.End() - r.from
	m.stage.InFlight = m.inFlight.Seconds() / m.stage.Length.Seconds()
	if r.completions != nil {
		m.stage.Completion, m.completionErr = r.completions.result()
	}
	return m
}
