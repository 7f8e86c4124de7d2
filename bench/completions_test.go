package bench

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// worker does later what a fakeServer accepts: each request a while after its
// reply, except for those that the test treats in another way.
type worker struct {
	takes time.Duration
	how   func(id uint64) fate
	err   error // of Waiting

	mu     sync.Mutex
	report func(id uint64, how result.CompletionEvent)
	next   uint64
	asked  []uint64
}

type fate int

const (
	isDone fate = iota
	isEarly
	isAgain
	isTwice
	isLost
	isWaiting
)

func (w *worker) Watch(_ context.Context, report func(id uint64, how result.CompletionEvent)) error {
	w.report = report
	return nil
}

func (w *worker) Waiting(_ context.Context, ids []uint64) (n int, err error) {
	w.asked = ids
	for _, id := range ids {
		if w.how(id) == isWaiting {
			n++
		}
	}
	return n, w.err
}

// accept is the server's answer to its n-th request.
func (w *worker) accept(int) Reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	id := w.next
	done := func() { w.report(id, result.Completed) }
	switch f := w.how(id); f {
	case isEarly:
		done() // before the reply is there
	case isDone, isAgain, isTwice:
		time.AfterFunc(w.takes, done)
		if f != isDone {
			how := map[fate]result.CompletionEvent{isAgain: result.Redelivered, isTwice: result.CompletedAgain}[f]
			time.AfterFunc(w.takes+time.Millisecond, func() { w.report(id, how) })
		}
	}
	return Reply{Outcome: result.OK, ID: id}
}

func runLater(t *testing.T, p Plan, w *worker) *result.Stage {
	t.Helper()
	skipUnderRace(t)
	var stage *result.Stage
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{wait: ms, answer: w.accept}
		var err error
		stage, err = Run(t.Context(), p, &GoroutineDriver{Dial: f.dial, Kind: "fake", Completions: w, sleep: goSleep})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // for what is reported too late
	})
	return stage
}

func TestSecondClockRunsFromThePlannedInstant(t *testing.T) {
	w := &worker{takes: wait, how: func(uint64) fate { return isDone }}
	s := runLater(t, Plan{Load: Load{Rate: 100, Arrivals: load.Constant}, Warmup: 500 * ms, Duration: time.Second}, w)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 100})
	q := s.Completion
	if q.Accepted != 100 || q.Completed() != 100 || q.Lost+q.Backlog+q.Duplicates != 0 {
		t.Errorf("%+v", q)
	}
	if !near(s.Latency.Max(), ms) || !near(q.Latency.Quantile(0), wait+ms) || !near(q.Latency.Max(), wait+ms) {
		t.Errorf("accepted within %v, done within %v to %v", s.Latency.Max(), q.Latency.Quantile(0), q.Latency.Max())
	}
}

func TestSecondClockAccountsForEveryRequest(t *testing.T) {
	fates := []fate{isDone, isEarly, isAgain, isTwice, isLost, isWaiting, isDone, isDone, isDone, isDone}
	w := &worker{takes: wait, how: func(id uint64) fate { return fates[id%10] }}
	s := runLater(t, Plan{Load: Load{Rate: 100, Arrivals: load.Constant}, Warmup: 500 * ms, Duration: time.Second, DrainTimeout: time.Second}, w)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 100})
	q := s.Completion
	if q.Accepted != 100 || q.Completed() != 80 || q.Lost != 10 || q.Backlog != 10 || q.Duplicates != 20 || q.CompletedAgain != 10 {
		t.Errorf("%+v", q)
	}
	if len(w.asked) != 20 || slices.Max(w.asked) > 150 {
		t.Errorf("asked for %v", w.asked)
	}
	if notes := strings.Join(s.Notes(), "\n"); !strings.Contains(notes, "10 of 100 accepted requests are LOST") || !strings.Contains(notes, "still queued") || !strings.Contains(notes, "was repeate") {
		t.Errorf("it says: %s", notes)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back result.Stage
	if err := json.Unmarshal(b, &back); err != nil {
		t.Error(err)
	}
}

