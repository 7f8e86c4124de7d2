package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// streamed records a stream: its events at instants after the planned one.
func streamed(s *Shard, planned time.Duration, events ...time.Duration) {
	s.Begin(planned)
	a := Arrival{Planned: planned, Sent: planned, Events: len(events), Outcome: result.OK}
	before := time.Duration(0)
	for i, after := range events {
		at := planned + after
		s.Event(Event{Planned: planned, Before: before, At: at, First: i == 0, Together: i > 0 && at == before})
		before = at
	}
	a.Done = before + time.Millisecond
	if len(events) > 2 {
		a.MedianGap = 10 * time.Millisecond
	}
	s.Record(a)
}

// A first event or a gap is left out where any of its time was disturbed; the rest of its
// stream stays.
func TestDisturbedEventsAreLeftOut(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	p := Plan{Duration: time.Second}.withDefaults()
	r := NewRecorder(p)
	r.from = time.Hour
	r.end.Store(int64(r.from + p.Duration))
	r.fold = newFold(r)
	shard := r.NewShard()
	r.fold.spans.add(span{from: r.from + 300*ms, to: r.from + 400*ms})

	streamed(shard, r.from-50*ms, 20*ms, 60*ms, 360*ms)            // before the window: the second and third event came in it, the third in the spell
	streamed(shard, r.from+100*ms, 100*ms, 150*ms, 150*ms, 250*ms) // the last gap reaches into it
	streamed(shard, r.from+290*ms, 5*ms, 200*ms, 210*ms)           // the first gap spans it
	streamed(shard, r.from+295*ms, 20*ms, 200*ms)                  // the first event came in it
	streamed(shard, r.from+350*ms, 10*ms, 20*ms, 100*ms, 110*ms)   // planned in it
	streamed(shard, r.from+400*ms, 5*ms, 10*ms)                    // just after it
	shard.Begin(r.from + 500*ms)                                   // no event, and cut off
	shard.Record(Arrival{Planned: r.from + 500*ms, Sent: r.from + 500*ms, Done: r.from + 510*ms, Outcome: result.Error, EndedEarly: true})
	shard.events.show()
	shard.entries.show()
	r.fold.late = math.MaxInt64
	r.fold.foldAll(true)
	r.fold.complete()
	m := r.merge()
	r.fold.result(&m)
	all, shown := m.stage.Streams, m.stage.Shown().Streams
	for _, c := range []struct {
		what      string
		got, want [6]int64
	}{
		{"all", streamCounts(all), [6]int64{15, 1, 1, 5, 10, 17}},
		{"shown", streamCounts(shown), [6]int64{8, 1, 1, 3, 5, 12}},
	} {
		if c.got != c.want {
			t.Errorf("%s: events, together, ended early, first events, gaps and events in the window are %v, want %v", c.what, c.got, c.want)
		}
	}
	// The slices have the first events of the window by their planned instants, and the gaps
	// by their ends.
	for i, want := range [][4]int64{{1, 0, 2, 0}, {4, 9, 14, 0}, {0, 1, 1, 1}, {0, 0, 0, 0}} {
		p := m.stage.Slices[i].Streams
		if got := [4]int64{p.FirstEvent.N(), p.Gap.N(), p.InWindow, p.EndedEarly}; got != want {
			t.Errorf("slice %d: first events, gaps, events in the window and ended early are %v, want %v", i+1, got, want)
		}
	}
	if all.MedianGap.N() != 3 || shown.MedianGap.N() != 2 || all.Length.N() != 5 || shown.Length.N() != 4 {
		t.Errorf("%d and %d median gaps, %d and %d lengths", all.MedianGap.N(), shown.MedianGap.N(), all.Length.N(), shown.Length.N())
	}
	if got, want := shown.Gap.Max(), 50*ms; (got - want).Abs() > want/500 {
		t.Errorf("the longest gap shown is %v, want %v", got, want)
	}
	if got, want := all.Gap.Sum(), (150+205+180+100+5)*ms; got != want {
		t.Errorf("all gaps add up to %v, want %v", got, want)
	}
}

