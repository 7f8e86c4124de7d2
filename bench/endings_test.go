package bench_test

import (
	"hash/crc32"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
)

// complete are replies of a known end.
var complete = map[string]string{
	"of a given length":      "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello",
	"in chunks":              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nX: 1\r\n\r\n",
	"after an interim reply": "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno",
}

// A reply that is cut short is a reset, wherever it is cut and however the
// connection ends: never a success, and never sent again.
func TestPartOfAReplyIsNoReply(t *testing.T) { holdParts(t) }

func TestSlowPartOfAReplyIsNoReply(t *testing.T) {
	slow.Only(t)
	holdParts(t)
}

func holdParts(t *testing.T) {
	t.Parallel()
	ends := map[string]func(script) script{
		"closed":      thenCloses,
		"half closed": thenHalfCloses,
		"reset":       thenResets,
	}
	const clients = 8
	eachDriver(t, func(t *testing.T, made made) {
		for what, text := range complete {
			for how, end := range ends {
				t.Run(what+", "+how, func(t *testing.T) {
					t.Parallel()
					var scripts []script
					for i := 0; i < len(text); i += stride(t) {
						scripts = append(scripts, end(says(text[:i])))
					}
					for len(scripts)%clients != 0 {
						scripts = append(scripts, scripts[0])
					}
					s, stage := exchanges(t, made, bench.HTTP{}, clients, scripts)
					if n := int64(len(scripts)); stage.Counts[result.Reset] != n || stage.Counts.Planned() != n {
						t.Errorf("counts %v, want %d reset; %q", stage.Counts, n, stage.Notes())
					}
					if got := s.connections(); got != len(scripts) {
						t.Errorf("%d connections for %d requests, each of which lost its own", got, len(scripts))
					}
				})
			}
		}
	})
}

// A server may say that it will say no more as soon as its reply is out.
func TestHalfCloseAfterTheReply(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		for what, text := range map[string]string{"known": okReply, "to the end": "HTTP/1.1 200 OK\r\n\r\nhello"} {
			var scripts []script
			for i := 1; i < len(text); i++ {
				scripts = append(scripts, thenHalfCloses(cut(says(text[:i]), corked(says(text[i:])))))
			}
			// Paced by its replies: a connection that was just closed is not taken.
			s := newScripted(t, scripts...)
			stage := run(t, bench.Plan{Load: bench.Load{Clients: 4, ThinkTime: 20 * time.Millisecond}, Duration: 300 * time.Millisecond}, made(t, bench.HTTP{URL: s.url()}))
			if n := stage.Counts[result.OK]; n == 0 || n != stage.Counts.Planned() {
				t.Errorf("%s: counts %v, want all ok; %q", what, stage.Counts, stage.Notes())
			}
			if got := s.connections(); got != s.seen() {
				t.Errorf("%s: %d connections for %d requests", what, got, s.seen())
			}
		}
	})
}

// A reply to HEAD has no body, whatever its header says.
func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		var scripts []script
		for _, text := range []string{
			"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			"HTTP/1.1 204 No Content\r\n\r\n",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
		} {
			for i := 1; i <= len(text); i++ {
				scripts = append(scripts, cutAt(i, text))
			}
		}
		s, stage := exchanges(t, made, bench.HTTP{Method: "HEAD"}, 1, scripts)
		if n := int64(len(scripts)); stage.Counts[result.OK] != n || s.connections() != 1 {
			t.Errorf("counts %v over %d connections, want %d ok over one; %q", stage.Counts, s.connections(), n, stage.Notes())
		}
		if got := s.log()[0].method; got != "HEAD" {
			t.Errorf("the method is %s", got)
		}
	})
}

