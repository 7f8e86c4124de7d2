package benchtest

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/alive"
	"github.com/a628bb15/onhold/reports/result"
)

// patience is how long a handler's server may take to end, and a connection to
// somebody's server to be made.
const patience = 5 * time.Second

// server serves connections until it is ended.
type server interface {
	Serve(net.Listener) error
	end(context.Context) error
}

type stdServer struct{ http.Server }

func (s *stdServer) end(context.Context) error { return s.Close() }

type fastServer struct{ fasthttp.Server }

func (s *fastServer) end(ctx context.Context) error { return s.ShutdownWithContext(ctx) }

// serving starts a new server in this process for as long as b lasts. What its
// handlers are still busy with then, beyond patience, is left to itself.
func serving(fresh func() server) func(*testing.B) (string, int) {
	return func(b *testing.B) (string, int) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s, ended := fresh(), make(chan struct{})
		go func() {
			defer close(ended)
			_ = s.Serve(l) // ends with an error that says that it was ended
		}()
		b.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_ = s.end(ctx)
			<-ended
		})
		return "http://" + l.Addr().String(), os.Getpid()
	}
}

// served is a target that can be driven.
type served struct {
	Target
	driver bench.Driver
	reach  bench.Dial // makes a connection to it
	pid    int
}

// gone is why the target must not be driven again; nil where it may.
func (s *served) gone(ctx context.Context) error { return alive.Check(ctx, s.reach, s.pid) }

// start makes the target one that can be driven, until b ends. An address at
// which nobody listens fails b at once, not after a stage.
func (t Target) start(b *testing.B, p bench.Plan) *served {
	s := &served{Target: t, pid: cmp.Or(t.pid, p.TargetPID)}
	if t.driver != nil {
		s.driver, s.reach = t.driver, t.driver.Dial
		s.probe(b)
		return s
	}
	base := ""
	if t.server != nil {
		var pid int
		base, pid = t.server(b)
		s.pid = cmp.Or(t.pid, pid)
	}
	h, err := t.at(base)
	if err != nil {
		b.Fatal(err)
	}
	h.NewConnection = h.NewConnection || p.NewConnection
	if s.driver, err = epoll.Best(h, epoll.Options{}); err != nil {
		b.Fatal(err)
	}
	if s.reach, err = h.Dial(); err != nil {
		b.Fatal(err)
	}
	s.probe(b)
	return s
}

func (s *served) probe(b *testing.B) {
	if err := probe(b.Context(), s.reach); err != nil {
		b.Fatalf("target %s: no connection can be made: %v", s.name, err)
	}
}

// probe makes one connection, and no request.
func probe(ctx context.Context, dial bench.Dial) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

// plan is the plan for this target.
func (s *served) plan(p bench.Plan) bench.Plan {
	p.TargetPID = s.pid
	settings := s.settings()
	for _, kv := range p.Settings {
		settings = settings.With(kv.Key, kv.Value)
	}
	p.Settings = settings.With(result.KeyTarget, s.name).With("gomaxprocs", strconv.Itoa(runtime.GOMAXPROCS(0)))
	return p
}