// A stage ends when all is done, at the latest at the drain limit.
func TestSecondClockDrains(t *testing.T) {
	skipUnderRace(t)
	for _, c := range []struct {
		takes, drain, want time.Duration
		done               int64
	}{
		{3 * time.Second, 5 * time.Second, 3900*ms + ms, 10},
		{3 * time.Second, 2 * time.Second, 3 * time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &worker{takes: c.takes, how: func(uint64) fate { return isDone }}
			f := &fakeServer{wait: ms, answer: w.accept}
			began := time.Now()
			s, err := Run(t.Context(), Plan{Load: Load{Rate: 10, Arrivals: load.Constant}, Duration: time.Second, DrainTimeout: c.drain}, &GoroutineDriver{Dial: f.dial, Completions: w, sleep: goSleep})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); (took-c.want).Abs() > ms || s.Completion.Completed() != c.done {
				t.Errorf("work of %v, drain %v: it took %v, want %v; %+v", c.takes, c.drain, took, c.want, s.Completion)
			}
			time.Sleep(time.Minute)
		})
	}
}

// A watcher may go on for a while when the stage is over. What it reports then
// does not count, and does not race with who reads what was counted.
func TestCompletionsStop(t *testing.T) {
	r := NewRecorder(Plan{Load: Load{Clients: 1}, Duration: time.Minute})
	l := r.newCompletions()
	start, _ := r.Start()
	for id := range uint64(3) {
		l.accepted(id, start)
	}
	l.reported(0, result.Completed)
	l.reported(0, result.Redelivered)
	l.settle(t.Context(), &worker{how: func(id uint64) fate { return []fate{isDone, isWaiting, isLost}[id] }})
	m := r.merge()
	var reporting sync.WaitGroup
	reporting.Go(func() {
		for range 1000 {
			l.reported(0, result.CompletedAgain)
			l.reported(1, result.Completed)
		}
	})
	for range 100 {
		if q := m.stage.Completion; q.Accepted != 3 || q.Completed() != 1 || q.Backlog != 1 || q.Lost != 1 || q.Duplicates != 1 || q.CompletedAgain != 0 {
			t.Fatalf("%+v", *q)
		}
	}
	reporting.Wait()
	if q := r.merge().stage.Completion; q.Completed() != 1 || q.Duplicates != 1 || q.CompletedAgain != 0 {
		t.Errorf("afterwards: %+v", *q)
	}
}

func TestWhatIsNotKnownIsNotValid(t *testing.T) {
	w := &worker{how: func(uint64) fate { return isLost }, err: errors.New("the broker is away")}
	s := runLater(t, Plan{Load: Load{Rate: 10, Arrivals: load.Constant}, Duration: time.Second, DrainTimeout: time.Second}, w)
	if all := strings.Join(s.Notes(), "\n"); s.Valid() || !strings.Contains(all, "the broker is away") || strings.Contains(all, "LOST") {
		t.Errorf("valid %t: %q", s.Valid(), s.Notes())
	}
	if q := s.Completion; q.Accepted == 0 || q.Unknown != q.Accepted || q.Lost+q.Backlog+q.Completed() != 0 {
		t.Errorf("%+v, want all unknown and none lost", *q)
	}
}

func TestRecentKeepsTheNewest(t *testing.T) {
	r := newRecent[int](3)
	for id := range uint64(5) {
		r.put(id, int(id))
		r.put(id, int(10*id))
	}
	for id := range uint64(5) {
		if v, ok := r.of[id]; ok != (id >= 2) || ok && v != int(10*id) {
			t.Errorf("%d: %d, %t", id, v, ok)
		}
	}
	if v, ok := r.take(3); !ok || v != 30 || len(r.of) != 2 {
		t.Errorf("taken: %d, %t; %d are left", v, ok, len(r.of))
	}
}
