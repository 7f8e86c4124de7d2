package http_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets/backend"
	httpbackend "github.com/a628bb15/onhold/targets/backend/http"
	"github.com/a628bb15/onhold/targets/orders"
)

func open(t *testing.T, c httpbackend.Config) *httpbackend.Backend {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	b, err := httpbackend.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// upstream is one that answers as the test says.
func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func find(user int64) *backend.Query { return &backend.Query{UserID: user} }

func pay() *backend.Query {
	return &backend.Query{UserID: 7, Pay: true, Order: orders.Order{UserID: 7, TotalCents: 1999}}
}

func TestAsksAsAnybodyDoes(t *testing.T) {
	b := open(t, httpbackend.Config{URL: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			if r.URL.String() != orders.PathOrders || string(body) != `{"user_id":7,"total_cents":1999}` {
				t.Errorf("POST %s %s", r.URL, body)
			}
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, `{"id":17,"user_id":7,"status":"paid","total_cents":1999,"created":"2026-01-02T03:04:05Z"}`)
			return
		}
		if r.URL.String() != orders.PathOrders+"?user_id=42" {
			t.Errorf("GET %s", r.URL)
		}
		w.Write(orders.AppendJSON(nil, orders.Generate(nil, 42)))
	})})
	q := find(42)
	for range 3 { // a query is used again
		if b.Park(q); q.Err != nil || !slices.Equal(q.Orders, orders.Generate(nil, 42)) {
			t.Errorf("%v, %v", q.Orders, q.Err)
		}
	}
	q = pay()
	b.Block(q)
	want := orders.Order{ID: 17, UserID: 7, Status: "paid", TotalCents: 1999, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if q.Err != nil || !slices.Equal(q.Orders, []orders.Order{want}) {
		t.Errorf("%v, %v", q.Orders, q.Err)
	}
	if st := b.Stats(); st.Calls != 4 || st.Connections != 0 || st.PoolWait != nil {
		t.Errorf("stats %+v", st)
	}
}

func TestSaysWhatTheUpstreamAnswered(t *testing.T) {
	for _, row := range []struct {
		what   string
		status int
		body   string
		busy   bool
		text   string
	}{
		{"full", 503, `{"error":"all places are taken"}`, true, "the upstream is full"},
		{"asked too often", 429, "", true, "the upstream is full"},
		{"a fault", 500, "", false, "the upstream answered with status 500"},
		{"its own backend gone", 502, "", false, "status 502"},
		{"not there", 404, "", false, "status 404"},
		{"taken, and not done yet", 202, "{}", false, "status 202"},
		{"no JSON", 200, "<html>", false, "the upstream's reply cannot be read"},
		{"another status of an order", 200, `[{"id":1,"status":"lost\"","created":"2026-01-02T03:04:05Z"}]`, false, "none of"},
	} {
		t.Run(row.what, func(t *testing.T) {
			b := open(t, httpbackend.Config{URL: upstream(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(row.status)
				io.WriteString(w, row.body)
			})})
			q := find(1)
			b.Park(q)
			if q.Err == nil || !strings.Contains(q.Err.Error(), row.text) || errors.Is(q.Err, orders.ErrBusy) != row.busy {
				t.Errorf("got %v, want %q, busy: %v", q.Err, row.text, row.busy)
			}
		})
	}
}

// A call whose connection breaks is not made again, whatever its method.
func TestNoSilentRetry(t *testing.T) {
	var asked atomic.Int64
	url := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		c.Close()
	})
	b := open(t, httpbackend.Config{URL: url})
	for _, q := range []*backend.Query{find(1), pay()} {
		asked.Store(0)
		if b.Park(q); q.Err == nil || errors.Is(q.Err, orders.ErrBusy) {
			t.Errorf("the connection broke, and the error is %v", q.Err)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("one call was made %d times", n)
		}
	}
}

// Connections that the upstream closed while they rested fail no call.
func TestKeptConnectionsThatWereClosed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("whether a connection was closed is known on Unix only")
	}
	const n = 5
	var arrived, release sync.WaitGroup
	arrived.Add(n)
	release.Add(1)
	var asked, made atomic.Int64
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			made.Add(1)
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			go func() {
				for r := bufio.NewReader(c); ; {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					if asked.Add(1) <= n { // so that each has a connection of its own
						arrived.Done()
						release.Wait()
					}
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
				}
			}()
		}
	}()
	b := open(t, httpbackend.Config{URL: "http://" + ln.Addr().String(), Connections: n})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			q := find(1)
			if b.Park(q); q.Err != nil {
				t.Error(q.Err)
			}
		})
	}
	arrived.Wait()
	release.Done()
	wg.Wait()
	mu.Lock()
	for _, c := range conns {
		c.Close()
	}
	mu.Unlock()
	time.Sleep(20 * time.Millisecond) // for the ends to arrive
	for range n {
		q := find(1)
		if b.Park(q); q.Err != nil {
			t.Errorf("over connections that were closed: %v", q.Err)
		}
	}
	if asked.Load() != 2*n || made.Load() != n+1 {
		t.Errorf("%d calls made %d requests on %d connections, want %d on %d", 2*n, asked.Load(), made.Load(), 2*n, n+1)
	}
}

