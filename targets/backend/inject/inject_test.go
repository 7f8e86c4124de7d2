package inject

import (
	"runtime"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// prompt is a backend that answers at once, and counts.
type prompt struct {
	calls int
	at    time.Duration // of the last call
}

func (b *prompt) answer(q *backend.Query) {
	b.calls++
	b.at = clock.Now()
	q.Orders = orders.Generate(q.Orders[:0], q.UserID)
}

func (b *prompt) Park(q *backend.Query)  { b.answer(q) }
func (b *prompt) Block(q *backend.Query) { b.answer(q) }
func (b *prompt) Notify(q *backend.Query, l backend.Loop, done func()) {
	l.At(clock.Now(), func() { b.answer(q); done() })
}
func (b *prompt) Stats() orders.BackendStats { return orders.BackendStats{Name: "prompt"} }
func (b *prompt) Close() error               { return nil }

// queueLoop is an event loop reduced to what a backend needs of it.
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

// idioms ask and wait for the answer.
var idioms = map[string]func(t *testing.T, b backend.Backend, q *backend.Query){
	"park": func(t *testing.T, b backend.Backend, q *backend.Query) { b.Park(q) },
	"block": func(t *testing.T, b backend.Backend, q *backend.Query) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		b.Block(q)
	},
	"notify": func(t *testing.T, b backend.Backend, q *backend.Query) {
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

func wrap(t *testing.T, b backend.Backend, c Config) backend.Backend {
	t.Helper()
	w, err := Wrap(b, c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestNothingInjectedIsTheBackendItself(t *testing.T) {
	var b backend.Backend = new(prompt)
	if got := wrap(t, b, Config{Seed: 7}); got != b {
		t.Errorf("got %T", got)
	}
}

// A quarter of the calls takes longer, after they were answered.
func TestEveryIdiomDelaysAShare(t *testing.T) {
	const length, n = 3 * time.Millisecond, 40
	for name, ask := range idioms {
		t.Run(name, func(t *testing.T) {
			inner := new(prompt)
			b := wrap(t, inner, Config{Delay: Delay{length, 25}, Seed: 1})
			late := 0
			for user := int64(1); user <= n; user++ {
				q := backend.Query{UserID: user}
				ask(t, b, &q)
				if clock.Now()-inner.at >= length {
					late++
				}
				if len(q.Orders) == 0 || q.Orders[0].UserID != user {
					t.Errorf("user %d got %v", user, q.Orders)
				}
			}
			if late < n/4 { // a machine that stops for a while makes it more
				t.Errorf("%d of %d calls took longer, want %d", late, n, n/4)
			}
			if inner.calls != n || b.Stats().Name != "prompt" || b.Close() != nil {
				t.Errorf("%d calls of %d reached the backend, which says %+v", inner.calls, n, b.Stats())
			}
		})
	}
}

// The time is gone before the backend is asked.
func TestEveryIdiomBurnsBeforeItAsks(t *testing.T) {
	const extra = 2 * time.Millisecond
	for name, ask := range idioms {
		t.Run(name, func(t *testing.T) {
			inner := new(prompt)
			b := wrap(t, inner, Config{CPU: extra})
			began := clock.Now()
			ask(t, b, &backend.Query{UserID: 1})
			if took := inner.at - began; took < extra {
				t.Errorf("asked after %v, before %v were burnt", took, extra)
			}
		})
	}
}
