package grpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/bench"
	calls "github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// held is a backend that answers when the test says so. What has to be exact is
// tested without a clock.
type held struct {
	answer chan struct{} // closed: answer
	err    error         // answer with this
	asked  atomic.Int64
}

func newHeld() *held { return &held{answer: make(chan struct{})} }

// at once
func open() *held {
	h := newHeld()
	close(h.answer)
	return h
}

func (h *held) Park(q *backend.Query) {
	h.asked.Add(1)
	<-h.answer
	q.Generate()
	q.Err = h.err
}

func (h *held) Block(*backend.Query)                        { panic("no thread waits here") }
func (h *held) Notify(*backend.Query, backend.Loop, func()) { panic("no loop waits here") }
func (h *held) Stats() orders.BackendStats                  { return orders.BackendStats{Name: "held"} }
func (h *held) Close() error                                { return nil }

func start(t *testing.T, c admission.Config) *grpc.Server {
	t.Helper()
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	s, err := grpc.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startFor starts a server that is shut down with the test.
func startFor(t *testing.T, c admission.Config) *grpc.Server {
	s := start(t, c)
	t.Cleanup(func() { shutdown(t, s) })
	return s
}

func shutdown(t *testing.T, s *grpc.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("shutting down: %v", err)
	}
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for range 5000 {
		if condition() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("it did not happen in 5 s: %s", what)
}

// service calls a server as any program would.
func service(t *testing.T, addr string) orderspb.OrdersClient {
	t.Helper()
	cc, err := orderspb.NewClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return orderspb.NewOrdersClient(cc)
}

// driver drives the calls of a client.
func driver(c grpc.Client) (*bench.GoroutineDriver, error) {
	call, err := c.Call()
	if err != nil {
		return nil, err
	}
	return calls.Calls{URL: call.URL, Method: call.Method, Body: call.Body, Connections: call.Connections}.Driver()
}

// callers makes n of them.
func callers(t *testing.T, c grpc.Client, n int) []bench.Conn {
	t.Helper()
	c.Request.UserID = 42
	d, err := driver(c)
	if err != nil {
		t.Fatal(err)
	}
	dial := d.Dial
	all := make([]bench.Conn, n)
	for i := range all {
		if all[i], err = dial(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { all[i].Close() })
	}
	return all
}

func TestServiceAnswers(t *testing.T) {
	s := startFor(t, admission.Config{Workers: 3, Queue: 2, Backend: open()})
	to := service(t, s.Addr())
	ctx := t.Context()
	for user := range int64(10) {
		out, err := to.Find(ctx, &orderspb.FindRequest{UserId: user + 1})
		if err != nil {
			t.Fatal(err)
		}
		var list []orders.Order
		for _, m := range out.Orders {
			o, err := orderspb.Decode(m)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, o)
		}
		if want := orders.Generate(nil, user+1); !slices.Equal(list, want) {
			t.Errorf("user %d has %+v, want %+v", user+1, list, want)
		}
	}
	placed, err := to.Place(ctx, &orderspb.PlaceRequest{UserId: 7, TotalCents: 1999})
	if err != nil {
		t.Fatal(err)
	}
	if o := placed.Order; o.Id < 1 || o.UserId != 7 || o.TotalCents != 1999 || o.Status != orders.StatusPaid || time.Since(o.Created.AsTime()) > time.Hour {
		t.Errorf("placed %v", o)
	}
	out, err := to.Stats(ctx, &orderspb.StatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var st orders.Stats
	if err := json.Unmarshal([]byte(out.Json), &st); err != nil {
		t.Fatal(err)
	}
	if asked, err := grpc.Stats(ctx, s.Addr()); err != nil || asked != st {
		t.Errorf("asked for, stats are %+v (%v), not %+v", asked, err, st)
	}
	if st.Style != grpc.Name || st.Workers != 3 || st.Queue != 2 || st.Accepted != 11 || st.ServiceTime.N != 11 || st.InFlight != 0 || st.Backend.Name != "held" {
		t.Errorf("stats %s", out.Json)
	}
}

func TestServiceSaysWhatIsWrong(t *testing.T) {
	failing := func(err error) *held {
		h := open()
		h.err = err
		return h
	}
	full := errors.Join(errors.New("no connection"), orders.ErrBusy)
	for _, row := range []struct {
		what        string
		backend     *held
		user, total int64
		find, place codes.Code
		text        string
	}{
		{"no user", open(), 0, 1, codes.InvalidArgument, codes.InvalidArgument, "user_id is 0; allowed is one whole number from 1"},
		{"a negative user", open(), -3, 1, codes.InvalidArgument, codes.InvalidArgument, "user_id is -3"},
		{"a negative total", open(), 1, -1, codes.OK, codes.InvalidArgument, "total_cents is -1; allowed is 0 to"},
		{"a total that is too large", open(), 1, orders.MaxTotalCents + 1, codes.OK, codes.InvalidArgument, "allowed is 0 to"},
		{"a backend that is full", failing(full), 1, 1, codes.ResourceExhausted, codes.ResourceExhausted, "backend: no connection"},
		{"a backend that is gone", failing(errors.New("refused")), 1, 1, codes.Unavailable, codes.Unavailable, "backend: refused"},
	} {
		t.Run(row.what, func(t *testing.T) {
			s := startFor(t, admission.Config{Backend: row.backend})
			to := service(t, s.Addr())
			_, err := to.Find(t.Context(), &orderspb.FindRequest{UserId: row.user})
			if got := status.Convert(err); got.Code() != row.find || got.Code() != codes.OK && !strings.Contains(got.Message(), row.text) {
				t.Errorf("Find: %v, want %v with %q", err, row.find, row.text)
			}
			_, err = to.Place(t.Context(), &orderspb.PlaceRequest{UserId: row.user, TotalCents: row.total})
			if got := status.Convert(err); got.Code() != row.place || !strings.Contains(got.Message(), row.text) {
				t.Errorf("Place: %v, want %v with %q", err, row.place, row.text)
			}
			if n := s.Stats().InFlight; n != 0 {
				t.Errorf("%d calls are inside at the end", n)
			}
		})
	}
}

// Exactly as many as there are workers and places in the queue are let in,
// whether callers have connections of their own or share a few.
func TestRejectsExactlyWhatIsTooMany(t *testing.T) {
	for _, row := range []struct {
		what                                 string
		workers, queue, callers, conns, most int
	}{
		{"a pool without a queue", 100, 0, 101, 0, 100},
		{"a pool with a queue, on connections that are shared", 20, 10, 300, 2, 30},
		{"a pool with a queue, on one connection", 20, 10, 300, 1, 30},
		{"one worker", 1, 0, 5, 0, 1},
		{"no limit, far more than HTTP/2 lets on a connection by custom", 0, 0, 500, 1, 500},
	} {
		t.Run(row.what, func(t *testing.T) {
			h := newHeld()
			s := startFor(t, admission.Config{Workers: row.workers, Queue: row.queue, Backend: h})
			var ok, rejected, other atomic.Int64
			var wg sync.WaitGroup
			for _, c := range callers(t, grpc.Client{Addr: s.Addr(), Connections: row.conns}, row.callers) {
				wg.Go(func() {
					switch r := c.Do(20 * time.Second); r.Outcome {
					case result.OK:
						ok.Add(1)
					case result.Rejected:
						rejected.Add(1)
					default:
						other.Add(1)
						t.Errorf("%v: %s", r.Outcome, r.Why)
					}
				})
			}
			eventually(t, "all calls arrived", func() bool {
				st := s.Stats()
				return st.Accepted+st.Rejected == int64(row.callers)
			})
			busy := row.most
			if row.workers > 0 {
				busy = row.workers
			}
			eventually(t, "all workers are at work", func() bool { return h.asked.Load() == int64(busy) })
			if st := s.Stats(); st.Busy != int64(busy) || st.Queued != int64(row.most-busy) || st.Accepted != int64(row.most) {
				t.Errorf("with all inside the stats are %+v", st)
			}
			close(h.answer)
			wg.Wait()
			if ok.Load() != int64(row.most) || rejected.Load() != int64(row.callers-row.most) {
				t.Errorf("%d ok, %d rejected, %d other, want %d ok of %d", ok.Load(), rejected.Load(), other.Load(), row.most, row.callers)
			}
			if st := s.Stats(); st.InFlight != 0 {
				t.Errorf("at the end the stats are %+v", st)
			}
		})
	}
}

// A deadline is a timeout for the caller. The server gives up a call that is
// queued, and finishes one that is at work.
func TestDeadlineIsATimeout(t *testing.T) {
	h := newHeld()
	s := startFor(t, admission.Config{Workers: 1, Queue: 5, Backend: h})
	all := callers(t, grpc.Client{Addr: s.Addr(), Connections: 1}, 3)
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() {
			if r := c.Do(50 * time.Millisecond); r.Outcome != result.Timeout || r.Spent {
				t.Errorf("got %+v, want a timeout that leaves the connection to others", r)
			}
		})
	}
	wg.Wait()
	eventually(t, "the queue is left", func() bool { return s.Stats().InFlight == 1 })
	if n := h.asked.Load(); n > 1 {
		t.Errorf("%d calls are at work, with one worker", n)
	}
	close(h.answer)
	eventually(t, "the worker is free", func() bool { return s.Stats().InFlight == 0 })
	for _, c := range all {
		if r := c.Do(20 * time.Second); r.Outcome != result.OK {
			t.Errorf("after a timeout: %+v", r)
		}
	}
}