// Whatever its size, the body of a reply is read to its end, and checked.
func TestBodyIsReadWhole(t *testing.T) {
	t.Parallel()
	const size = 10 << 20
	body := strings.Repeat("0123456789abcdef", size/16)
	chunk := "100000\r\n" + body[:1<<20] + "\r\n"
	const pause = 20 * time.Millisecond
	// Who does not wait for the last byte is done too early.
	late := func(text string) script {
		last := len(text) - 1
		return func(c net.Conn) bool { return says(text[:last])(c) && after(pause, says(text[last:]))(c) }
	}
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		for what, c := range map[string]struct {
			script script
			want   result.Outcome
		}{
			"length":     {late("HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n" + body), result.OK},
			"chunks":     {late("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 10) + "0\r\n\r\n"), result.OK},
			"to the end": {thenCloses(late("HTTP/1.1 200 OK\r\n\r\n" + body)), result.OK},
			"cut short":  {thenCloses(says("HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n" + body[:size-1])), result.Reset},
			"too large":  {says("HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n" + body), result.Error},
		} {
			_, stage := exchanges(t, made, bench.HTTP{}, 1, []script{c.script, c.script})
			if stage.Counts[c.want] != 2 {
				t.Errorf("%s: counts %v, want 2 %v; %q", what, stage.Counts, c.want, stage.Notes())
			}
			if fastest := stage.Uncorrected.Quantile(0); c.want == result.OK && fastest < pause*999/1000 {
				t.Errorf("%s: done in %v, but the last byte came %v after the rest", what, fastest, pause)
			}
		}
	})
}

// A large request is sent completely, in as many parts as the server makes of it.
func TestLargeRequestBody(t *testing.T) {
	t.Parallel()
	body := []byte(strings.Repeat("the quick brown fox. ", 200_000)) // 4 MB
	want := crc32.ChecksumIEEE(body)
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		s, stage := exchanges(t, made, bench.HTTP{Method: "POST", Body: body}, 2, []script{says(okReply), says(okReply), says(okReply), says(okReply)})
		if stage.Counts[result.OK] != 4 || s.connections() != 2 {
			t.Errorf("counts %v over %d connections, want 4 ok over 2; %q", stage.Counts, s.connections(), stage.Notes())
		}
		for _, r := range s.log() {
			if r.body != int64(len(body)) || r.checksum != want {
				t.Errorf("a body of %d bytes and checksum %x, want %d and %x", r.body, r.checksum, len(body), want)
			}
		}
		s.noPipelining(t)
	})
}

// A server that turns a caller away need not read what the caller sends: it
// replies and closes. Its reply counts, and the connection is spent.
func TestReplyBeforeTheRequestWasRead(t *testing.T) {
	t.Parallel()
	body := make([]byte, 8<<20) // more than fits into the kernel's buffers
	away := "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"
	politely := func(c net.Conn) bool { // as servers do that want the reply to be seen for sure
		says(away)(c)
		c.(*wiretest.Conn).CloseWrite()
		io.Copy(io.Discard, c)
		return false
	}
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		for what, c := range map[string]struct {
			script script
			want   result.Outcome
		}{
			"and the connection is reset": {thenCloses(says(away)), result.Rejected},
			"and the rest is discarded":   {politely, result.Rejected},
			"though it is a success":      {thenCloses(says(okReply)), result.OK},
		} {
			s := startScripted(t, &scripted{scripts: []script{c.script}, early: true})
			stage := run(t, bench.Plan{
				Load: bench.Load{Clients: 2, ThinkTime: time.Millisecond}, Duration: 200 * time.Millisecond,
			}, made(t, bench.HTTP{URL: s.url(), Method: "PUT", Body: body}))
			if n := stage.Counts[c.want]; n == 0 || n != stage.Counts.Planned() || n != int64(s.seen()) {
				t.Errorf("%s: counts %v, want all %d %v; %q", what, stage.Counts, s.seen(), c.want, stage.Notes())
			}
			if s.connections() < s.seen() {
				t.Errorf("%s: %d connections for %d requests: one was used that was not fit for it", what, s.connections(), s.seen())
			}
		}
	})
}

