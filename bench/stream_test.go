package bench_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

func TestStreamFields(t *testing.T) {
	const url = "http://127.0.0.1/"
	ws := bench.Stream{Kind: bench.StreamWebSocket}
	for _, c := range []struct {
		http  bench.HTTP
		field string // that is wrong; empty: none
	}{
		{bench.HTTP{URL: url, Stream: sseDone}, ""},
		{bench.HTTP{URL: url, Method: http.MethodPost, Body: []byte("{}"), Stream: sseDone}, ""},
		{bench.HTTP{URL: "ws://127.0.0.1/"}, ""},
		{bench.HTTP{URL: "WSS://127.0.0.1/", Stream: echoed}, ""},
		{bench.HTTP{URL: url, Stream: ws, Header: []string{"Sec-WebSocket-Protocol: chat", "Origin: http://a"}}, ""},
		{bench.HTTP{URL: url, Stream: bench.Stream{Kind: "sses"}}, "Stream"},
		{bench.HTTP{URL: url, Stream: bench.Stream{Events: 1}}, "StreamEvents"},
		{bench.HTTP{URL: url, Stream: bench.Stream{Kind: bench.StreamSSE, Message: "a"}}, "StreamMessage"},
		{bench.HTTP{URL: url, Stream: bench.Stream{Kind: bench.StreamWebSocket, Message: "a"}}, "StreamEvents"},
		{bench.HTTP{URL: "ws://127.0.0.1/", Stream: sse}, "URL"},
		{bench.HTTP{URL: "ws://127.0.0.1/", Version: bench.HTTP2}, "Version"},
		{bench.HTTP{URL: "wss://127.0.0.1/", Version: bench.HTTPAuto}, "Version"},
		{bench.HTTP{URL: "wsx://127.0.0.1/"}, "URL"},
		{bench.HTTP{URL: url, Stream: sse, Cookies: true}, "Cookies"},
		{bench.HTTP{URL: url, Stream: sse, Follow: 1}, "Follow"},
		{bench.HTTP{URL: url, Stream: sse, Method: http.MethodHead}, "Method"},
		{bench.HTTP{URL: "h2c://127.0.0.1/", Stream: sseDone}, ""},
		{bench.HTTP{URL: "https://127.0.0.1/", Version: bench.HTTPAuto, Stream: lines}, ""},
		{bench.HTTP{URL: "h2c://127.0.0.1/", Stream: chunks}, "Stream"},
		{bench.HTTP{URL: "https://127.0.0.1/", Version: bench.HTTPAuto, Stream: chunks}, "Stream"},
		{bench.HTTP{URL: "wss://127.0.0.1/", Version: bench.HTTP2}, "Version"},
		{bench.HTTP{URL: url, Stream: ws, Method: http.MethodPost}, "Method"},
		{bench.HTTP{URL: url, Stream: ws, Body: []byte("a")}, "Body"},
		{bench.HTTP{URL: url, Stream: ws, Header: []string{"Sec-WebSocket-Extensions: permessage-deflate"}}, "Header"},
		{bench.HTTP{URL: url, Stream: ws, Header: []string{"connection: close"}}, "Header"},
	} {
		err := c.http.Validate()
		wrong, is := errors.AsType[*field.Error](err)
		if (err == nil) != (c.field == "") || err != nil && (!is || wrong.Field != c.field) {
			t.Errorf("%+v: %v, want field %q", c.http, err, c.field)
		}
	}
}

// A WebSocket is asked for as RFC 6455, 4.1, says, each with a key of its own.
func TestWebSocketRequest(t *testing.T) {
	eachDriver(t, func(t *testing.T, made made) {
		s := wiretest.Start(t)
		run(t, bench.Plan{Load: bench.Load{Burst: 2, BurstInterval: time.Second}, Duration: 100 * time.Millisecond}, made(t, bench.HTTP{URL: "http://" + s.Addr + "/a", NewConnection: true, Stream: bench.Stream{Kind: bench.StreamWebSocket}}))
		keys := map[string]bool{}
		for _, request := range s.Requests() {
			before, rest, _ := strings.Cut(request, "Sec-WebSocket-Key: ")
			key, rest, _ := strings.Cut(rest, "\r\n")
			const want = "GET /a HTTP/1.1\r\nUser-Agent: onhold\r\nHost: "
			if keys[key] = true; !strings.HasPrefix(before, want) || len(key) != 24 || !strings.HasSuffix(key, "==") || rest != "\r\n" ||
				!strings.HasSuffix(before, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") {
				t.Errorf("%q", request)
			}
		}
		if len(keys) != 2 {
			t.Errorf("%d keys of 2 requests", len(keys))
		}
	})
}

// The kind is recorded also where the address says it.
func TestStreamSettings(t *testing.T) {
	settings := func(h bench.HTTP) result.Settings { return h.Settings() }
	if got := settings(bench.HTTP{URL: "wss://h/"}).Get(result.KeyStream); got != bench.StreamWebSocket {
		t.Errorf("the stream of a wss:// address is %q", got)
	}
	a, b := settings(bench.HTTP{URL: "ws://h/"}), settings(bench.HTTP{URL: "http://h/", Stream: bench.Stream{Kind: bench.StreamWebSocket}})
	if a.Get(result.KeyRequest) != b.Get(result.KeyRequest) {
		t.Errorf("the same requests have different digests: %v, %v", a, b)
	}
}
