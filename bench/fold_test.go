package bench

import (
	"math"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// A part of a fold has the slices of the complete window, and leaves out the same time.
func TestPartOfAFold(t *testing.T) {
	t.Parallel()
	p := Plan{Duration: time.Second}.withDefaults()
	r := NewRecorder(p)
	r.from = time.Hour
	r.end.Store(int64(r.from + p.Duration))
	f := newFold(r)
	f.spans.add(span{from: r.from + 300*time.Millisecond, to: r.from + 400*time.Millisecond})
	part := &Recorder{plan: p, from: r.from, window: r}
	shard := part.NewShard()
	part.fold = f.newPart(part)
	for i := range 70 { // none in the last slice
		at := r.from + time.Duration(i)*10*time.Millisecond
		shard.Begin(at)
		shard.Record(Arrival{Planned: at, Sent: at, Done: at + time.Millisecond, Outcome: result.OK})
	}
	shard.entries.show()
	f.late = math.MaxInt64
	f.foldAll(true)
	part.fold.complete()
	m := part.merge()
	part.fold.result(&m)
	s := m.stage
	if len(s.Slices) != 4 || s.Undisturbed == nil {
		t.Fatalf("%d slices, undisturbed %v", len(s.Slices), s.Undisturbed)
	}
	for i, want := range []int64{25, 25, 20, 0} {
		if got := s.Slices[i]; got.Counts[result.OK] != want || got.Latency.N() != want || got.Length != sliceLength || (got.Disturbed > 0) != (i == 1) {
			t.Errorf("slice %d: %+v, want %d arrivals", i, got, want)
		}
	}
	if u := s.Undisturbed; u.Counts[result.OK] != 60 || u.Latency.N() != 60 || u.Length != 900*time.Millisecond || s.Counts[result.OK] != 70 {
		t.Errorf("undisturbed %v of %v in %v", u.Counts, s.Counts, u.Length)
	}
}

// Drivers note arrivals and events while they are folded, also where nobody watches.
func TestFoldWhileDriversGoOn(t *testing.T) {
	t.Parallel()
	p := Plan{Duration: time.Hour}.withDefaults()
	r := NewRecorder(p)
	r.from = time.Hour
	r.end.Store(int64(r.from + p.Duration))
	r.fold = newFold(r)
	shard := r.NewShard()
	const n = 20_000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			streamed(shard, r.from+time.Duration(i)*time.Millisecond, time.Millisecond, 2*time.Millisecond)
			shard.events.show()
			shard.entries.show()
		}
	}()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		r.fold.foldAll(false)
	}
	r.fold.late = math.MaxInt64
	r.fold.foldAll(true)
	r.fold.complete()
	if m := r.merge(); m.stage.Counts[result.OK]+r.fold.dropped != n || m.stage.Streams.Events != 2*n {
		t.Errorf("%v, %d events; %d dropped", m.stage.Counts, m.stage.Streams.Events, r.fold.dropped)
	}
}
