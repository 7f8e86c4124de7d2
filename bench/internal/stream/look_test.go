package stream

import (
	"fmt"
	"testing"

	"github.com/a628bb15/onhold/bench/internal/http1"
)

// The first ok replies show whether they are streams, and what comes behind them costs
// nothing.
func TestLook(t *testing.T) {
	for _, c := range []struct {
		name, header string
		before       int // other ok replies before it
		want         Kind
	}{
		{"events", "200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked", 0, SSE},
		{"events of a mix", "200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0", looks - 1, SSE},
		{"events that come too late", "200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0", looks, None},
		{"lines in chunks", "200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked", 0, Lines},
		{"a file of lines", "200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 0", 0, None},
		{"an error", "500 No\r\nContent-Type: text/event-stream\r\nContent-Length: 0", 0, None},
		{"text", "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0", 0, None},
	} {
		var look Look
		var r http1.Reader
		var p http1.Reply
		look.AtReader(&r)
		read := func(header, body string) {
			t.Helper()
			p.Again()
			if done, _, err := r.Next(&p, fmt.Appendf(nil, "HTTP/1.1 %s\r\n\r\n%s", header, body)); err != nil || done == (body != "") {
				t.Fatalf("%s: done %v, %v", c.name, done, err)
			}
		}
		for range c.before {
			read("200 OK\r\nContent-Length: 0", "")
		}
		body := ""
		if c.name == "lines in chunks" || c.name == "events" {
			body = "1\r\n\n\r\n"
		}
		if read(c.header, body); look.Found() != c.want {
			t.Errorf("%s: found %v, want %v", c.name, look.Found(), c.want)
		}
		if again := r.Sink != nil; again != (c.before < looks-1) {
			t.Errorf("%s: looks on: %v", c.name, again)
		}
	}
}