// The same from clients that do not think: the next request must not be
// mistaken for the one that could not be sent.
func TestReplyBeforeTheRequestWasReadWithoutPause(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		s := startScripted(t, &scripted{scripts: []script{thenCloses(says(okReply))}, early: true})
		stage := run(t, bench.Plan{Load: bench.Load{Clients: 2}, Duration: 200 * time.Millisecond}, made(t, bench.HTTP{URL: s.url(), Method: "PUT", Body: make([]byte, 8<<20)}))
		if n := stage.Counts[result.OK]; n == 0 || n != stage.Counts.Planned() || n != int64(s.seen()) {
			t.Errorf("counts %v, want all %d ok; %q", stage.Counts, s.seen(), stage.Notes())
		}
		if stage.InFlight < 1.99 {
			t.Errorf("%.3f requests in flight, want 2: a client was lost", stage.InFlight)
		}
	})
}

// A reply that trickles in takes as long as it takes, and is one reply.
func TestTricklingReply(t *testing.T) {
	t.Parallel()
	slow := func(c net.Conn) bool {
		for i := range len(okReply) {
			time.Sleep(time.Millisecond)
			if !says(okReply[i : i+1])(c) {
				return false
			}
		}
		return true
	}
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		s, stage := exchanges(t, made, bench.HTTP{}, 3, []script{slow, slow, slow, slow, slow, slow})
		if stage.Counts[result.OK] != 6 || s.connections() != 3 {
			t.Errorf("counts %v over %d connections, want 6 ok over 3", stage.Counts, s.connections())
		}
		if least := time.Duration(len(okReply)) * time.Millisecond; stage.Uncorrected.Quantile(0) < least*999/1000 {
			t.Errorf("the fastest took %v, but its last byte came %v after its first", stage.Uncorrected.Quantile(0), least)
		}
	})
}

// Where no arrival falls into the window as those before it failed, the reason
// is theirs.
func TestReasonWhereNothingIsMeasured(t *testing.T) {
	t.Parallel()
	const pause = "paused"
	for what, c := range map[string]struct {
		do   func(*peer)
		want string
	}{
		pause:          {answers(okReply), "the replies to the 3 before it and then for their think time of 1h0m0s: measure for longer"},
		"no reply":     {func(p *peer) { p.hold() }, "of 3 before it 3 ended in timeout, for example: no complete reply within the timeout"},
		"closed, late": {func(p *peer) { p.request(); time.Sleep(250 * time.Millisecond) }, "of 3 before it 3 ended in reset, for example: "},
		"an error, late": {func(p *peer) {
			p.request()
			time.Sleep(250 * time.Millisecond)
			p.say("HTTP/1.1 400 Bad Request\r\n\r\n")
		}, "of 3 before it 3 ended in error, for example: HTTP status 400"},
		"ok, but so late": {func(p *peer) { p.request(); time.Sleep(250 * time.Millisecond); p.say(okReply) }, "the replies to the 3 before it took longer than that: measure for longer"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			eachDriver(t, func(t *testing.T, made made) {
				timeout := time.Minute
				if what == "no reply" {
					timeout = 250 * time.Millisecond
				}
				plan := bench.Plan{Load: bench.Load{Clients: 3}, Warmup: 50 * time.Millisecond, Duration: 100 * time.Millisecond, Timeout: timeout, DrainTimeout: time.Minute}
				if what == pause {
					plan.Load.ThinkTime = time.Hour
				}
				stage := run(t, plan,
					made(t, bench.HTTP{URL: serveHostile(t, c.do, false)}))
				if stage.Valid() || len(stage.Notes()) != 1 || !strings.Contains(stage.Notes()[0], c.want) {
					t.Errorf("valid %v, %q, want %q", stage.Valid(), stage.Notes(), c.want)
				}
			})
		})
	}
}
