package bench_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
)

func init() { hostiles = append(hostiles, hostileStreams...) }

const (
	sseHead     = okHead + "Content-Type: text/event-stream\r\n"
	sseChunks   = sseHead + "Transfer-Encoding: chunked\r\n\r\n"
	event       = "b\r\ndata: 12\n\n\n\r\n"
	markEvent   = "e\r\ndata: [DONE]\n\n\r\n"
	lastChunk   = "0\r\n\r\n"
	otherStatus = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
)

var (
	sse      = bench.Stream{Kind: bench.StreamSSE}
	sseDone  = bench.Stream{Kind: bench.StreamSSE, Done: "[DONE]"}
	sseThree = bench.Stream{Kind: bench.StreamSSE, Events: 3}
	lines    = bench.Stream{Kind: bench.StreamLines}
	chunks   = bench.Stream{Kind: bench.StreamChunks}
	pushed   = bench.Stream{Kind: bench.StreamWebSocket}
	echoed   = bench.Stream{Kind: bench.StreamWebSocket, Events: 3, Message: "hello"}
)

// checkStreams holds the streams of a stage against what the mode must make of each.
func (m hostile) checkStreams(t *testing.T, s *result.Stage) {
	t.Helper()
	if m.stream.Kind == "" {
		return
	}
	streams, got := s.Counts.Planned(), s.Streams
	if got == nil {
		got = result.NewStreams()
	}
	early := int64(0)
	if m.early {
		early = streams
	}
	if n := streams * int64(m.events); got.Events != n && m.events >= 0 || got.EndedEarly != early {
		t.Errorf("%d streams: %d events, want %d; %d ended early, want %d", streams, got.Events, n, got.EndedEarly, early)
	}
	if notes := strings.Join(s.Notes(), "\n"); !strings.Contains(notes, m.why) {
		t.Errorf("%q is not in %q", m.why, notes)
	}
}

