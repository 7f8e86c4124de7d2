package theory

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// events is the same queue by its events: workers take the first that waits when
// they are done, and not before.
func events(c, k int, at, service []time.Duration) []Decision {
	out := make([]Decision, len(at))
	type worker struct {
		busy bool
		done time.Duration
	}
	workers := make([]worker, c)
	var waiting []int
	begin := func(w *worker, i int, t time.Duration) {
		out[i] = Decision{Accepted: true, Start: t, Departure: t + service[i]}
		w.busy, w.done = true, t+service[i]
	}
	until := func(t time.Duration) {
		for {
			var next *worker
			for i := range workers {
				if w := &workers[i]; w.busy && w.done <= t && (next == nil || w.done < next.done) {
					next = w
				}
			}
			if next == nil {
				return
			}
			next.busy = false
			if len(waiting) > 0 {
				begin(next, waiting[0], next.done)
				waiting = waiting[1:]
			}
		}
	}
arrivals:
	for i, t := range at {
		until(t)
		for w := range workers {
			if !workers[w].busy {
				begin(&workers[w], i, t)
				continue arrivals
			}
		}
		if k == Unbounded || len(waiting) < k {
			waiting = append(waiting, i)
		}
	}
	until(math.MaxInt64)
	return out
}

// trace draws arrivals and services of whole numbers, small enough for many ties.
func trace(t *rapid.T) (c, k int, at, service []time.Duration) {
	c, k = rapid.IntRange(1, 5).Draw(t, "c"), rapid.IntRange(-1, 5).Draw(t, "k")
	now := time.Duration(0)
	for range rapid.IntRange(0, 60).Draw(t, "n") {
		now += time.Duration(rapid.IntRange(0, 4).Draw(t, "gap"))
		at = append(at, now)
		service = append(service, time.Duration(rapid.IntRange(0, 20).Draw(t, "service")))
	}
	return c, k, at, service
}

func replayed(c, k int, at, service []time.Duration) (out []Decision) {
	r := must(NewReplay(c, k))
	for i := range at {
		out = append(out, must(r.Next(at[i], service[i])))
	}
	return out
}

func TestReplayAgainstEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, k, at, service := trace(t)
		want := events(c, k, at, service)
		for i, f := range replayed(c, k, at, service) {
			f.Slack = 0
			if f != want[i] {
				t.Fatalf("arrival %d: %+v, want %+v", i, f, want[i])
			}
		}
	})
}

// The slack is what an arrival must be moved by, alone, for its decision to be
// another, and no less will do.
func TestReplaySlack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, k, at, service := trace(t)
		if len(at) == 0 {
			return
		}
		i := rapid.IntRange(0, len(at)-1).Draw(t, "i")
		f := replayed(c, k, at, service)[i]
		if f.Slack == Never {
			return
		}
		// The last that is moved has nobody behind it to pass, and stays behind those
		// before it.
		moved := func(by time.Duration) (accepted, ok bool) {
			to := at[i] + by
			if to < 0 || i > 0 && to < at[i-1] {
				return false, false
			}
			times := append(append([]time.Duration(nil), at[:i]...), to)
			return replayed(c, k, times, service[:i+1])[i].Accepted, true
		}
		away, just := f.Slack, f.Slack-1
		if f.Accepted {
			away, just = -f.Slack-1, -f.Slack
		}
		if accepted, ok := moved(away); ok && accepted == f.Accepted {
			t.Errorf("moved by %d, arrival %d is the same: %+v", away, i, f)
		}
		if accepted, ok := moved(just); ok && accepted != f.Accepted {
			t.Errorf("moved by %d, arrival %d is another: %+v", just, i, f)
		}
	})
}

func TestReplayTies(t *testing.T) {
	// What leaves at an instant has left before what arrives at it.
	decisions := replayed(1, 0, []time.Duration{0, 10, 19}, []time.Duration{10, 10, 10})
	if !decisions[1].Accepted || decisions[1].Slack != 0 || decisions[2].Accepted || decisions[2].Slack != 1 {
		t.Errorf("%+v", decisions)
	}
	// All at once: the first in the order of the record.
	decisions = replayed(1, 1, []time.Duration{5, 5, 5}, []time.Duration{7, 7, 7})
	if !decisions[0].Accepted || decisions[1].Start != 12 || decisions[2].Accepted {
		t.Errorf("%+v", decisions)
	}
}

func TestReplayErrors(t *testing.T) {
	r := must(NewReplay(1, 1))
	for _, row := range [][2]time.Duration{{-1, 1}, {1, -1}, {math.MaxInt64, 1}} {
		if _, err := r.Next(row[0], row[1]); err == nil {
			t.Errorf("%v: no error", row)
		}
	}
	must(r.Next(10, math.MaxInt64-10))
	if _, err := r.Next(10, 1); err == nil {
		t.Error("the end of the second overflows: no error")
	}
	if _, err := r.Next(9, 1); err == nil {
		t.Error("backwards: no error")
	}
	if _, err := NewReplay(0, 1); err == nil {
		t.Error("no workers: no error")
	}
	if _, err := NewReplay(1, -2); err == nil {
		t.Error("places below none: no error")
	}
}

// Of Poisson arrivals with constant services it rejects as much as M/D/2/K, and
// room for its arrivals is not needed.
func TestReplayOfPoisson(t *testing.T) {
	const n = 400_000
	r := must(NewReplay(2, 3))
	draw := rand.New(rand.NewPCG(4, 4))
	var now float64
	var lost, waited float64
	for range n {
		now += draw.ExpFloat64() / 2.1 * 1e6
		f := must(r.Next(time.Duration(now), 1e6))
		if !f.Accepted {
			lost++
		} else {
			waited += float64(f.Start-time.Duration(now)) / 1e6
		}
	}
	q := md2K(3, 2.1)
	wantClose(t, "rejected", lost/n, q.rejected, 0.02)
	wantClose(t, "mean wait", waited/(n-lost), q.waitMean, 0.01)
	if got := len(r.line.starts); got > 4_096 {
		t.Errorf("%d starts are kept", got)
	}
}

// What was let in against the rule counts from then on like any other.
func TestAdmitLetsInWhateverThereIsRoomFor(t *testing.T) {
	r, err := NewReplay(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Decision{
		{Accepted: true, Start: 1, Departure: 11, Slack: Never},
		{Accepted: true, Start: 11, Departure: 21, Slack: Never},
		{Accepted: false, Start: 21, Departure: 31, Slack: 8},
	} {
		if f, err := r.Admit(time.Duration(i+1), 10); err != nil || f != want {
			t.Errorf("%d: %+v, %v, want %+v", i, f, err, want)
		}
	}
	if f, err := r.Next(12, 10); err != nil || f.Accepted {
		t.Errorf("one leaves, one waits and one more: %+v, %v", f, err)
	}
	if f, err := r.Next(22, 10); err != nil || !f.Accepted || f.Start != 31 {
		t.Errorf("there is room again: %+v, %v", f, err)
	}
}
