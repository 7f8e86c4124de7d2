package targets_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/stream"
)

// eachHolder runs a test over the styles that can hold streams.
func eachHolder(t *testing.T, test func(t *testing.T, style targets.Style, holder string)) {
	for _, holder := range stream.Servers {
		t.Run(holder, func(t *testing.T) {
			t.Parallel()
			test(t, style(t, stream.Name), holder)
		})
	}
}

// short are options of streams with that many events, one per 10 ms.
func short(holder string, events int) targets.Options {
	return targets.Options{Stream: stream.Config{Server: holder, Events: events, Interval: 10 * time.Millisecond}}
}

// limited are options with n places.
func limited(o targets.Options, n int) targets.Options {
	o.Workers, o.Queue, o.MaxInflight = n, targets.NoQueue, n
	return o
}

func follow(order int64) string { return get(orders.EventsPath(order)) }

// opened reads the header of a stream's reply.
func (c *client) opened(t *testing.T) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: "GET"})
	if err != nil {
		t.Errorf("reading the reply: %v", err)
		return &http.Response{Body: http.NoBody}
	}
	r := reply{Response: resp}
	wantHeader(t, r, "Content-Type", "text/event-stream")
	wantHeader(t, r, "Cache-Control", "no-cache")
	if resp.StatusCode != http.StatusOK || len(resp.TransferEncoding) != 1 || resp.TransferEncoding[0] != "chunked" || resp.Close {
		t.Errorf("status %d, transfer encoding %v, close %v", resp.StatusCode, resp.TransferEncoding, resp.Close)
	}
	return resp
}

// events is what a stream of n events of an order sends.
func events(order int64, n int) string {
	var text []byte
	for k := range n {
		text = orders.Events{N: n}.Append(text, order, k)
	}
	return string(text)
}

func (c *client) wantEvents(t *testing.T, order int64, n int) {
	t.Helper()
	got, err := io.ReadAll(c.opened(t).Body)
	if err != nil || string(got) != events(order, n) {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, events(order, n))
	}
}

func TestStreamsSendEveryEventInOrder(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		for _, n := range []int{1, 2, 5, 12} {
			o := short(holder, n)
			s := start(t, style, o)
			c := dial(t, s)
			for order := range int64(3) { // over one connection
				began := time.Now()
				c.send(t, follow(order+1))
				c.wantEvents(t, order+1, n)
				if took, least := time.Since(began), latency+o.Stream.Length(); took < least {
					t.Errorf("%d events came within %v, before their %v were over", n, took, least)
				}
			}
			// What else is asked is answered as by any style, also what was sent ahead.
			c.send(t, "POST "+orders.EventsPath(7)+" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"+askFor(8)+follow(9))
			c.wantEvents(t, 7, n)
			wantOrders(t, c.read(t, "GET"), 8)
			c.wantEvents(t, 9, n)
			if st := s.Stats(); st.Style != stream.Name || st.Accepted != 6 || st.InFlight != 0 || st.ServiceTime.N != 6 || st.Backend.Calls != 6 {
				t.Errorf("the stats are %+v", st)
			}
			if mean := time.Duration(s.Stats().ServiceTime.Mean); mean < o.Stream.Length()*5/6 {
				t.Errorf("a stream occupied its place for %v, want %v or more", mean, o.Stream.Length()*5/6)
			}
		}
	})
}

// Each event is sent when it is due, not with the one after it.
func TestEventsAreNotHeldBack(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		o := short(holder, 2)
		o.Stream.Interval = 300 * time.Millisecond
		c := dial(t, start(t, style, o))
		c.send(t, follow(1))
		body := c.opened(t).Body
		first := make([]byte, 256)
		began := time.Now()
		n, err := body.Read(first)
		if got := string(first[:n]); err != nil || strings.Count(got, "data:") != 1 || !strings.Contains(got, "accepted") {
			t.Errorf("the first read returned %q, %v", got, err)
		}
		rest, err := io.ReadAll(body)
		if err != nil || time.Since(began) < o.Stream.Interval/2 {
			t.Errorf("%v later came %q, %v", time.Since(began), rest, err)
		}
	})
}

