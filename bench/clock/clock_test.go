package clock_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"pgregory.net/rapid"
)

func TestQueueGivesBackInOrderOfInstantThenOfPushing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type item struct {
			at  time.Duration
			seq int
		}
		var q clock.Queue[item]
		var want []item
		for i, at := range rapid.SliceOf(rapid.IntRange(0, 20)).Draw(t, "instants") {
			it := item{time.Duration(at), i}
			earliest, any := q.Next()
			if first := q.Push(it.at, it); first != (!any || it.at < earliest) {
				t.Fatalf("Push(%v) said first=%v with %v ahead (any: %v)", it.at, first, earliest, any)
			}
			want = append(want, it)
		}
		slices.SortStableFunc(want, func(a, b item) int { return int(a.at - b.at) })
		for _, w := range want {
			if _, ok := q.PopDue(w.at - 1); ok {
				t.Fatalf("PopDue gave a value before its instant %v", w.at)
			}
			if got, ok := q.PopDue(w.at); !ok || got != w {
				t.Fatalf("PopDue = %v, %v, want %v", got, ok, w)
			}
		}
		if q.Len() != 0 {
			t.Fatalf("%d values left", q.Len())
		}
	})
}

// Nobody may wake early, in whatever way they wait, and everybody wakes.
func TestWaitsNeverEndEarly(t *testing.T) {
	ways := map[string]func(time.Duration){
		"Sleep":      func(at time.Duration) { clock.Sleep(nil, at) },
		"BlockUntil": clock.BlockUntil,
		"Alarm": func(at time.Duration) {
			a, err := clock.NewAlarm()
			if err != nil {
				t.Error(err)
				return
			}
			defer a.Close()
			a.Set(at + time.Hour) // must be replaced by the next line
			a.Set(at)
			if err := a.Wait(); err != nil {
				t.Error(err)
			}
		},
	}
	for name, wait := range ways {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					at := clock.Now() + time.Duration(i%10)*time.Millisecond
					wait(at)
					if early := at - clock.Now(); early > 0 {
						t.Errorf("woke %v early", early)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestSleepEndsWhenDone(t *testing.T) {
	done := make(chan struct{})
	time.AfterFunc(5*time.Millisecond, func() { close(done) })
	if clock.Sleep(done, clock.Now()+time.Hour) {
		t.Error("Sleep says that the hour passed")
	}
	if clock.Sleep(done, 0) {
		t.Error("Sleep until a past instant says to go on although done is closed")
	}
	if !clock.Sleep(nil, 0) {
		t.Error("Sleep until a past instant must return true")
	}
}

func TestClosedAlarmEndsItsWait(t *testing.T) {
	a, err := clock.NewAlarm()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- a.Wait() }()
	a.Close()
	if err := <-ended; err == nil {
		t.Error("Wait on a closed alarm returned no error")
	}
}

// BenchmarkWake reports by how much each way of waiting oversleeps, one wait at
// a time on an otherwise idle process. time.Sleep stands beside ours.
func BenchmarkWake(b *testing.B) {
	for _, way := range []struct {
		name string
		wait func(at time.Duration)
	}{
		{"time.Sleep", func(at time.Duration) { time.Sleep(at - clock.Now()) }},
		{"goroutine", func(at time.Duration) { clock.Sleep(nil, at) }},
		{"thread", clock.BlockUntil},
	} {
		b.Run(fmt.Sprintf("way=%s", way.name), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			clock.Punctual()
			var late []time.Duration
			for b.Loop() {
				// Not a whole number of milliseconds, which would flatter time.Sleep.
				at := clock.Now() + 5*time.Millisecond + 370*time.Microsecond
				way.wait(at)
				late = append(late, clock.Now()-at)
			}
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2]), "p50-late-ns")
			b.ReportMetric(float64(late[len(late)*99/100]), "p99-late-ns")
		})
	}
}
