package bench

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	// sliceLength is the length of a slice, until a stage has too many of them.
	sliceLength = 250 * time.Millisecond
	// foldEvery is how often what the drivers noted is folded into slices.
	foldEvery = 125 * time.Millisecond
	// mostBounding is how many arrivals the bounds are taken from where there is no warm-up.
	mostBounding = 10_000
	// decideBefore is how long before its end a stage decides whether to run on.
	decideBefore = 25 * time.Millisecond
)

// machine is what is known of the machine while a stage runs.
type machine interface {
	// Spells are those found since the last call, and up to when nothing more can be found.
	Spells() (spells []host.Spell, until time.Duration)
	Stop()
}

// unwatched is a machine of which nothing is known.
type unwatched struct{}

func (unwatched) Spells() ([]host.Spell, time.Duration) { return nil, clock.Now() }
func (unwatched) Stop()                                 {}

// fold makes the slices of a stage from what its shards noted, while it runs, on a
// goroutine of its own.
//
// An arrival is folded once it is certain whether its planned instant was disturbed: a
// spell reaches back by the guard. Until then it stays in its queue.
type fold struct {
	r       *Recorder
	machine machine
	sampler *host.Sampler // nil where nothing is sampled
	stop    chan struct{}
	done    sync.WaitGroup

	length  time.Duration // of a slice
	slices  []foldedSlice
	open    [4]openSlice // the newest, by the number of the slice
	newest  int
	spans   *spans
	warm    result.Sparse // time from send to reply, before the window
	all     result.Sparse // likewise, in it
	gaps    result.Sparse // between events of streams, where there are some
	bounds  bounds
	bounded int64         // arrivals of the warm-up that bounds is from
	longest time.Duration // the longest spell
	counted causes        // up to which instant the spells of each cause are counted
	late    time.Duration // up to when no spell can come any more
	left    leftOut
	live    *live
	before  host.Sample
	at      time.Duration // of before
	dropped int64         // arrivals that are in no slice

	droppedEvents int64 // that were not folded

	mu    sync.Mutex // guards parts
	parts []*fold    // see newPart
}

// leftOut are the arrivals of the disturbed part.
type leftOut struct {
	counts                                         result.Counts
	latency, uncorrected, firstByte, rejected, lag result.Sparse
	streams                                        *result.Streams // nil where there are none
}

func newFold(r *Recorder) *fold {
	f := &fold{r: r, length: sliceLength, stop: make(chan struct{}), live: newLive(r.plan), spans: new(spans)}
	f.bounds = r.plan.boundsOf(&f.warm)
	for i := range f.counted {
		f.counted[i] = math.MinInt64 / 2 // before all instants
	}
	if every := r.plan.Load.BurstInterval; r.plan.Load.Model() == load.Burst {
		f.length = every * max(1, sliceLength/every) // whole waves
	}
	return f
}

// newPart returns a fold of another recorder with the same window, such as that of the
// steps of sessions. It is folded together with f, and what the machine disturbed in f is
// disturbed in it.
func (f *fold) newPart(r *Recorder) *fold {
	part := newFold(r)
	part.live, part.spans = nil, f.spans
	f.mu.Lock()
	f.parts = append(f.parts, part)
	f.mu.Unlock()
	return part
}

// start begins to watch the machine. It takes a moment, so it comes before the stage.
func (f *fold) start() {
	f.machine = f.r.machine
	if f.machine != nil {
		return
	}
	p := f.r.plan
	target := p.TargetPID
	g := host.Guarded{CPUs: f.r.cpus(), Threads: f.r.threads()}
	if theirs, err := host.ProcessCPUs(target); target != 0 && !p.inProcess() && err == nil {
		g.Apart = !slices.ContainsFunc(theirs, func(cpu int) bool { return slices.Contains(g.CPUs, cpu) })
		g.Targets = theirs
	}
	if p.inProcess() {
		g.Apart, target = true, 0 // what runs of the target counts as ours
	}
	f.sampler = host.NewSampler(target, slices.Concat(g.CPUs, g.Targets))
	f.machine = host.StartSentinels(g)
}

