package bare

import (
	"strings"
	"testing"
	"time"
)

func TestNextReadsRequests(t *testing.T) {
	rows := []struct {
		about, request string
		reply          reply
		path           string
	}{
		{"the least there is", "GET / HTTP/1.1\r\n\r\n", 0, ""},
		{"what clients send", "GET /api/orders?user_id=42 HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nAccept: */*\r\n\r\n", 0, ""},
		{"without a body", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", noBody, ""},
		{"a last request", "GET / HTTP/1.1\r\ncOnnection:  Close\r\n\r\n", closing, ""},
		{"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", closing, ""},
		{"unless it asks", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", keeping, ""},
		{"which HTTP/1.1 need not", "GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", 0, ""},
		{"control", "GET /bare/stats HTTP/1.1\r\n\r\n", 0, PathStats},
		{"control with nothing to say", "POST /bare/reset HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0, PathReset},
		{"not quite control", "GET /bare/statsx HTTP/1.1\r\n\r\n", 0, ""},
		// What cannot be served.
		{"a body", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", bad, ""},
		{"a body in chunks", "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", bad, ""},
		{"another method", "PUT / HTTP/1.1\r\n\r\n", bad, ""},
		{"another version", "GET / HTTP/2\r\n\r\n", bad, ""},
		{"no request at all", "\r\n\r\n", bad, ""},
		{"a bare carriage return", "GET / HTTP/1.1\rx\r\n\r\n", bad, ""},
	}
	for _, row := range rows {
		n, r, path := next([]byte(row.request + "GET /"))
		if n != len(row.request) || r != row.reply || path != row.path {
			t.Errorf("%s: %d bytes, reply %d, path %q; want %d, %d, %q", row.about, n, r, path, len(row.request), row.reply, row.path)
		}
		for cut := range row.request {
			if n, _, _ := next([]byte(row.request[:cut])); n != 0 {
				t.Errorf("%s: cut after %d bytes it is taken for complete", row.about, cut)
			}
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"))
	f.Add([]byte("POST /bare/reset HTTP/1.0\r\nContent-Length:0\r\nt\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, r, path := next(data)
		switch {
		case n < 0 || n > len(data):
			t.Errorf("%d bytes of %d", n, len(data))
		case int(r) >= len(replies) || replies[r] == nil:
			t.Errorf("there is no reply %d", r)
		case path != "" && r == bad:
			t.Errorf("a bad request for %s", path)
		}
	})
}

func TestConfigSaysWhatIsAllowed(t *testing.T) {
	for want, c := range map[string]Config{
		"Addr is nowhere, want HOST:PORT": {Addr: "nowhere"},
		"Latency is -1s, want 0s to":      {Addr: "127.0.0.1:0", Latency: -time.Second},
		"Arrivals is -1, want 0 to":       {Addr: "127.0.0.1:0", Arrivals: -1},
	} {
		if _, err := Start(c); err == nil || !strings.HasPrefix(err.Error(), want) {
			// Elsewhere than on Linux Start has only one thing to say.
			if err == nil || !strings.Contains(err.Error(), "needs Linux") {
				t.Errorf("%+v: %v, want %q…", c, err, want)
			}
		}
	}
}

func TestRateIsOfTheTimeBetweenReplies(t *testing.T) {
	if got := (Stats{Served: 11, FirstNS: 1e9, LastNS: 2e9}).Rate(); got != 10 {
		t.Errorf("11 replies in a second are %v/s, want 10: the first begins the time", got)
	}
	if got := (Stats{Served: 1, FirstNS: 1, LastNS: 1}).Rate(); got != 0 {
		t.Errorf("one reply is %v/s", got)
	}
}
