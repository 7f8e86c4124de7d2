package realtest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// eventsOf is how many events a stream of the servers below has, its end mark included.
const eventsOf = 5

// streaming is a handler of Go's net/http: server-sent events, lines of JSON and, by
// golang.org/x/net/websocket, an echo. It logs the status of each reply.
func streaming(printed func(status int)) http.Handler {
	mux := http.NewServeMux()
	stream := func(contentType string, event func(k int) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			for k := range eventsOf {
				fmt.Fprint(w, event(k))
				w.(http.Flusher).Flush()
				time.Sleep(2 * time.Millisecond)
			}
			printed(http.StatusOK)
		}
	}
	event := func(k int) string {
		if k == eventsOf-1 {
			return "data: [DONE]\n\n"
		}
		return fmt.Sprintf("event: delta\nid: %d\ndata: {\"n\":%d,\ndata: \"text\":\"a\"}\n\n: ping\n\n", k, k)
	}
	mux.Handle("/events", stream("text/event-stream", event))
	mux.HandleFunc("/together", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for k := range eventsOf {
			fmt.Fprint(w, event(k)) // all in one write, when it returns
		}
		printed(http.StatusOK)
	})
	mux.Handle("/lines", stream("application/x-ndjson", func(k int) string { return fmt.Sprintf("{\"n\":%d}\n", k) }))
	mux.Handle("/page", stream("text/html", func(int) string { return "data: a\n\n" }))
	mux.Handle("/echo", websocket.Server{Handler: func(c *websocket.Conn) {
		printed(http.StatusSwitchingProtocols)
		for text := ""; websocket.Message.Receive(c, &text) == nil && websocket.Message.Send(c, text) == nil; {
		}
	}})
	return mux
}

// standardStreams starts a server of Go's net/http.
func standardStreams(t *testing.T, b *bed) (log func() string) {
	var mu sync.Mutex
	var lines strings.Builder
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:"+b.plain)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: wiretest.Listener{Listener: l}, Config: &http.Server{Handler: streaming(func(status int) {
		mu.Lock()
		fmt.Fprintln(&lines, status)
		mu.Unlock()
	})}}
	server.Start()
	t.Cleanup(server.Close)
	return func() string {
		server.Close()
		mu.Lock()
		defer mu.Unlock()
		return lines.String()
	}
}

// nginxStreams starts nginx in front of a server of Go.
func nginxStreams(t *testing.T, b *bed) (log func() string) {
	behind := httptest.NewServer(streaming(func(int) {}))
	t.Cleanup(behind.Close)
	return b.nginx(t, "$status", `
	server {
		listen 127.0.0.1:FIRST; listen 127.0.0.1:SECOND ssl http2;
		ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/cert.key;
		proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
		location / { proxy_pass `+behind.URL+`; }
		location /echo { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection Upgrade; proxy_pass `+behind.URL+`; }
	}`)
}

// nodeStreams starts a server of Node, with a WebSocket by hand.
func nodeStreams(t *testing.T, b *bed) (log func() string) {
	b.write(t, "server.js", `
const crypto = require('crypto')
const server = require('http').createServer((q, r) => {
	r.writeHead(200, {'Content-Type': 'text/event-stream'})
	let k = 0
	const timer = setInterval(() => {
		if (++k < 5) return r.write('data: ' + k + '\r\n\r\n')
		clearInterval(timer)
		r.end('data: [DONE]\r\n\r\n')
		console.log(200)
	}, 2)
})
server.on('upgrade', (q, socket) => {
	console.log(101)
	const accept = crypto.createHash('sha1').update(q.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
	socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ' + accept + '\r\n\r\n')
	for (let k = 0; k < 4; k++) socket.write(Buffer.from([0x81, 2, 0x68, 0x69]))
	socket.write(Buffer.concat([Buffer.from([0x81, 126, 1, 0]), Buffer.alloc(256, 'x')]))
	socket.write(Buffer.from([0x88, 2, 0x03, 0xe8]))
	socket.on('data', () => socket.end())
	socket.on('error', () => {})
})
server.listen(FIRST, '127.0.0.1')
`)
	return b.start(t, "node", b.path("server.js"))
}