// run folds until the stage has ended.
func (f *fold) run() {
	f.done.Go(func() {
		host.LowerPriority() // what is driven comes first
		if f.live != nil {
			f.live.next.Start = clock.Wall(f.r.from)
		}
		next := f.r.from
		for {
			end := f.r.End()
			at := f.r.from + ((clock.Now()-f.r.from)/foldEvery+1)*foldEvery // so that samples are of slices
			if next > clock.Now() {
				at = min(at, next)
			}
			if decide := end - decideBefore; decide > clock.Now() {
				at = min(at, decide)
			}
			timer := time.NewTimer(at - clock.Now())
			select {
			case <-timer.C:
			case <-f.stop:
				timer.Stop()
				return
			}
			now := clock.Now()
			if now >= next {
				f.sample(now)
				next += f.length * ((now-next)/f.length + 1)
			}
			f.turn(now)
			// Also some turns before the last, for which this thread may come too late.
			if now >= end-decideBefore-2*foldEvery && now < end {
				f.decide(end)
			}
		}
	})
}

// finish folds what is left, once all arrivals have ended.
func (f *fold) finish() {
	close(f.stop)
	f.done.Wait()
	if f.machine == nil {
		return // it did not start
	}
	for _, part := range append(f.parts, f) { // all that drove have returned
		for _, s := range part.r.shards {
			s.entries.show()
			s.events.show()
		}
	}
	for range 100 { // the last spells are a nap late
		if _, until := f.gather(); until >= f.r.End() {
			break
		}
		time.Sleep(time.Millisecond)
	}
	f.machine.Stop()
	f.gather()
	f.late = math.MaxInt64
	f.foldAll(true)
	f.publish(clock.Now(), true)
	if f.sampler != nil {
		f.sampler.Close()
	}
	for _, part := range append(f.parts, f) {
		part.complete()
	}
}

// complete makes all slices of the window, those without arrivals too.
func (f *fold) complete() {
	f.slice(f.fit(int((f.r.End() - f.r.from - 1) / f.length)))
	f.closeAll()
	for _, s := range f.r.shards {
		f.dropped += s.entries.dropped
		f.droppedEvents += s.events.dropped
	}
}

func (f *fold) turn(now time.Duration) {
	f.bound()
	f.gather()
	f.foldAll(false)
	f.publish(now, false)
}

// publish hands out what has ended since the last time, where it is time to.
func (f *fold) publish(now time.Duration, last bool) {
	if f.live == nil || now < f.r.from+f.live.next.From+liveEvery && !last {
		return
	}
	disturbed, _ := f.spans.within(f.r.from+f.live.next.From, now)
	f.live.next.Start, f.live.next.Disturbed = clock.Wall(f.r.from), disturbed > 0
	if f.live.publish(now-f.r.from, last) {
		f.r.abort()
	}
}

// first are the times from send to reply of the warm-up, or where there are none of what
// has ended so far.
func (f *fold) first() *result.Sparse {
	if f.bounded == 0 && f.warm.N() == 0 {
		return &f.all
	}
	return &f.warm
}

// bound sets the bounds.
func (f *fold) bound() {
	from := f.first()
	if n := from.N(); n > f.bounded {
		f.bounds = f.r.plan.boundsOf(from)
		if f.gaps.N() > 0 {
			f.bounds.lag = min(f.bounds.lag, f.r.plan.boundsOf(&f.gaps).lag)
		}
		if from == &f.warm {
			f.bounded = n
		}
	}
}

// gather takes the spells that were found.
func (f *fold) gather() (found bool, until time.Duration) {
	spells, until := f.machine.Spells()
	for _, s := range spells {
		if s.Size < f.bounds.lag {
			continue
		}
		n := f.bounds.span(s)
		// Several CPUs and threads may see the same: it counts once.
		n.causes[s.Cause] = max(0, min(s.Size, s.To-f.counted[s.Cause]))
		f.counted[s.Cause] = max(f.counted[s.Cause], s.To)
		f.spans.add(n)
		f.longest = max(f.longest, s.Size)
		found = true
	}
	f.late = until - f.bounds.latency
	return found, until
}

// foldAll folds f and its parts.
func (f *fold) foldAll(all bool) {
	f.fold(all)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range f.parts {
		part.late = f.late
		part.fold(all)
	}
}