// What is shown of streams while a stage runs, and what its slices have, add up to its
// record, however long they last and however many slices there are.
func TestPartsOfStreamsAddUpToTheRecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.IntRange(1, 400).Draw(t, "seconds")) * time.Second // of 150 s and more slices are joined
		var shown *result.StreamPart
		p := Plan{Duration: length, Watch: func(l Live) { shown = shown.Plus(l.Streams) }}.withDefaults()
		r := NewRecorder(p)
		r.from = time.Hour
		r.end.Store(int64(r.from + p.Duration))
		r.fold = newFold(r)
		shard := r.NewShard()
		at := rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(length)).Draw(t, "after"))
		})
		gaps := int64(0) // of arrivals of the window, that ended in it
		for range rapid.IntRange(1, 30).Draw(t, "streams") {
			planned := r.from - time.Second + at.Draw(t, "planned")
			events := rapid.SliceOfN(at, 0, 5).Draw(t, "events")
			slices.Sort(events)
			streamed(shard, planned, events...)
			for i, after := range events {
				if i > 0 && r.measured(planned) && r.measured(planned+after) {
					gaps++
				}
			}
			shard.events.show()
			r.fold.late = planned
			r.fold.fold(false)
			r.fold.publish(planned, false)
		}
		shard.entries.show()
		r.fold.late = math.MaxInt64
		r.fold.foldAll(true)
		r.fold.complete()
		r.fold.publish(r.from+2*length, true)
		m := r.merge()
		r.fold.result(&m)
		all := m.stage.Streams
		var sliced *result.StreamPart
		for _, s := range m.stage.Slices {
			sliced = sliced.Plus(s.Streams)
		}
		if all == nil {
			if shown != nil || sliced != nil {
				t.Fatal("there are parts of streams, and the record has none")
			}
			return
		}
		text := func(p *result.StreamPart, gaps bool) string {
			return fmt.Sprint(p.FirstEvent.Hist().Summary(), gaps && p.Gap.Hist().Summary() == all.Gap.Summary(), p.InWindow, p.EndedEarly)
		}
		if got, want := text(shown, true), text(all.Part(), true); got != want {
			t.Errorf("shown: %s, want %s", got, want)
		}
		if got, want := text(sliced, false), text(all.Part(), false); got != want || sliced.Gap.N() != gaps {
			t.Errorf("slices: %s and %d gaps, want %s and %d", got, sliced.Gap.N(), want, gaps)
		}
	})
}

// Of replies that are no streams nothing is counted as one, and no memory is taken for it.
func TestRepliesAreNoStreams(t *testing.T) {
	t.Parallel()
	p := Plan{Duration: time.Second, Watch: func(l Live) {
		if l.Streams != nil {
			t.Error("shown as a stream")
		}
	}}.withDefaults()
	r := NewRecorder(p)
	r.from = time.Hour
	r.end.Store(int64(r.from + p.Duration))
	r.fold = newFold(r)
	shard := r.NewShard()
	streamed(shard, r.from)
	shard.entries.show()
	r.fold.late = math.MaxInt64
	r.fold.foldAll(true)
	r.fold.complete()
	r.fold.publish(r.End(), true)
	m := r.merge()
	r.fold.result(&m)
	for i := range r.fold.open {
		if r.fold.open[i].streams != nil {
			t.Error("an open slice has room for events")
		}
	}
	for _, s := range m.stage.Slices {
		if s.Streams != nil {
			t.Error("a slice has streams")
		}
	}
	if r.fold.live.streams != nil || m.stage.Counts[result.OK] != 1 {
		t.Errorf("%v of one arrival", m.stage.Counts)
	}
}

func streamCounts(s *result.Streams) [6]int64 {
	return [6]int64{s.Events, s.Together, s.EndedEarly, s.FirstEvent.N(), s.Gap.N(), s.InWindow}
}

// The bounds of a stage of streams follow from first events and gaps: streams that last
// for a minute do not make a minute around each spell disturbed.
func TestBoundsOfStreams(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	p := Plan{Load: Load{Rate: 10}, Duration: time.Second}.withDefaults()
	r := NewRecorder(p)
	r.from = time.Hour
	r.end.Store(int64(r.from + p.Duration))
	r.fold = newFold(r)
	shard := r.NewShard()
	for i := range 100 {
		streamed(shard, r.from-time.Minute+time.Duration(i)*ms, 400*ms, 900*ms, 30*time.Second)
	}
	shard.events.show()
	shard.entries.show()
	r.fold.foldAll(true)
	r.fold.bound()
	if got := r.fold.bounds.latency; got < 400*ms || got > 401*ms {
		t.Errorf("the bound of latencies is %v, want that of first events, 400 ms", got)
	}
	if got := r.fold.bounds.lag; got < 4*ms || got > 5*ms {
		t.Errorf("spells from %v on count, want those of a hundredth of the time to first events", got)
	}
}

// eventConn is a connection whose replies are streams of three events.
type eventConn struct {
	event func(Event)
	gap   time.Duration
	cut   bool // the third never comes
	close chan struct{}
	once  sync.Once
}

func (c *eventConn) Events(event func(Event)) { c.event = event }

func (c *eventConn) Close() error {
	c.once.Do(func() { close(c.close) })
	return nil
}

func (c *eventConn) Do(time.Duration) Reply {
	var before time.Duration
	for i := range 3 {
		time.Sleep(c.gap)
		if i == 2 && c.cut {
			return Reply{Outcome: result.Reset, Events: 2, EndedEarly: true, Spent: true}
		}
		at := clock.Now()
		c.event(Event{Before: before, At: at, First: i == 0})
		before = at
	}
	return Reply{Outcome: result.OK, Events: 3, MedianGap: c.gap}
}