func TestStreamsAreRefusedForAReason(t *testing.T) {
	t.Parallel()
	rows := []struct {
		what, line string
		status     int
		text       string
	}{
		{"no number", "GET /api/orders/x/events HTTP/1.1", 400, `"x"`},
		{"no order", "GET /api/orders//events HTTP/1.1", 400, "whole number"},
		{"order 0", "GET /api/orders/0/events HTTP/1.1", 400, "whole number"},
		{"beyond 63 bits", "GET /api/orders/9223372036854775808/events HTTP/1.1", 400, "whole number"},
		{"only a header", "HEAD /api/orders/1/events HTTP/1.1", 405, ""},
		{"another method", "DELETE /api/orders/1/events HTTP/1.1", 405, "GET, POST"},
		{"another path", "GET /api/orders/1/event HTTP/1.1", 404, "/api/orders/1/event"},
		{"no chunks", "GET /api/orders/1/events HTTP/1.0", 505, "HTTP/1.1"},
	}
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		s := start(t, style, short(holder, 1))
		for _, row := range rows {
			c := dial(t, s)
			c.send(t, row.line+"\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
			method, _, _ := strings.Cut(row.line, " ")
			r := c.read(t, method)
			if method == "HEAD" {
				if r.StatusCode != row.status {
					t.Errorf("%s: status %d", row.what, r.StatusCode)
				}
				continue
			}
			wantError(t, r, row.status, row.text)
		}
		if st := s.Stats(); st.Accepted+st.Rejected != 0 {
			t.Errorf("nothing was followed, but the stats are %+v", st)
		}
	})
	// The other styles have no streams.
	eachStyle(t, func(t *testing.T, style targets.Style) {
		c := dial(t, start(t, style, targets.Options{}))
		c.send(t, follow(1))
		wantError(t, c.read(t, "GET"), 404, "/api/orders/1/events")
	})
}

// A stream keeps its place to its end. Further ones are rejected, and with a thread each
// some wait for it.
func TestStreamsKeepTheirPlaces(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		const workers, places, n = 2, 5, 8
		o := short(holder, 3)
		o.Stream.Interval = 700 * time.Millisecond // room to send them all in
		o.Workers, o.Queue, o.MaxInflight = workers, places-workers, places
		s := start(t, style, o)
		var clients [n]*client
		for i := range clients {
			clients[i] = dial(t, s)
		}
		began := time.Now()
		var all sync.WaitGroup
		for i, c := range clients {
			c.send(t, follow(int64(i+1)))
			all.Go(func() {
				if head, _ := c.r.Peek(len("HTTP/1.1 503")); string(head) == "HTTP/1.1 503" {
					wantError(t, c.read(t, "GET"), http.StatusServiceUnavailable, "taken")
					return
				}
				c.wantEvents(t, int64(i+1), 3)
			})
		}
		eventually(t, "all streams have come", func() bool { st := s.Stats(); return st.Accepted+st.Rejected == n })
		all.Wait()
		if st := s.Stats(); st.Accepted != places || st.Rejected != n-places || st.InFlight != 0 {
			t.Errorf("the stats are %+v", st)
		}
		const rounds = (places + workers - 1) / workers
		if took, least := time.Since(began), rounds*(latency+o.Stream.Length()); holder == stream.Blocking && took < least {
			t.Errorf("%d streams were over in %v, and on %d threads they take %v", places, took, workers, least)
		}
	})
}

// A client that goes away frees what its stream holds when the next events are due.
func TestAClientThatGoesAwayFreesItsPlace(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		o := limited(short(holder, 1_000_000), 2)
		s := start(t, style, o)
		for round := range 6 {
			c := dial(t, s)
			c.send(t, follow(1))
			if round%2 == 0 {
				c.opened(t).Body.Read(make([]byte, 10))
			} else { // before the first event
				eventually(t, "the stream arrived", func() bool { return s.Stats().InFlight == 1 })
			}
			if round%3 == 0 {
				c.Conn.(*net.TCPConn).SetLinger(0)
			}
			c.Close()
			eventually(t, "the place is free", func() bool { return s.Stats().InFlight == 0 })
		}
		if st := s.Stats(); st.Accepted != 6 || st.Rejected != 0 || st.ServiceTime.N != 6 {
			t.Errorf("the stats are %+v", st)
		}
	})
}

// Nothing is kept for a client that does not read: its stream is closed, while others
// get theirs.
func TestAStreamThatNobodyReadsIsClosed(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		o := limited(short(holder, stream.MaxEvents), 3)
		o.Stream.Interval, o.Stream.Patience = time.Microsecond, 50*time.Millisecond
		s := start(t, style, o)
		c := dial(t, s)
		if err := c.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		c.send(t, follow(1))
		eventually(t, "the stream arrived", func() bool { return s.Stats().Accepted == 1 })
		// Its 70 MB are more than is kept for it.
		eventually(t, "the stream is closed", func() bool { return s.Stats().InFlight == 0 })
		d := dial(t, s)
		d.send(t, askFor(3))
		wantOrders(t, d.read(t, "GET"), 3)
	})
}

