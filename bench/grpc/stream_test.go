package grpc_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// messages asks for n messages, each after a time, and for a status in the end.
func messages(n int, gap time.Duration, code codes.Code) []byte {
	each := fmt.Sprintf(`{"size": 10, "intervalUs": %d}`, gap.Microseconds())
	body := `{"responseParameters": [` + strings.TrimSuffix(strings.Repeat(each+",", n), ",") + `]`
	if code != codes.OK {
		body += fmt.Sprintf(`, "responseStatus": {"code": %d, "message": "no luck"}`, code)
	}
	return []byte(body + "}")
}

// streamed makes one call, and returns its events too.
func streamed(t *testing.T, c bench.Conn, timeout time.Duration) (bench.Reply, []bench.Event) {
	t.Helper()
	var events []bench.Event
	c.(bench.StreamConn).Events(func(e bench.Event) { events = append(events, e) })
	return c.Do(timeout), events
}

// How a stream ends decides its outcome, and whether it ended early.
func TestOutcomeOfStreams(t *testing.T) {
	for _, row := range []struct {
		what       string
		sent, want int
		code       codes.Code
		ok         string
		outcome    result.Outcome
		events     int
		early      bool
		why        string
	}{
		{"its own end", 3, 0, codes.OK, "", result.OK, 3, false, ""},
		{"no message", 0, 0, codes.OK, "", result.OK, 0, false, ""},
		{"as many as asked for", 3, 3, codes.OK, "", result.OK, 3, false, ""},
		{"more than asked for", 5, 2, codes.OK, "", result.OK, 2, false, ""},
		{"fewer than asked for", 3, 4, codes.OK, "", result.Error, 3, true, "the stream ended before it had as many messages as were asked for"},
		{"rejected at once", 0, 0, codes.ResourceExhausted, "", result.Rejected, 0, false, ""},
		{"rejected later", 2, 0, codes.ResourceExhausted, "", result.Rejected, 2, true, ""},
		{"failed", 2, 0, codes.Internal, "", result.Error, 2, true, "gRPC status INTERNAL: no luck"},
		{"failed, which is ok", 2, 0, codes.NotFound, "NOT_FOUND", result.OK, 2, true, ""},
		{"failed behind those asked for", 2, 2, codes.Internal, "", result.OK, 2, false, ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			s := serve(t, &server{}, newer)
			c := dial(t, grpc.Calls{URL: "grpc://" + s.addr + streaming, Body: messages(row.sent, time.Millisecond, row.code), StreamEvents: row.want, OKStatus: row.ok})
			for range 2 { // the connection stays usable
				r, events := streamed(t, c, 20*time.Second)
				if r.Outcome != row.outcome || r.Why != row.why || r.Events != row.events || r.EndedEarly != row.early || r.Spent || len(events) != row.events {
					t.Fatalf("%+v with %d events, want %v, %q, %d events, early %v", r, len(events), row.outcome, row.why, row.events, row.early)
				}
				if row.events > 2 && r.MedianGap <= 0 {
					t.Errorf("the median gap is %v", r.MedianGap)
				}
				for i, e := range events {
					if e.First != (i == 0) || i > 0 && (e.Before != events[i-1].At || e.At < e.Before) || e.Together && e.At != e.Before {
						t.Errorf("event %d is %+v behind %+v", i, e, events[max(i-1, 0)])
					}
				}
			}
			if n := s.deadlines.Load(); n > 0 {
				t.Errorf("%d streams had a deadline", n)
			}
		})
	}
}