var (
	done     = bench.Stream{Kind: bench.StreamSSE, Done: "[DONE]"}
	switched = map[int]result.Outcome{101: result.OK}
	echo     = bench.Stream{Kind: bench.StreamWebSocket, Message: "hello", Events: eventsOf}
)

// allEvents holds that each stream had all of its events, none ended early, and no
// connection was made again where streams leave it open.
func allEvents(s *result.Stage, _ string) error {
	if got := s.Streams; got == nil || got.Events != eventsOf*s.Counts[result.OK] || got.EndedEarly != 0 || got.Length.N() != s.Counts[result.OK] || s.Reconnects > 0 {
		return fmt.Errorf("%+v of %v, %d connections made again", got, s.Counts, s.Reconnects)
	}
	return nil
}

var streamRows = []row{
	{name: "net/http, SSE", server: standardStreams, http: bench.HTTP{URL: "/events", Stream: done}, want: ok, holds: allEvents},
	{name: "net/http, SSE, TLS", server: standardStreams, http: bench.HTTP{URL: "/events", Stream: done}, change: either, want: ok, holds: allEvents},
	{name: "net/http, SSE by POST", server: standardStreams, http: bench.HTTP{URL: "/events", Method: "POST", Body: []byte(`{"stream":true}`), Stream: done}, want: ok, holds: allEvents},
	{name: "net/http, lines", server: standardStreams, http: bench.HTTP{URL: "/lines", Stream: bench.Stream{Kind: bench.StreamLines}}, want: ok, holds: allEvents},
	{name: "net/http, chunks", server: standardStreams, http: bench.HTTP{URL: "/lines", Stream: bench.Stream{Kind: bench.StreamChunks}}, want: ok, holds: allEvents},
	{name: "net/http, a page in place of events", server: standardStreams, http: bench.HTTP{URL: "/page", Stream: done}, want: map[int]result.Outcome{200: result.Error},
		holds: func(s *result.Stage, _ string) error { return has(fmt.Sprint(s.Notes()), "Content-Type") }},
	{name: "x/net/websocket, echo", server: standardStreams, http: bench.HTTP{URL: "/echo", Stream: echo}, want: switched, holds: allEvents},
	{name: "x/net/websocket, echo, TLS", server: standardStreams, http: bench.HTTP{URL: "/echo", Stream: echo}, change: either, want: switched, holds: allEvents},
	{name: "nginx, SSE", server: nginxStreams, http: bench.HTTP{URL: "/events", Stream: done}, want: ok, holds: allEvents},
	{name: "nginx, SSE in one write", server: nginxStreams, http: bench.HTTP{URL: "/together", Stream: done}, want: ok,
		holds: func(s *result.Stage, log string) error {
			if n := s.Streams.FirstEvent.N(); s.Streams.Together != n*(eventsOf-1) {
				return fmt.Errorf("%d of %d events of %d streams came in one read with the one before, want all but the first", s.Streams.Together, s.Streams.Events, n)
			}
			return allEvents(s, log)
		}},
	{name: "nginx, SSE over HTTP/2", server: nginxStreams, http: bench.HTTP{URL: "/events", Version: bench.HTTP2, Connections: 1, Stream: done}, change: secure, want: ok, holds: allEvents},
	{name: "nginx, SSE by POST over HTTP/2", server: nginxStreams, http: bench.HTTP{URL: "/events", Method: "POST", Body: []byte(`{"stream":true}`), Version: bench.HTTPAuto, Stream: done}, change: secure, want: ok, holds: allEvents},
	{name: "nginx, SSE over HTTP/2 that the client ends", server: nginxStreams, http: bench.HTTP{URL: "/events", Version: bench.HTTP2, Connections: 1, Stream: bench.Stream{Kind: bench.StreamSSE, Events: eventsOf}}, change: secure, want: ok, holds: allEvents},
	{name: "nginx, WebSocket", server: nginxStreams, http: bench.HTTP{URL: "/echo", Stream: echo}, want: switched, holds: allEvents},
	{name: "node, SSE", server: nodeStreams, http: bench.HTTP{URL: "/", Stream: done}, want: ok, holds: allEvents},
	{name: "node, WebSocket", server: nodeStreams, http: bench.HTTP{URL: "/", Stream: bench.Stream{Kind: bench.StreamWebSocket}}, want: switched, holds: allEvents},
}
