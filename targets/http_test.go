package targets_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
)

// How every style speaks HTTP.

// Where a request is cut into pieces says nothing about it.
func TestEveryStyleReadsARequestCutAnywhere(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{Sim: sim.Config{Latency: time.Millisecond}})
		request := "GET /api/orders?user_id=42 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"

		c := dial(t, s)
		for i := range len(request) {
			c.send(t, request[i:i+1])
			time.Sleep(50 * time.Microsecond) // so that most bytes are read one by one
		}
		wantOrders(t, c.read(t, "GET"), 42)

		// The cuts side by side, for the pause between the halves.
		done := make(chan struct{})
		for cut := 1; cut < len(request); cut++ {
			go func() {
				defer func() { done <- struct{}{} }()
				c := dial(t, s)
				c.send(t, request[:cut])
				time.Sleep(3 * time.Millisecond)
				c.send(t, request[cut:]+askFor(cut))
				wantOrders(t, c.read(t, "GET"), 42)
				wantOrders(t, c.read(t, "GET"), cut)
			}()
		}
		for range len(request) - 1 {
			<-done
		}
	})
}

func TestEveryStyleAnswersPipelinedRequestsInOrder(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		c := dial(t, start(t, style, targets.Options{Sim: sim.Config{Latency: time.Millisecond, Dist: sim.Exponential}}))
		const n = 30
		var all strings.Builder
		for user := 1; user <= n; user++ {
			all.WriteString(askFor(user))
			if user%3 == 0 {
				all.WriteString(get(orders.PathHealth))
			}
		}
		c.send(t, all.String())
		for user := 1; user <= n; user++ {
			wantOrders(t, c.read(t, "GET"), user)
			if user%3 == 0 {
				if r := c.read(t, "GET"); r.StatusCode != 200 || string(r.body) != `{"status":"ok"}` {
					t.Errorf("health between requests: %d %s", r.StatusCode, r.body)
				}
			}
		}
	})
}

func TestEveryStyleAnswersHeadWithoutABody(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		c := dial(t, start(t, style, targets.Options{}))
		body := orders.AppendJSON(nil, orders.Generate(nil, 42))
		for range 2 { // a body would spoil the second reply
			c.send(t, "HEAD /api/orders?user_id=42 HTTP/1.1\r\nHost: x\r\n\r\n")
			r := c.read(t, "HEAD")
			if r.StatusCode != 200 {
				t.Errorf("got %d", r.StatusCode)
			}
			wantHeader(t, r, "Content-Length", fmt.Sprint(len(body)))
		}
		c.send(t, "HEAD /nope HTTP/1.1\r\nHost: x\r\n\r\n")
		if r := c.read(t, "HEAD"); r.StatusCode != 404 {
			t.Errorf("got %d, want 404", r.StatusCode)
		}
		c.send(t, askFor(1))
		wantOrders(t, c.read(t, "GET"), 1)
	})
}

func TestEveryStyleKeepsAndClosesConnections(t *testing.T) {
	t.Parallel()
	rows := []struct {
		what, version, header string
		stays                 bool
	}{
		{"HTTP/1.1 stays", "1.1", "", true},
		{"HTTP/1.1 with keep-alive stays", "1.1", "Connection: keep-alive\r\n", true},
		{"HTTP/1.1 with close closes", "1.1", "Connection: close\r\n", false},
		{"the value is not case sensitive", "1.1", "connection: Close\r\n", false},
		{"HTTP/1.0 closes", "1.0", "", false},
		{"HTTP/1.0 with keep-alive stays", "1.0", "Connection: keep-alive\r\n", true},
	}
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{})
		for _, row := range rows {
			t.Run(row.what, func(t *testing.T) {
				for _, path := range []string{orders.PathOrders + "?user_id=1", orders.PathHealth, "/nope"} {
					c := dial(t, s)
					c.send(t, "GET "+path+" HTTP/"+row.version+"\r\nHost: x\r\n"+row.header+"\r\n")
					r := c.read(t, "GET")
					if row.stays {
						if row.version == "1.0" {
							wantHeader(t, r, "Connection", "keep-alive")
						}
						c.send(t, askFor(2))
						wantOrders(t, c.read(t, "GET"), 2)
					} else {
						if !r.Close {
							t.Errorf("the reply does not say that the connection closes: %v", r.Header)
						}
						c.ended(t)
					}
				}
			})
		}
	})
}

func TestEveryStyleRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	rows := []struct {
		what, bytes string
		status      int
		text        string
	}{
		{"garbage", "hello there\r\n\r\n", 400, "HTTP/1.1"},
		{"no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"no host", "GET /healthz HTTP/1.1\r\n\r\n", 400, ""},
		{"a header without a colon", "GET /healthz HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400, ""},
		{"a length that is no number", "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, ""},
		{"two lengths", "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, ""},
		{"a header that is too long", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", orders.MaxHeader) + "\r\n\r\n", 431, "4096 bytes"},
		{"a line that never ends", "GET /" + strings.Repeat("y", orders.MaxHeader), 431, "4096 bytes"},
		{"a body that is too long", fmt.Sprintf("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", orders.MaxBody+1), 413, "65536 bytes"},
		{"a body in chunks", "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "Content-Length"},
	}
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{})
		for _, row := range rows {
			t.Run(row.what, func(t *testing.T) {
				c := dial(t, s)
				c.send(t, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n") // whose reply has no body must not carry over
				c.read(t, "HEAD")
				c.send(t, row.bytes)
				r := c.read(t, "GET")
				wantError(t, r, row.status, row.text)
				if !r.Close {
					t.Error("the reply does not say that the connection closes")
				}
				c.ended(t)
			})
		}
		if st := s.Stats(); st.Accepted != 0 {
			t.Errorf("%d requests were accepted", st.Accepted)
		}
	})
}

func TestEveryStyleSkipsBodies(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		c := dial(t, start(t, style, targets.Options{}))
		body := strings.Repeat("GET / HTTP/1.1\r\n\r\n", 200)
		length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
		c.send(t, "POST /healthz HTTP/1.1\r\nHost: x\r\n"+length+"\r\n"+body+askFor(1))
		wantError(t, c.read(t, "POST"), 405, "POST")
		wantOrders(t, c.read(t, "GET"), 1)

		c.send(t, "GET /api/orders?user_id=2 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"+length+"\r\n")
		if line, err := c.r.Peek(len("HTTP/1.1 100")); err != nil || string(line) != "HTTP/1.1 100" {
			t.Errorf("a client that expects 100 Continue got %q, %v", line, err)
		}
		c.send(t, body)
		wantOrders(t, c.read(t, "GET"), 2)
	})
}