// The timeout is for each message, and not for the stream.
func TestTimeoutOfStreams(t *testing.T) {
	s := serve(t, &server{}, newer)
	call := func(n int, gap, timeout time.Duration) (bench.Reply, []bench.Event) {
		return streamed(t, dial(t, grpc.Calls{URL: "grpc://" + s.addr + streaming, Body: messages(n, gap, codes.OK)}), timeout)
	}
	if r, events := call(30, 20*time.Millisecond, 500*time.Millisecond); r.Outcome != result.OK || len(events) != 30 {
		t.Errorf("%+v with %d events", r, len(events))
	}
	for _, first := range []time.Duration{0, time.Minute} {
		body := strings.Replace(string(messages(2, time.Minute, codes.OK)), "60000000", text(int(first.Microseconds())), 1)
		r, events := streamed(t, dial(t, grpc.Calls{URL: "grpc://" + s.addr + streaming, Body: []byte(body)}), 200*time.Millisecond)
		if want := 1; first > 0 {
			want = 0
		} else if len(events) != want || r.Events != want {
			t.Errorf("%d events, want %d", len(events), want)
		}
		if r.Outcome != result.Timeout || r.Why != "no event within the timeout" || r.EndedEarly || r.Spent {
			t.Errorf("first after %v: %+v", first, r)
		}
	}
	for range 2000 { // the server learns that nobody waits any more
		if s.cancelled.Load() == 2 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("the server saw %d calls cancelled, want 2", s.cancelled.Load())
}

// What a stage records are the messages of the server and their gaps, over connections of
// any kind, also where the server closes them gracefully or a client closes them.
func TestStagesOfStreams(t *testing.T) {
	own, client := wiretest.Certificate()
	const n, gap = 5, 20 * time.Millisecond
	for _, row := range []struct {
		what    string
		calls   grpc.Calls
		load    bench.Load
		options []rpc.ServerOption
	}{
		{"closed", grpc.Calls{}, bench.Load{Clients: 4}, nil},
		{"shared", grpc.Calls{Connections: 1}, bench.Load{Rate: 50}, nil},
		{"TLS", grpc.Calls{TLS: client}, bench.Load{Clients: 4}, []rpc.ServerOption{rpc.Creds(credentials.NewTLS(own))}},
		{"GOAWAY", grpc.Calls{}, bench.Load{Clients: 4, ThinkTime: 2 * time.Millisecond}, []rpc.ServerOption{rpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 30 * time.Millisecond, MaxConnectionAgeGrace: 20 * time.Second})}},
		{"cancelled", grpc.Calls{StreamEvents: n - 1}, bench.Load{Clients: 4}, nil},
	} {
		t.Run(row.what, func(t *testing.T) {
			s := serve(t, &server{}, newer, row.options...)
			scheme, want := "grpc://", int64(n)
			if row.calls.TLS != nil {
				scheme = "grpcs://"
			}
			if row.calls.StreamEvents > 0 {
				want = n - 1
			}
			row.calls.URL, row.calls.Body = scheme+s.addr+streaming, messages(n, gap, codes.OK)
			stage := run(t, driver(t, row.calls), row.load)
			got, planned := stage.Streams, stage.Counts.Planned()
			if planned == 0 || stage.Counts[result.OK] != planned || got == nil || got.Events != planned*want || got.FirstEvent.N() != planned || got.MedianGap.N() != planned || got.EndedEarly != 0 {
				t.Fatalf("%v, %+v: %v", stage.Counts, got, stage.Warnings)
			}
			// No message is sent before its time, but one may be read together with a later one.
			if least := got.FirstEvent.Quantile(0); least < gap*99/100 {
				t.Errorf("a first message came after %v, before it was sent", least)
			}
			if stage.Settings.Get(result.KeyStream) != grpc.Driver || stage.Settings.Get(result.KeyStreamEvents) == "" == (row.calls.StreamEvents > 0) {
				t.Errorf("settings %v", stage.Settings)
			}
			if row.what == "GOAWAY" && stage.Reconnects == 0 {
				t.Error("no connection was replaced: the test shows nothing")
			}
		})
	}
}

// A stream whose connection is cut is a reset that ended early, and its events count.
func TestStreamIsCut(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := &cut{ln, make(chan net.Conn, 1)}
	s := &server{held: make(chan struct{})}
	defer close(s.held)
	serveOn(t, accepted, s, newer)
	c := dial(t, grpc.Calls{URL: "grpc://" + s.addr + streaming, Body: messages(2, 0, codes.OK)})
	came := make(chan bench.Event, 2)
	c.(bench.StreamConn).Events(func(e bench.Event) { came <- e })
	ended := make(chan bench.Reply, 1)
	go func() { ended <- c.Do(20 * time.Second) }()
	<-came
	<-came
	(<-accepted.conns).Close()
	if r := <-ended; r.Outcome != result.Reset || r.Events != 2 || !r.EndedEarly || !r.Spent {
		t.Errorf("%+v", r)
	}
}

// Messages that the server sends at once are read together, and say so.
func TestMessagesInOneRead(t *testing.T) {
	s := serve(t, &server{}, newer)
	c := dial(t, grpc.Calls{URL: "grpc://" + s.addr + streaming, Body: messages(500, 0, codes.OK)})
	r, events := streamed(t, c, 20*time.Second)
	together := 0
	for _, e := range events {
		if e.Together {
			together++
		}
	}
	if r.Outcome != result.OK || len(events) != 500 || together == 0 {
		t.Errorf("%+v: %d events, of which %d came together", r, len(events), together)
	}
}