// No more calls are at the upstream than there are connections, and how long
// the others wait for one is reported.
func TestConnectionsBoundTheCalls(t *testing.T) {
	const conns, calls = 2, 7
	answer := make(chan struct{})
	var inside atomic.Int64
	b := open(t, httpbackend.Config{Connections: conns, URL: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if n := inside.Add(1); n > conns {
			t.Errorf("%d calls at once", n)
		}
		<-answer
		inside.Add(-1)
		io.WriteString(w, "[]")
	})})
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			q := find(1)
			if b.Park(q); q.Err != nil {
				t.Error(q.Err)
			}
		})
	}
	for range calls {
		answer <- struct{}{}
	}
	wg.Wait()
	if st := b.Stats(); st.Calls != calls || st.Connections != conns || st.PoolWait == nil || st.PoolWait.N != calls {
		t.Errorf("stats %+v", st)
	}
}

func TestCallsAreBoundInTime(t *testing.T) {
	answer := make(chan struct{})
	defer close(answer)
	b := open(t, httpbackend.Config{Connections: 1, Timeout: 100 * time.Millisecond, URL: upstream(t, func(http.ResponseWriter, *http.Request) { <-answer })})
	var wg sync.WaitGroup
	var late, busy atomic.Int64
	for range 3 {
		wg.Go(func() {
			q := find(1)
			switch b.Park(q); {
			case q.Err == nil:
				t.Error("it was answered")
			case errors.Is(q.Err, orders.ErrBusy):
				busy.Add(1)
			case strings.Contains(q.Err.Error(), "did not answer within 100ms"):
				late.Add(1)
			default:
				t.Error(q.Err)
			}
		})
	}
	wg.Wait()
	if late.Load() < 1 || late.Load()+busy.Load() != 3 {
		t.Errorf("%d were not answered, %d got no connection", late.Load(), busy.Load())
	}
}

// loop runs what it is given when the test says so.
type loop chan func()

func (l loop) Execute(f func())         { l <- f }
func (l loop) At(time.Duration, func()) { panic("no timer is needed") }

func TestNotifyReturnsAtOnce(t *testing.T) {
	answer := make(chan struct{})
	b := open(t, httpbackend.Config{URL: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		<-answer
		io.WriteString(w, "[]")
	})})
	l, q, done := make(loop), find(1), false
	b.Notify(q, l, func() { done = true })
	if done {
		t.Error("done before the upstream was")
	}
	close(answer)
	(<-l)()
	if !done || q.Err != nil {
		t.Errorf("done: %v, %v", done, q.Err)
	}
}

func TestAddressIsChecked(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:80", "https://127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:80/api", "http://a:b@127.0.0.1:80", "http://127.0.0.1:80?x", "grpc://127.0.0.1:80"} {
		if _, err := httpbackend.New(httpbackend.Config{URL: bad}); err == nil || !strings.Contains(err.Error(), "want http://HOST:PORT") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestUpstreamThatIsNotThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	q := find(1)
	if open(t, httpbackend.Config{URL: "http://" + ln.Addr().String()}).Park(q); q.Err == nil || !strings.Contains(q.Err.Error(), "refused") || errors.Is(q.Err, orders.ErrBusy) {
		t.Errorf("%v", q.Err)
	}
}

// Close ends who waits for a connection, lets a call that is under way be
// answered, and keeps no connection.
func TestCloseWithCallsOpen(t *testing.T) {
	answer := make(chan struct{})
	var closed atomic.Int64
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-answer
		w.Write(orders.AppendJSON(nil, orders.Generate(nil, 42)))
	}))
	up.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed.Add(1)
		}
	}
	up.Start()
	t.Cleanup(up.Close)
	b := open(t, httpbackend.Config{URL: up.URL, Connections: 1})
	first, second := find(42), find(42)
	var one, other sync.WaitGroup
	one.Go(func() { b.Park(first) })
	for b.Stats().PoolWait.N == 0 {
		time.Sleep(time.Millisecond)
	}
	other.Go(func() { b.Park(second) })
	for b.Stats().Calls < 2 {
		time.Sleep(time.Millisecond)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	other.Wait()
	if !errors.Is(second.Err, backend.ErrClosed) {
		t.Errorf("who waited for a connection: %v", second.Err)
	}
	close(answer)
	one.Wait()
	if first.Err != nil || !slices.Equal(first.Orders, orders.Generate(nil, 42)) {
		t.Errorf("the call under way: %v, %v", first.Orders, first.Err)
	}
	for range 5000 {
		if closed.Load() == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n := closed.Load(); n != 1 {
		t.Errorf("%d connections of 1 are closed", n)
	}
	if b.Park(second); !errors.Is(second.Err, backend.ErrClosed) {
		t.Errorf("asked once it was closed: %v", second.Err)
	}
}
