package targets_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/orders"
)

// held is a backend that answers when the test says so, and remembers in what
// order it was asked. What has to be exact is tested without a clock.
type held struct {
	mu     sync.Mutex
	answer chan struct{} // closed: answer
	asked  []int64
}

func newHeld() *held { return &held{answer: make(chan struct{})} }

func (h *held) Block(q *backend.Query) {
	h.mu.Lock()
	answer := h.answer
	h.asked = append(h.asked, q.UserID)
	h.mu.Unlock()
	<-answer
	q.Orders, q.Err = orders.Generate(q.Orders[:0], q.UserID), nil
}

func (h *held) Park(q *backend.Query)                       { h.Block(q) }
func (h *held) Notify(*backend.Query, backend.Loop, func()) { panic("no loop waits here") }
func (h *held) Stats() orders.BackendStats                  { return orders.BackendStats{Name: "held"} }
func (h *held) Close() error                                { return nil }

// let makes it answer all queries, from now until hold.
func (h *held) let() { close(h.answer) }

func (h *held) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer, h.asked = make(chan struct{}), nil
}

func startPool(t *testing.T, workers, queue int, b backend.Backend) *blocking.Server {
	t.Helper()
	s, err := blocking.Start(admission.Config{Addr: targets.DefaultAddr, Workers: workers, Queue: queue, Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, s) })
	return s
}

// The pool is an exact system of c servers and K places in the queue. Waves
// follow each other at once, so that a worker that is not back yet would show.
func TestBlockingRejectsExactlyWhatIsTooMany(t *testing.T) {
	for _, row := range []struct {
		what                           string
		workers, queue, clients, waves int
	}{
		{"one too many for a pool without a queue", 1000, 0, 1001, 4},
		{"a burst on Tomcat's defaults", blocking.DefaultWorkers, blocking.DefaultQueue, 1000, 3},
		{"just full", 20, 10, 30, 50},
		{"one worker", 1, 0, 5, 50},
	} {
		t.Run(row.what, func(t *testing.T) {
			b := newHeld()
			s := startPool(t, row.workers, row.queue, b)
			clients := make([]*client, row.clients)
			for i := range clients {
				clients[i] = dial(t, s)
			}
			room := row.workers + row.queue
			for w := range row.waves {
				ok, rejected := wave(t, s, b, clients)
				if ok != room || rejected != row.clients-room {
					t.Errorf("wave %d: %d ok and %d rejected, want %d and %d", w, ok, rejected, room, row.clients-room)
				}
			}
		})
	}
}

// wave sends one request over every connection, has the backend answer when all
// are in, and returns how many were answered and how many rejected.
func wave(t *testing.T, s targets.Server, b *held, clients []*client) (ok, rejected int) {
	t.Helper()
	before := s.Stats()
	for i, c := range clients {
		c.send(t, askFor(i+1))
	}
	eventually(t, "the wave arrived", func() bool {
		st := s.Stats()
		return st.Accepted+st.Rejected == before.Accepted+before.Rejected+int64(len(clients))
	})
	if st := s.Stats(); st.Busy != int64(min(st.Workers, len(clients))) || st.Busy+st.Queued != st.InFlight {
		t.Errorf("with %d requests inside the stats are %+v", len(clients), st)
	}
	b.let()
	defer b.hold()
	for i, c := range clients {
		switch r := c.read(t, "GET"); r.StatusCode {
		case http.StatusOK:
			wantOrders(t, r, i+1)
			ok++
		case http.StatusServiceUnavailable:
			rejected++
		default:
			t.Fatalf("status %d: %s", r.StatusCode, r.body)
		}
	}
	return ok, rejected
}

func style(t testing.TB, name string) targets.Style {
	t.Helper()
	for _, s := range targets.Styles {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no style %s", name)
	return targets.Style{}
}

func TestBlockingServesFirstComeFirstServed(t *testing.T) {
	const n = 50
	b := newHeld()
	s := startPool(t, 1, n, b)
	clients := make([]*client, n)
	var want []int64
	for i := range clients {
		clients[i] = dial(t, s)
		clients[i].send(t, askFor(i+1))
		eventually(t, "the request is in", func() bool { return s.Stats().Accepted == int64(i+1) })
		time.Sleep(time.Millisecond) // from being counted to being in the queue
		want = append(want, int64(i+1))
	}
	b.let()
	for i, c := range clients {
		wantOrders(t, c.read(t, "GET"), i+1)
	}
	if !slices.Equal(b.asked, want) {
		t.Errorf("served in the order %v", b.asked)
	}
}

// While requests wait there must be a thread of the operating system for each,
// and as many are gone after the shutdown.
func TestBlockingBlocksThreads(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts threads in /proc")
	}
	for _, workers := range []int{50, 2000} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			before := threads(t)
			s := start(t, style(t, blocking.Name), targets.Options{
				Workers: workers, Queue: targets.NoQueue, Sim: sim.Config{Latency: 500 * time.Millisecond}})
			if n := threads(t); n < workers {
				t.Errorf("%d threads for %d workers", n, workers)
			}
			const n = 50
			clients := make([]*client, n)
			for i := range clients {
				clients[i] = dial(t, s)
				clients[i].send(t, askFor(i+1))
			}
			eventually(t, "the requests block their threads", func() bool { return sleeping(t) >= n })
			for i, c := range clients {
				wantOrders(t, c.read(t, "GET"), i+1)
			}
			shutdown(t, s)
			eventually(t, "the threads are gone", func() bool { return threads(t) < before+workers/2 })
		})
	}
}

func threads(t *testing.T) int { return len(tasks(t)) }

func tasks(t *testing.T) []string {
	t.Helper()
	dir, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(dir))
	for i, d := range dir {
		names[i] = d.Name()
	}
	return names
}

// sleeping counts the threads that are in the system call clock_nanosleep.
func sleeping(t *testing.T) int {
	t.Helper()
	n := 0
	for _, task := range tasks(t) {
		call, err := os.ReadFile("/proc/self/task/" + task + "/syscall")
		if os.IsPermission(err) {
			t.Skip("the kernel does not report which system calls threads are in")
		}
		var number int
		if _, err := fmt.Sscan(string(call), &number); err == nil && number == clockNanosleep {
			n++
		}
	}
	return n
}
