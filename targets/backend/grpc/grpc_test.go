package grpc_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/targets/backend"
	grpcbackend "github.com/a628bb15/onhold/targets/backend/grpc"
	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// upstream is one that answers as the test says.
type upstream struct {
	orderspb.UnimplementedOrdersServer
	find  func(ctx context.Context, in *orderspb.FindRequest) (*orderspb.FindResponse, error)
	made  atomic.Int64 // connections
	asked atomic.Int64
}

func (u *upstream) Find(ctx context.Context, in *orderspb.FindRequest) (*orderspb.FindResponse, error) {
	u.asked.Add(1)
	return u.find(ctx, in)
}

func (u *upstream) Place(_ context.Context, in *orderspb.PlaceRequest) (*orderspb.PlaceResponse, error) {
	u.asked.Add(1)
	return &orderspb.PlaceResponse{Order: orderspb.Encode(&orders.Order{ID: 17, UserID: in.UserId, TotalCents: in.TotalCents, Status: orders.StatusPaid})}, nil
}

// listener counts connections.
type listener struct {
	net.Listener
	made *atomic.Int64
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.made.Add(1)
	}
	return c, err
}

func (u *upstream) serve(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	orderspb.RegisterOrdersServer(s, u)
	go s.Serve(listener{ln, &u.made})
	t.Cleanup(s.Stop)
	return ln.Addr().String()
}

func open(t *testing.T, c grpcbackend.Config) *grpcbackend.Backend {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	b, err := grpcbackend.New(c)
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

func TestAsksAsAnybodyDoes(t *testing.T) {
	u := &upstream{find: func(_ context.Context, in *orderspb.FindRequest) (*orderspb.FindResponse, error) {
		return &orderspb.FindResponse{Orders: orderspb.EncodeAll(orders.Generate(nil, in.UserId))}, nil
	}}
	b := open(t, grpcbackend.Config{URL: "grpc://" + u.serve(t)})
	q := &backend.Query{UserID: 42}
	for range 3 { // a query is used again
		if b.Park(q); q.Err != nil || !slices.Equal(q.Orders, orders.Generate(nil, 42)) {
			t.Errorf("%v, %v", q.Orders, q.Err)
		}
	}
	q = &backend.Query{Pay: true, Order: orders.Order{UserID: 7, TotalCents: 1999}}
	if b.Block(q); q.Err != nil || len(q.Orders) != 1 || q.Orders[0].ID != 17 || q.Orders[0].UserID != 7 || q.Orders[0].TotalCents != 1999 {
		t.Errorf("%v, %v", q.Orders, q.Err)
	}
	if st := b.Stats(); st.Name != "grpc" || st.Calls != 4 || st.Connections != grpcbackend.DefaultConnections {
		t.Errorf("stats %+v", st)
	}
}

// As many connections are made as were asked for, and all are used.
func TestConnections(t *testing.T) {
	for _, conns := range []int{1, 3} {
		const calls = 9
		answer := make(chan struct{})
		u := &upstream{find: func(context.Context, *orderspb.FindRequest) (*orderspb.FindResponse, error) {
			<-answer
			return &orderspb.FindResponse{}, nil
		}}
		b := open(t, grpcbackend.Config{URL: u.serve(t), Connections: conns})
		var wg sync.WaitGroup
		for range calls {
			wg.Go(func() {
				q := &backend.Query{UserID: 1}
				if b.Park(q); q.Err != nil {
					t.Error(q.Err)
				}
			})
		}
		for range 5000 {
			if u.asked.Load() == calls {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if u.asked.Load() != calls || u.made.Load() != int64(conns) {
			t.Errorf("%d calls at once on %d connections, want %d on %d", u.asked.Load(), u.made.Load(), calls, conns)
		}
		close(answer)
		wg.Wait()
	}
}

func TestSaysWhatTheUpstreamAnswered(t *testing.T) {
	lost := &orderspb.FindResponse{Orders: []*orderspb.Order{{Id: 1, Status: "lost"}}}
	for _, row := range []struct {
		what string
		out  *orderspb.FindResponse
		err  error
		busy bool
		text string
	}{
		{"full", nil, status.Error(codes.ResourceExhausted, "taken"), true, "the upstream is full"},
		{"its own backend gone", nil, status.Error(codes.Unavailable, "backend: refused"), false, "Unavailable: backend: refused"},
		{"a fault", nil, errors.New("a bug"), false, "Unknown: a bug"},
		{"another status of an order", lost, nil, false, "none of"},
	} {
		t.Run(row.what, func(t *testing.T) {
			u := &upstream{find: func(context.Context, *orderspb.FindRequest) (*orderspb.FindResponse, error) { return row.out, row.err }}
			q := &backend.Query{UserID: 1}
			open(t, grpcbackend.Config{URL: u.serve(t)}).Park(q)
			if q.Err == nil || !strings.Contains(q.Err.Error(), row.text) || errors.Is(q.Err, orders.ErrBusy) != row.busy {
				t.Errorf("got %v, want %q, busy: %v", q.Err, row.text, row.busy)
			}
			if n := u.asked.Load(); n != 1 {
				t.Errorf("one call was made %d times", n)
			}
		})
	}
}

func TestCallsAreBoundInTime(t *testing.T) {
	u := &upstream{find: func(ctx context.Context, _ *orderspb.FindRequest) (*orderspb.FindResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	q := &backend.Query{UserID: 1}
	if open(t, grpcbackend.Config{URL: u.serve(t), Timeout: 50 * time.Millisecond}).Park(q); q.Err == nil || !strings.Contains(q.Err.Error(), "did not answer within 50ms") {
		t.Errorf("%v", q.Err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, row := range []struct {
		config grpcbackend.Config
		want   string
	}{
		{grpcbackend.Config{URL: "http://127.0.0.1:80"}, "URL is http://127.0.0.1:80, want grpc://HOST:PORT"},
		{grpcbackend.Config{URL: "grpc://127.0.0.1"}, "want grpc://HOST:PORT"},
		{grpcbackend.Config{URL: "grpc://127.0.0.1:80/x"}, "want grpc://HOST:PORT"},
		{grpcbackend.Config{}, "want grpc://HOST:PORT"},
		{grpcbackend.Config{URL: "127.0.0.1:80", Connections: -1}, "Connections is -1, want 1 to 1000"},
		{grpcbackend.Config{URL: "127.0.0.1:80", Connections: 1001}, "Connections is 1001, want 1 to 1000"},
	} {
		if _, err := grpcbackend.New(row.config); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v, want %q", row.config, err, row.want)
		}
	}
}

// Close ends the calls that are under way, and those that come find it closed.
func TestCloseWithCallsOpen(t *testing.T) {
	u := &upstream{find: func(ctx context.Context, _ *orderspb.FindRequest) (*orderspb.FindResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	b, err := grpcbackend.New(grpcbackend.Config{URL: u.serve(t), Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	q := &backend.Query{UserID: 1}
	answered := make(chan struct{})
	go func() {
		b.Park(q)
		close(answered)
	}()
	for u.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	<-answered
	for range 2 {
		if !errors.Is(q.Err, backend.ErrClosed) {
			t.Errorf("%v", q.Err)
		}
		b.Park(q)
	}
}