// A shutdown lets open streams run to their end.
func TestStreamsEndBeforeTheirServer(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		o := short(holder, 8)
		o.Stream.Interval, o.Sim.Latency = 100*time.Millisecond, latency
		s, err := style.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		const n = 10
		var clients [n]*client
		for i := range clients {
			clients[i] = dial(t, s)
		}
		for i, c := range clients {
			c.send(t, follow(int64(i+1)))
		}
		eventually(t, "all streams have come", func() bool { return s.Stats().Accepted == n })
		var all sync.WaitGroup
		for i, c := range clients {
			all.Go(func() {
				resp, err := http.ReadResponse(c.r, &http.Request{Method: "GET"})
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				if err != nil || string(got) != events(int64(i+1), 8) {
					t.Errorf("%v, got\n%s", err, got)
				}
				c.ended(t)
			})
		}
		shutdown(t, s)
		all.Wait()
		if st := s.Stats(); st.InFlight != 0 || st.ServiceTime.N != n {
			t.Errorf("the stats are %+v", st)
		}
	})
}

func TestAShutdownDoesNotWaitForStreamsForEver(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		o := limited(short(holder, 10), 1)
		o.Stream.Interval = time.Minute
		for _, gone := range []bool{false, true} {
			s, err := style.Start(o) // ends with the process
			if err != nil {
				t.Fatal(err)
			}
			c := dial(t, s)
			c.send(t, follow(1))
			c.opened(t)
			if gone {
				c.Close()
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown returned %v, want that its context ended", err)
			}
		}
	})
}

// A backend that fails ends a stream before it begins, and its place is free.
func TestAStreamThatCannotBegin(t *testing.T) {
	t.Parallel()
	eachHolder(t, func(t *testing.T, style targets.Style, holder string) {
		o := limited(short(holder, 3), 1)
		o.Backend, o.BackendURL = "http", "http://127.0.0.1:1"
		s := start(t, style, o)
		for range 3 {
			c := dial(t, s)
			c.send(t, follow(1))
			wantError(t, c.read(t, "GET"), http.StatusBadGateway, "backend")
		}
		if st := s.Stats(); st.Accepted != 3 || st.InFlight != 0 {
			t.Errorf("the stats are %+v", st)
		}
	})
}

func TestStreamOptions(t *testing.T) {
	s := style(t, stream.Name)
	for _, row := range []struct {
		config stream.Config
		want   string
	}{
		{stream.Config{Server: "grpc"}, "Stream.Server is grpc, want one of eventloop, goroutine, blocking"},
		{stream.Config{Events: -1}, "Stream.Events is -1, want 1 to 1000000"},
		{stream.Config{Interval: -1}, "Stream.Interval is -1ns, want above 0s, up to 1m0s"},
		{stream.Config{Interval: time.Hour}, "Stream.Interval is 1h0m0s, want above 0s"},
		{stream.Config{Patience: time.Hour}, "Stream.Patience is 1h0m0s, want above 0s"},
	} {
		if err := (targets.Options{Stream: row.config}).Validate(); err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%+v: got %v, want %q…", row.config, err, row.want)
		}
	}
	for _, row := range []struct {
		server, settings string
		threads          int
		each             time.Duration
		traceable        bool
	}{
		{"", "max-inflight=0 loops=0 stream-server=eventloop", 0, time.Second, false},
		{"goroutine", "max-inflight=9 stream-server=goroutine", 0, 100 * time.Second / 9, true},
		{"blocking", "workers=5 queue=100 stream-server=blocking", 5, 20 * time.Second, true},
	} {
		o := targets.Options{Workers: 5, Stream: stream.Config{Server: row.server}}
		if row.server != "" {
			o.MaxInflight = 9
		}
		got := fmt.Sprint(o.Settings(s))
		for want := range strings.FieldsSeq(row.settings + " order-events=5 event-interval=200ms") {
			key, value, _ := strings.Cut(want, "=")
			if o.Settings(s).Get(key) != value {
				t.Errorf("%s: no %s in %s", row.server, want, got)
			}
		}
		if n := len(o.Settings(s)) - len(o.Settings()); n != 2+len(strings.Fields(row.settings)) {
			t.Errorf("%s: %d settings of its own in %s", row.server, n, got)
		}
		if s.Threads(o) != row.threads || s.OnceEach(o, 100).Round(time.Millisecond) != row.each.Round(time.Millisecond) || (s.Traceable(o) == nil) != row.traceable {
			t.Errorf("%s: %d threads, once each in %v, traceable: %v", row.server, s.Threads(o), s.OnceEach(o, 100), s.Traceable(o))
		}
	}
}
