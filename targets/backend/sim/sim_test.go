package sim_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
)

// queueLoop is an event loop reduced to what the backend needs of it.
type queueLoop struct{ timers clock.Queue[func()] }

func (l *queueLoop) At(at time.Duration, f func()) { l.timers.Push(at, f) }

func (l *queueLoop) Execute(f func()) { f() }

func (l *queueLoop) run() {
	for {
		at, any := l.timers.Next()
		if !any {
			return
		}
		clock.Sleep(nil, at)
		f, _ := l.timers.PopDue(at)
		f()
	}
}

// In each idiom, one call after the other: the answer is right and not early.
func TestEveryIdiomWaitsAndAnswers(t *testing.T) {
	const latency, n = 2 * time.Millisecond, 10
	idioms := map[string]func(b backend.Backend, q *backend.Query){
		"park": func(b backend.Backend, q *backend.Query) { b.Park(q) },
		"block": func(b backend.Backend, q *backend.Query) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			b.Block(q)
		},
		"notify": func(b backend.Backend, q *backend.Query) {
			var l queueLoop
			called := 0
			b.Notify(q, &l, func() { called++ })
			if called != 0 {
				t.Error("Notify called back before it returned")
			}
			if l.run(); called != 1 {
				t.Errorf("called back %d times", called)
			}
		},
	}
	for name, ask := range idioms {
		t.Run(name, func(t *testing.T) {
			b, err := sim.New(sim.Config{Latency: latency, Connections: 3})
			if err != nil {
				t.Fatal(err)
			}
			var q backend.Query
			for user := int64(1); user <= n; user++ {
				q.UserID = user
				began := clock.Now()
				ask(b, &q)
				if took := clock.Now() - began; took < latency {
					t.Errorf("answered after %v, before %v were over", took, latency)
				}
				if want := orders.Generate(nil, user); q.Err != nil || !slices.Equal(q.Orders, want) {
					t.Errorf("got %v, %v, want %v", q.Orders, q.Err, want)
				}
			}
			st := b.Stats()
			if st.Name != "sim" || st.Connections != 3 || st.Calls != n || st.WaitError.N != n || st.WaitError.P50 < 0 {
				t.Errorf("after %d calls the stats are %+v, %+v", n, st, st.WaitError)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// With c connections and n calls at once, the last answer comes after n/c
// service times.
func TestConnsAreShared(t *testing.T) {
	const latency, conns, n = 3 * time.Millisecond, 4, 20
	b, err := sim.New(sim.Config{Latency: latency, Connections: conns})
	if err != nil {
		t.Fatal(err)
	}
	began := clock.Now()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { b.Park(new(backend.Query)) })
	}
	wg.Wait()
	if took := clock.Now() - began; took < latency*n/conns {
		t.Errorf("%d calls over %d connections took %v, less than %v", n, conns, took, latency*n/conns)
	}
}