// The goroutine driver hands events to the recorder, and lets a stream outlast the
// timeout.
func TestGoroutineDriverHandsOverEvents(t *testing.T) {
	const gap = 60 * time.Millisecond
	for _, cut := range []bool{false, true} {
		p := Plan{Load: Load{Clients: 4}, Duration: 900 * time.Millisecond, Timeout: 100 * time.Millisecond}
		s := runFake(t, p, func(context.Context) (Conn, error) {
			return &eventConn{gap: gap, cut: cut, close: make(chan struct{})}, nil
		})
		planned, got := s.Counts.Planned(), s.Streams
		events := planned * 3
		if cut {
			events = planned * 2
		}
		if !s.Valid() || planned != 4*5 || got == nil || got.Events != events || got.FirstEvent.N() != planned || got.Length.N() != planned {
			t.Fatalf("cut %v: %v, %+v of %d arrivals", cut, s.Invalid, got, planned)
		}
		if (got.EndedEarly == planned) != cut || (got.MedianGap.N() == planned) == cut || s.Latency.N() == planned == cut {
			t.Errorf("cut %v: %d ended early, %d medians, %d ok", cut, got.EndedEarly, got.MedianGap.N(), s.Latency.N())
		}
		if first, gaps := got.FirstEvent.Mean(), got.Gap.Mean(); first != gap || gaps != gap {
			t.Errorf("cut %v: first events after %v and gaps of %v, want %v", cut, first, gaps, gap)
		}
	}
}

func TestStreamsAreValidated(t *testing.T) {
	for _, c := range []struct {
		stream Stream
		want   string
	}{
		{Stream{Done: "x"}, "StreamDone"},
		{Stream{Events: 3}, "StreamEvents"},
		{Stream{Message: "x"}, "StreamMessage"},
		{Stream{Kind: "udp"}, "Stream"},
		{Stream{Kind: StreamChunks, Done: "x"}, "StreamDone"},
		{Stream{Kind: StreamSSE, Events: -1}, "StreamEvents"},
		{Stream{Kind: StreamSSE, Done: strings.Repeat("x", mostStreamText+1)}, "StreamDone"},
		{Stream{Kind: StreamSSE, Message: "x"}, "StreamMessage"},
		{Stream{Kind: StreamWebSocket, Message: "x"}, "StreamEvents"},
	} {
		if err := c.stream.validate(); err == nil || !strings.HasPrefix(err.Error(), c.want+" ") {
			t.Errorf("%+v: %v, want an error of %s", c.stream, err, c.want)
		}
	}
}

// BenchmarkEvent is what an event costs the thread that drives.
func BenchmarkEvent(b *testing.B) {
	r := NewRecorder(Plan{Duration: time.Hour}.withDefaults())
	r.end.Store(int64(time.Hour))
	r.fold = newFold(r)
	r.fold.late = math.MaxInt64
	s := r.NewShard()
	e := Event{Planned: time.Second, Before: time.Second, At: time.Second}
	b.ReportAllocs()
	for b.Loop() {
		e.Before, e.At = e.At, e.At+5*time.Microsecond
		s.Event(e)
		if s.events.filled == chunkEntries {
			s.events.ahead.skip()
			for s.events.oldest() != nil {
				s.events.behind.read = s.events.behind.at.n.Load()
			}
		}
	}
}

// The lag of a stage of streams is measured by first events: beside streams of half a
// minute any lag is small.
func TestLagOfStreams(t *testing.T) {
	for _, load := range []Load{{Clients: 1000, ThinkTime: 800 * ms}, {Rate: 1000}} {
		for _, c := range []struct {
			lag   time.Duration
			valid bool
		}{{1900 * time.Microsecond, true}, {8 * ms, false}} {
			for _, streams := range []bool{true, false} {
				p := Plan{Load: load, Duration: time.Second}.withDefaults()
				s := result.NewStage()
				s.Length = time.Second
				if streams {
					s.Streams = result.NewStreams()
				}
				for range 1000 {
					s.Counts[result.OK]++
					s.Latency.Record(30*time.Second + c.lag)
					s.Uncorrected.Record(30 * time.Second)
					s.Lag.Record(c.lag)
					if streams {
						s.Streams.FirstEvent.Record(200*ms + c.lag)
					}
				}
				m := merged{stage: s, begun: 1000}
				if load.Rate > 0 {
					punctual(m, p)
				} else {
					undelayed(m, p)
				}
				if s.Valid() != (c.valid || !streams) {
					t.Errorf("%v, streams %v, a lag of %v: valid %v, %v", load, streams, c.lag, s.Valid(), s.Invalid)
				}
			}
		}
	}
}
