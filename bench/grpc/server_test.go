package grpc_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/reports/result"
)

// unary is the path of the method that most tests call: that of a service of gRPC's own
// interoperability tests.
const unary = "/grpc.testing.TestService/UnaryCall"

// streaming is that of one that streams replies.
const streaming = "/grpc.testing.TestService/StreamingOutputCall"

// server is that service. It knows what it was asked.
type server struct {
	pb.UnimplementedTestServiceServer
	addr string

	calls  atomic.Int64 // that it answered, by any status
	inside atomic.Int64

	deadlines, cancelled atomic.Int64 // of streams

	held   chan struct{} // where not nil, calls are answered when it is closed
	header bool          // send a header before a status

	mu       sync.Mutex
	asked    []*pb.SimpleRequest // up to mostAsked
	metadata []metadata.MD
}

const mostAsked = 1000

func (s *server) UnaryCall(ctx context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	s.inside.Add(1)
	if s.held != nil {
		<-s.held
	}
	s.calls.Add(1)
	md, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	if len(s.asked) < mostAsked {
		s.asked, s.metadata = append(s.asked, in), append(s.metadata, md)
	}
	s.mu.Unlock()
	if s.header {
		_ = rpc.SendHeader(ctx, metadata.Pairs("a", "b"))
	}
	if st := in.ResponseStatus; st != nil {
		return nil, status.Error(codes.Code(st.Code), st.Message)
	}
	return &pb.SimpleResponse{Payload: &pb.Payload{Body: make([]byte, in.ResponseSize)}}, nil
}

// StreamingOutputCall sends a message for each of the parameters, after its interval, and
// ends with the status that is asked for.
func (s *server) StreamingOutputCall(in *pb.StreamingOutputCallRequest, to rpc.ServerStreamingServer[pb.StreamingOutputCallResponse]) error {
	s.inside.Add(1)
	defer s.calls.Add(1)
	_, hasDeadline := to.Context().Deadline()
	if hasDeadline {
		s.deadlines.Add(1)
	}
	for _, p := range in.ResponseParameters {
		select {
		case <-time.After(time.Duration(p.IntervalUs) * time.Microsecond):
		case <-to.Context().Done():
			s.cancelled.Add(1)
			return to.Context().Err()
		}
		if err := to.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: make([]byte, p.Size)}}); err != nil {
			s.cancelled.Add(1)
			return err
		}
	}
	if s.held != nil {
		<-s.held
	}
	if st := in.ResponseStatus; st != nil {
		return status.Error(codes.Code(st.Code), st.Message)
	}
	return nil
}

// What a server says of itself.
const (
	nothing = iota
	newer   // by the newer protocol of reflection, and the older
	older
)

// serve starts a server for the test.
func serve(t testing.TB, s *server, says int, options ...rpc.ServerOption) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, s, says, options...)
	return s
}

func serveOn(t testing.TB, ln net.Listener, s *server, says int, options ...rpc.ServerOption) {
	t.Helper()
	g := rpc.NewServer(options...)
	pb.RegisterTestServiceServer(g, s)
	switch says {
	case newer:
		reflection.Register(g)
	case older:
		grpc_reflection_v1alpha.RegisterServerReflectionServer(g, reflection.NewServer(reflection.ServerOptions{Services: g}))
	}
	s.addr = ln.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(ln) }()
	t.Cleanup(func() {
		g.Stop()
		if err := <-ended; err != nil && !errors.Is(err, rpc.ErrServerStopped) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// url is the address of the method.
func (s *server) url() string { return "grpc://" + s.addr + unary }

// driver makes the driver of calls.
func driver(t testing.TB, c grpc.Calls) *bench.GoroutineDriver {
	t.Helper()
	d, err := c.Driver()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// dial makes a caller.
func dial(t testing.TB, c grpc.Calls) bench.Conn {
	t.Helper()
	conn, err := driver(t, c).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// run runs a stage of which no limit of the machine makes a failure.
func run(t testing.TB, d bench.Driver, l bench.Load) *result.Stage {
	t.Helper()
	stage, err := bench.Run(t.Context(), bench.Plan{Load: l, Duration: 200 * time.Millisecond, MaxLag: time.Minute, Timeout: 20 * time.Second}, d)
	if err != nil {
		t.Fatal(err)
	}
	return stage
}

// text is the value of a number in a message.
func text(n int) string { return strconv.Itoa(n) }