// counted is a proxy that counts the connections that come through it, and can
// cut them.
type counted struct {
	net.Listener
	to    string
	made  atomic.Int64
	mu    sync.Mutex
	conns []net.Conn
}

func count(t *testing.T, to string) *counted {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &counted{Listener: ln, to: to}
	t.Cleanup(p.cut)
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			p.made.Add(1)
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			pipe := func(to, from net.Conn) {
				_, _ = to.(*net.TCPConn).ReadFrom(from)
				to.Close()
				from.Close()
			}
			go pipe(out, in)
			go pipe(in, out)
		}
	}()
	return p
}

// cut closes the listener and all connections.
func (p *counted) cut() {
	p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

func TestConnectionsAskedAreConnectionsUsed(t *testing.T) {
	for conns, want := range map[int]int64{0: 50, 1: 1, 2: 2, 7: 7, 80: 50} {
		s := startFor(t, admission.Config{Backend: open()})
		p := count(t, s.Addr())
		fresh := int64(0)
		var wg sync.WaitGroup
		for _, c := range callers(t, grpc.Client{Addr: p.Addr().String(), Connections: conns}, 50) {
			if c.(bench.SharedConn).Fresh() {
				fresh++
			}
			wg.Go(func() {
				for range 3 {
					if r := c.Do(20 * time.Second); r.Outcome != result.OK {
						t.Errorf("%+v", r)
					}
				}
			})
		}
		wg.Wait()
		if got := p.made.Load(); got != want || fresh != want {
			t.Errorf("--conns %d: 50 callers made %d connections and counted %d, want %d", conns, got, fresh, want)
		}
	}
}