// fold folds what is certain, or all of it.
func (f *fold) fold(all bool) {
	for _, s := range f.r.shards {
		q := s.entries
		if f.live == nil {
			q.ahead.skip()
		} else { // drivers go on noting: another peek after the skip may find what has come since
			for e := q.ahead.peek(); e != nil; e = q.ahead.peek() {
				if e.planned >= f.r.from {
					f.live.add(e)
				}
				q.ahead.read++
			}
		}
		// A queue that is half full is folded all the same: better a spell too late
		// for some than no record.
		for e := q.oldest(); e != nil && (all || e.planned < f.late || q.held.Load() > mostChunks/2); e = q.oldest() {
			f.add(e)
			q.behind.read++
		}
		events := s.events
		if f.live == nil {
			events.ahead.skip()
		} else {
			for n := events.ahead.peek(); n != nil; n = events.ahead.peek() {
				f.live.addEvent(n, n.planned >= f.r.from)
				events.ahead.read++
			}
		}
		for n := events.oldest(); n != nil && (all || n.at < f.late || events.held.Load() > mostChunks/2); n = events.oldest() {
			f.addEvent(n)
			events.behind.read++
		}
	}
}

func (f *fold) add(e *entry) {
	served := e.outcome == result.OK && !e.stream // rejections are quick: they are no measure of what a spell changes
	if e.planned < f.r.from {
		if served {
			f.warm.Record(e.took - e.lag)
		}
		return
	}
	f.record(f.fit(int((e.planned-f.r.from)/f.length)), e)
	if f.bounded == 0 && served && f.all.N() < mostBounding {
		f.all.Record(e.took - e.lag)
	}
	if !f.spans.has(e.planned) {
		return
	}
	f.left.counts[e.outcome]++
	if e.outcome != result.Unsent {
		f.left.lag.Record(e.lag)
	}
	switch e.outcome {
	case result.OK:
		f.left.latency.Record(e.took)
		f.left.uncorrected.Record(e.took - e.lag)
		if first, known := e.firstByte(); known {
			f.left.firstByte.Record(first)
		}
	case result.Rejected:
		f.left.rejected.Record(e.took)
	}
}

// sample notes what was used since the last sample.
func (f *fold) sample(now time.Duration) {
	if f.sampler == nil {
		return
	}
	s, at := f.sampler.Read(), f.at
	used := s.Since(f.before)
	f.before, f.at = s, now
	if at == 0 || now <= f.r.from {
		return
	}
	if t := used.Throttled; t.Any() {
		f.spans.add(f.bounds.span(host.Spell{From: at, To: now, Size: max(t.Time, f.bounds.lag), Cause: host.Limited}))
	}
	slice := f.slice(f.fit(int((at + (now-at)/2 - f.r.from) / f.length)))
	slice.Generator.CPU += used.Generator.CPU
	slice.Target.CPU += used.Target.CPU
	slice.Generator.RSS, slice.Target.RSS = max(slice.Generator.RSS, used.Generator.RSS), max(slice.Target.RSS, used.Target.RSS)
	slice.Steal += used.Steal
	slice.Others += used.Others()
}

// result adds to the stage what was folded.
func (f *fold) result(m *merged) {
	s := m.stage
	to := f.r.from + s.Length
	m.dropped, m.droppedEvents, m.longest = f.dropped, f.droppedEvents, f.longest
	m.disturbed, m.causes = f.disturbed(f.r.from, to)
	for i := range f.slices {
		folded := &f.slices[i]
		if s.Streams != nil {
			folded.events()
		}
		slice := folded.Slice
		if slice.Length = min(slice.Length, s.Length-slice.Offset); slice.Length <= 0 {
			break
		}
		from := f.r.from + slice.Offset
		var by causes
		if slice.Disturbed, by = f.disturbed(from, from+slice.Length); slice.Disturbed > 0 {
			slice.Cause = by.text(slice.Steal)
		}
		slice.LagP99, slice.LagMax = folded.lag.Quantile(0.99), folded.lag.Quantile(1)
		s.Slices = append(s.Slices, slice)
	}
	if m.disturbed == 0 || m.disturbed >= s.Length {
		return
	}
	t := &result.Totals{Length: s.Length - m.disturbed, Counts: s.Counts}
	for o, n := range f.left.counts {
		t.Counts[o] -= n
	}
	without := func(h *result.Hist, left *result.Sparse) *result.Hist {
		rest := result.SparseOf(h)
		rest.Subtract(left)
		return rest.Hist()
	}
	t.Latency, t.Uncorrected = without(s.Latency, &f.left.latency), without(s.Uncorrected, &f.left.uncorrected)
	t.FirstByte = without(s.FirstByte, &f.left.firstByte)
	t.Rejected, t.Lag = without(s.Rejected, &f.left.rejected), without(s.Lag, &f.left.lag)
	if t.Streams = s.Streams; f.left.streams != nil {
		t.Streams = s.Streams.Without(f.left.streams)
	}
	s.Undisturbed = t
}
