package grpc_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// Each status of a server has one outcome, whether or not a header came before it.
func TestOutcomeOfEachStatus(t *testing.T) {
	for _, row := range []struct {
		code         codes.Code
		ok, rejected string
		want         result.Outcome
		why          string
	}{
		{codes.ResourceExhausted, "", "", result.Rejected, ""},
		{codes.Unavailable, "", "", result.Error, "gRPC status UNAVAILABLE: no luck"},
		{codes.DeadlineExceeded, "", "", result.Timeout, "no complete reply within the timeout"},
		{codes.NotFound, "", "", result.Error, "gRPC status NOT_FOUND: no luck"},
		{codes.Canceled, "", "", result.Error, "gRPC status CANCELLED: no luck"},
		{codes.Unavailable, "", "UNAVAILABLE", result.Rejected, ""},
		{codes.Unavailable, "", "aborted, 14,503", result.Rejected, ""},
		{codes.NotFound, "not_found", "", result.OK, ""},
		{codes.NotFound, "5,ABORTED", "", result.OK, ""},
		{codes.ResourceExhausted, "RESOURCE_EXHAUSTED", "", result.OK, ""},
	} {
		for _, header := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v %q %q %v", row.code, row.ok, row.rejected, header), func(t *testing.T) {
				s := serve(t, &server{header: header}, newer)
				body := fmt.Sprintf(`{"responseStatus": {"code": %d, "message": "no luck"}}`, row.code)
				c := dial(t, grpc.Calls{URL: s.url(), Body: []byte(body), OKStatus: row.ok, RejectedStatus: row.rejected})
				if r := c.Do(20 * time.Second); r.Outcome != row.want || r.Why != row.why || r.Spent {
					t.Errorf("got %+v, want %v, %q", r, row.want, row.why)
				}
			})
		}
	}
}

// A reply that is longer than the library takes by default is a reply.
func TestLargeReplies(t *testing.T) {
	s := serve(t, &server{}, newer)
	if r := dial(t, grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": 9000000}`)}).Do(20 * time.Second); r.Outcome != result.OK {
		t.Errorf("%+v", r)
	}
}

// The timeout is a deadline of the call.
func TestTimeout(t *testing.T) {
	s := serve(t, &server{held: make(chan struct{})}, newer)
	c := dial(t, grpc.Calls{URL: s.url()})
	if r := c.Do(20 * time.Millisecond); r.Outcome != result.Timeout || r.Spent {
		t.Errorf("%+v", r)
	}
	close(s.held)
	if r := c.Do(20 * time.Second); r.Outcome != result.OK {
		t.Errorf("after a timeout: %+v", r)
	}
}

// A proxy answers for its server by a status of HTTP, which is no reply of gRPC.
func TestRepliesOfProxies(t *testing.T) {
	for _, row := range []struct {
		status   int
		rejected string
		want     result.Outcome
		why      string
	}{
		{503, "", result.Error, "not a reply of gRPC: HTTP status 503"},
		{502, "", result.Error, "not a reply of gRPC: HTTP status 502"},
		{200, "", result.Error, "not a reply of gRPC: HTTP status 200"},
		{503, "503", result.Rejected, ""},
		{502, "500-502", result.Rejected, ""},
		{500, "503", result.Error, "not a reply of gRPC: HTTP status 500"},
	} {
		proxy := h2c(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(row.status)
			_, _ = io.WriteString(w, "<html>")
		}))
		c := dial(t, grpc.Calls{URL: "grpc://" + proxy + unary, Method: described(), RejectedStatus: row.rejected})
		if r := c.Do(20 * time.Second); r.Outcome != row.want || r.Why != row.why || r.Spent {
			t.Errorf("%d, %q: got %+v, want %v, %q", row.status, row.rejected, r, row.want, row.why)
		}
	}
}

// A server that resets the stream has not taken the call, or ends it in the middle.
func TestResetStreams(t *testing.T) {
	server := h2c(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	c := dial(t, grpc.Calls{URL: "grpc://" + server + unary, Method: described()})
	if r := c.Do(20 * time.Second); r.Outcome != result.Reset || !strings.Contains(r.Why, "RST_STREAM") || r.Spent {
		t.Errorf("%+v", r)
	}
}

// h2c serves HTTP/2 without TLS.
func h2c(t *testing.T, h http.Handler) (addr string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// described is the method without a server that describes it.
func described() protoreflect.MethodDescriptor {
	return pb.File_grpc_testing_test_proto.Services().ByName("TestService").Methods().ByName("UnaryCall")
}

// A connection that is cut in the middle of a call is a reset; after that there is none to
// send on.
func TestCutConnections(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := &cut{ln, make(chan net.Conn, 1)}
	s := &server{held: make(chan struct{})}
	defer close(s.held)
	serveOn(t, accepted, s, newer)
	c := dial(t, grpc.Calls{URL: s.url(), Method: described()})
	got := make(chan bench.Reply)
	go func() { got <- c.Do(20 * time.Second) }()
	for s.inside.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	accepted.Close()
	(<-accepted.conns).Close()
	if r := <-got; r.Outcome != result.Reset || !r.Spent {
		t.Errorf("cut in mid-call: %+v", r)
	}
	if r := c.Do(20 * time.Second); r.Outcome != result.Refused || !r.Spent {
		t.Errorf("where nobody listens: %+v", r)
	}
}

type cut struct {
	net.Listener
	conns chan net.Conn
}

func (c *cut) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.conns <- conn
	}
	return conn, err
}

// A server that is there and cannot be called is named for what it is.
func TestPeersThatAreNotGRPC(t *testing.T) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	plain := httptest.NewServer(hello)
	t.Cleanup(plain.Close)
	own, client := wiretest.Certificate()
	secure := httptest.NewUnstartedServer(hello)
	secure.TLS = own
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for _, row := range []struct{ what, url, want string }{
		{"HTTP/1.1", "grpc://" + plain.Listener.Addr().String(), "HTTP/1.1"},
		{"TLS without HTTP/2", "grpcs://" + secure.Listener.Addr().String(), "ALPN h2"},
		{"TLS, called without", "grpc://" + secure.Listener.Addr().String(), "grpcs://"},
	} {
		d := driver(t, grpc.Calls{URL: row.url + unary, TLS: tlsFor(row.url, client)})
		_, err := d.Dial(t.Context())
		if _, is := err.(*grpc.NotGRPC); !is || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want that it names %s", row.what, err, row.want)
		}
	}
	d := driver(t, grpc.Calls{URL: "grpcs://" + plain.Listener.Addr().String() + unary})
	if _, err := d.Dial(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "TLS handshake: ") {
		t.Errorf("no TLS: %v", err)
	}
}

func tlsFor(url string, c *tls.Config) *tls.Config {
	if strings.HasPrefix(url, "grpcs:") {
		return c
	}
	return nil
}

// A server that accepts and says nothing holds nobody up for longer than allowed.
func TestSilentServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = driver(t, grpc.Calls{URL: "grpc://" + ln.Addr().String() + unary}).Dial(ctx)
	if o, _ := bench.DialOutcome(err); o != result.Timeout {
		t.Errorf("%v: %v", o, err)
	}
}
