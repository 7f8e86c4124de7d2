package bench

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/reports/result"
)

// A request that waits may get a stream, and its reply, before its goroutine runs. The
// next one that waits must not take that stream for its own.
func TestStreamsThatEndAtOnce(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00") // settings: no streams
		io.Copy(io.Discard, c)
	}()
	dial, err := HTTP{URL: "h2c://" + ln.Addr().String() + "/", Connections: 1}.Dial()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := conn.(*http2Conn)
	for range 64 { // which of two channels a select takes is left to chance
		c.admitted <- struct{}{}
		c.ended <- ending{event: http2.Event{Kind: http2.Ended, Status: 200}}
		reply := c.Do(5 * time.Second)
		if reply.Outcome != result.OK || len(c.admitted)+len(c.ended) > 0 {
			t.Fatalf("%+v; admitted again %d times", reply, len(c.admitted))
		}
		c.channel.mu.Lock()
		c.channel.waiting = c.channel.waiting[:0]
		c.channel.mu.Unlock()
	}
}