// upgrades answers a request for a WebSocket, and goes on with what follows.
func upgrades(then func(p *peer)) func(*peer) {
	return func(p *peer) {
		if !p.request() {
			return
		}
		sum := sha1.Sum([]byte(p.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		if p.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n") {
			then(p)
		}
	}
}

// frame is one as a server sends it, of less than 126 bytes.
func frame(first byte, payload string) string {
	return string([]byte{first, byte(len(payload))}) + payload
}

const (
	textFrame, closeFrame, pingFrame, pongFrame = 0x81, 0x88, 0x89, 0x8a
	firstFrame, lastFrame                       = 0x01, 0x80
)

// said reads a frame of a client: its first byte and its payload, of less than 126 bytes.
func (p *peer) said() (first byte, payload []byte, ok bool) {
	var head [2 + 4]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil || head[1]&0x80 == 0 || head[1] > 0x80+125 {
		return 0, nil, false
	}
	payload = make([]byte, head[1]&0x7f)
	if _, err := io.ReadFull(p.r, payload); err != nil {
		return 0, nil, false
	}
	for i := range payload {
		payload[i] ^= head[2+i%4]
	}
	return head[0], payload, true
}

// pushes says the frames, a little apart, and reads until the client closes.
func pushes(frames ...string) func(*peer) {
	return upgrades(func(p *peer) {
		for _, f := range frames {
			if !p.say(f) {
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
		p.hold()
	})
}

// echoes says each message back until the client closes, and then closes too. A peer that
// is sent what it should not be says nothing more.
func echoes(between string) func(*peer) {
	return upgrades(func(p *peer) {
		for {
			first, payload, ok := p.said()
			switch {
			case !ok:
				p.hold()
				return
			case first == closeFrame:
				p.say(frame(closeFrame, string(payload)))
				return
			case first == pongFrame && string(payload) == "are you there":
			case first != textFrame || string(payload) != "hello":
				p.hold()
				return
			default:
				p.say(between + frame(textFrame, string(payload)))
			}
		}
	})
}

// answersPing pings, and pushes a message for each pong that is right.
func answersPing(p *peer) {
	for range 3 {
		p.say(frame(pingFrame, "are you there"))
		first, payload, ok := p.said()
		if !ok || first != pongFrame || string(payload) != "are you there" {
			return
		}
		p.say(frame(textFrame, "yes"))
	}
	p.say(frame(closeFrame, "\x03\xe8"))
	if first, payload, ok := p.said(); ok && first == closeFrame && binary.BigEndian.Uint16(payload) == 1000 {
		return
	}
	p.reset()
}

// dripped says the text in pieces that arrive one by one.
func dripped(first, text string) func(*peer) { return drips(first, text, 200*time.Microsecond) }

// hostileStreams is what servers do to streams.
var hostileStreams = []hostile{
	// Streams that are complete.
	{name: "SSE, chunks", do: answers(sseChunks+event, event+event, lastChunk), want: ok, stream: sse, events: 3},
	{name: "SSE, a length", do: answers(sseHead+"Content-Length: 20\r\n\r\ndata: 1\n\n", "data: 2\n\n\r\n"), want: ok, stream: sse, events: 2},
	{name: "SSE, to the end of the connection", do: once(sseHead+"\r\ndata: 1\n\n", "data: 2\n\n"), want: ok, stream: sse, events: 2},
	{name: "SSE, a byte at a time", do: dripped("", sseChunks+event+event+lastChunk), want: ok, stream: sse, events: 2},
	{name: "SSE, an event of 2 MB", do: answers(sseChunks + "1f4007\r\ndata:" + strings.Repeat(long, 32) + "\n\n\r\n" + event + lastChunk), want: ok, stream: sse, events: 2},
	{name: "SSE, the end mark", do: answers(sseChunks+event, markEvent+lastChunk), want: ok, stream: sseDone, events: 2},
	{name: "SSE, the end a little after the end mark", do: answers(sseChunks+event+markEvent, lastChunk), want: ok, stream: sseDone, events: 2},
	{name: "SSE, no end after the end mark", do: answers(sseChunks + event + markEvent), want: ok, stream: sseDone, events: 2},
	{name: "SSE, events after the end mark", do: answers(sseChunks+event+markEvent+event, event+lastChunk), want: ok, stream: sseDone, events: 2},
	{name: "SSE, a flood after the end mark", do: floods(sseChunks+event+markEvent, event+event), want: ok, stream: sseDone, events: 2},
	{name: "SSE, garbage after the end mark", do: answers(sseChunks+event+markEvent+"xyz", "xyz"), want: ok, stream: sseDone, events: 2},
	{name: "SSE, reset after the end mark", do: thenReset(sseChunks + event + markEvent), want: ok, stream: sseDone, events: 2},
	{name: "SSE, closed after the end mark", do: thenCloseIt(sseChunks + event + markEvent), want: ok, stream: sseDone, events: 2},
	{name: "SSE, more events than asked for", do: floods(sseChunks, event), want: ok, stream: sseThree, events: 3},
	{name: "SSE, as many events as asked for", do: answers(sseChunks+event, event, event+lastChunk), want: ok, stream: sseThree, events: 3},
	{name: "lines, chunks in their midst", do: answers(okHead+"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n", "1\r\n{\r\n", "3\r\n}\n[\r\n1\r\n]\r\n"+lastChunk), want: ok, stream: lines, events: 3},
	{name: "chunks", do: answers(chunkedHead+"1\r\na\r\n", "1\r\nb\r\n1;x\r\nc\r\n0\r\nX: y\r\n\r\n"), want: ok, stream: chunks, events: 3},
	{name: "unsolicited bytes after a stream", do: answers(sseChunks+event, lastChunk+"more"), want: ok, stream: sse, events: 1, unsolicited: true},

	// Streams that are not.
	{name: "SSE, a web page", do: answers(okReply), want: faulty, stream: sse, why: "Content-Type"},
	{name: "SSE, a web page without end", do: floods(okHead+"Content-Type: text/html\r\n\r\n", long), want: faulty, stream: sse, why: "Content-Type", hungry: true},
	{name: "SSE, compressed", do: answers(sseHead + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx"), want: faulty, stream: sse, why: "compressed"},
	{name: "SSE, rejected", do: answers(rejectedReply), want: []result.Outcome{result.Rejected}, stream: sse},
	{name: "SSE, 404", do: answers(otherStatus), want: faulty, stream: sse, why: "HTTP status 404"},
	{name: "SSE, no event", do: answers(sseChunks + "3\r\n: \n\r\n" + lastChunk), want: faulty, stream: sse, early: true, why: "without an event"},
	{name: "SSE, no end mark", do: answers(sseChunks + event + event + lastChunk), want: faulty, stream: sseDone, events: 2, early: true, why: "before its end mark"},
	{name: "SSE, fewer events than asked for", do: answers(sseChunks + event + lastChunk), want: faulty, stream: sseThree, events: 1, early: true, why: "as many events"},
	{name: "SSE, closed in an event", do: thenCloseIt(sseChunks + event + "9\r\ndata"), want: reset, stream: sse, events: 1, early: true},
	{name: "SSE, reset in an event", do: thenReset(sseChunks + event + "9\r\ndata"), want: reset, stream: sse, events: -1, early: true},
	{name: "SSE, closed before the end mark", do: thenCloseIt(sseHead + "\r\ndata: 1\n\n"), want: faulty, stream: sseDone, events: 1, early: true, why: "before its end mark"},
	{name: "SSE, malformed chunks", do: answers(sseChunks + event + "xyz\r\n"), want: faulty, stream: sse, events: 1, why: "malformed reply"},
	{name: "chunks, none", do: answers(okReply), want: faulty, stream: chunks, why: "not chunked"},

	// Streams that stall, or want memory.
	{name: "SSE, silence", do: answers(sseChunks + event), want: timeout, stream: sse, events: -1, stalls: true},
	{name: "SSE, comments for ever", do: drips(sseChunks+event, strings.Repeat("3\r\n:\n\n\r\n", 10_000), time.Millisecond), want: timeout, stream: sse, events: -1, stalls: true},
	{name: "SSE, a header line without end", do: floods(okHead+"X: ", long), want: faulty, stream: sse, hungry: true},
	{name: "SSE, a line without end", do: floods(sseHead+"\r\ndata: ", long), want: timeout, stream: sse, hungry: true},
	{name: "SSE, chunks of a line without end", do: floods(sseChunks, "fa00\r\n"+long+"\r\n"), want: timeout, stream: sse, hungry: true},
	{name: "SSE, comments without end", do: floods(sseHead+"\r\n", strings.Repeat(": x\n\n", 10_000)), want: timeout, stream: sse, hungry: true},
	{name: "lines, one without end", do: floods(okHead+"\r\n", long), want: timeout, stream: lines, hungry: true},
	{name: "SSE, an event of 100 MB", do: hugeEvent, want: ok, stream: sse, events: 1, hungry: true},

	// WebSockets.
	{name: "WebSocket, pushed", do: pushes(frame(textFrame, "a"), frame(textFrame, "b")+frame(textFrame, "c"), frame(closeFrame, "\x03\xe8")), want: ok, stream: pushed, events: 3},
	{name: "WebSocket, fragments", do: pushes(frame(firstFrame, "a"), frame(pingFrame, "p")+frame(0, "b"), frame(lastFrame, "c"), frame(closeFrame, "")), want: ok, stream: pushed, events: 1},
	{name: "WebSocket, going away", do: pushes(frame(textFrame, "a"), frame(closeFrame, "\x03\xe9")), want: ok, stream: pushed, events: 1},
	{name: "WebSocket, pings", do: upgrades(answersPing), want: ok, stream: pushed, events: 3},
	{name: "WebSocket, the end mark", do: pushes(frame(textFrame, "a"), frame(textFrame, "[DONE]")), want: ok, stream: bench.Stream{Kind: bench.StreamWebSocket, Done: "[DONE]"}, events: 2},
	{name: "WebSocket, echo", do: echoes(""), want: ok, stream: echoed, events: 3},
	{name: "WebSocket, echo with pings", do: echoes(frame(pingFrame, "are you there")), want: ok, stream: echoed, events: 3},
	{name: "WebSocket, the close is not answered", do: pushes(frame(textFrame, "a") + frame(textFrame, "b") + frame(textFrame, "c")), want: ok, stream: echoed, events: 3},
	{name: "WebSocket, the server fails", do: pushes(frame(textFrame, "a"), frame(closeFrame, "\x03\xf3oops")), want: faulty, stream: pushed, events: 1, early: true, why: "code 1011"},
	{name: "WebSocket, closed before there are as many messages", do: pushes(frame(textFrame, "a"), frame(closeFrame, "\x03\xe8")), want: faulty, stream: echoed, events: 1, early: true, why: "as many events"},
	{name: "WebSocket, cut off", do: upgrades(func(p *peer) { p.say(frame(textFrame, "a") + "\x81") }), want: reset, stream: pushed, events: -1, early: true},
	{name: "WebSocket, rejected", do: answers(rejectedReply), want: []result.Outcome{result.Rejected}, stream: pushed},
	{name: "WebSocket, 404", do: answers(otherStatus), want: faulty, stream: pushed, why: "HTTP status 404"},
	{name: "WebSocket, 200", do: answers(okReply), want: faulty, stream: pushed, why: "did not switch to WebSocket"},
	{name: "WebSocket, another protocol", do: answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"), want: faulty, stream: pushed, why: "a protocol that is not WebSocket"},
	{name: "WebSocket, the key is not read", do: answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"), want: faulty, stream: pushed, why: "does not match the key"},
	{name: "WebSocket, an extension", do: pushes(frame(textFrame, "a"), frame(0xc1, "a")), want: faulty, stream: pushed, events: 1, why: "extension"},
	{name: "WebSocket, a masked frame", do: pushes("\x81\x81\x00\x00\x00\x00a"), want: faulty, stream: pushed, why: "masked"},
	{name: "WebSocket, silence", do: pushes(frame(textFrame, "a")), want: timeout, stream: pushed, events: -1, stalls: true},
	{name: "WebSocket, a message without end", do: upgrades(func(p *peer) {
		p.say("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff")
		for p.say(long) {
		}
	}), want: timeout, stream: pushed, hungry: true},
	{name: "WebSocket, pings without end that nobody reads the pongs of", do: upgrades(func(p *peer) {
		for p.say(strings.Repeat(frame(pingFrame, kilo), 500)) {
		}
	}), want: []result.Outcome{result.Timeout, result.Reset}, stream: pushed, events: -1, hungry: true},
}

// hugeEvent answers with an event of 100 MB.
func hugeEvent(p *peer) {
	if !p.request() || !p.say(sseHead+"\r\ndata: ") {
		return
	}
	for range 100 << 20 / len(long) {
		if !p.say(long) {
			return
		}
	}
	p.say("\n\n")
}

// The names of kinds in the package that reads streams are those that users give.
func TestStreamKinds(t *testing.T) {
	for _, name := range []string{bench.StreamSSE, bench.StreamLines, bench.StreamChunks, bench.StreamWebSocket} {
		if k, ok := stream.ParseKind(name); !ok || k == stream.None || k.String() != name {
			t.Errorf("%q is %v, %v", name, k, ok)
		}
	}
	if slices.ContainsFunc(hostileStreams, func(m hostile) bool { return m.stream.Kind == "" }) {
		t.Error("a mode has no stream")
	}
}
