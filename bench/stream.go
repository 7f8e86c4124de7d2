package bench

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// The kinds of streams.
const (
	StreamSSE       = "sse"       // server-sent events: an event is one with data
	StreamLines     = "lines"     // an event is a line that is not empty
	StreamChunks    = "chunks"    // an event is a chunk of HTTP/1.1
	StreamWebSocket = "websocket" // an event is a message
)

// StreamField is before the kind of stream in the warning of a stage whose replies were
// streams and were not read as such: the field that would.
const StreamField = request.StreamField

// MaxStreamEvents is the most events after which a client may end a stream.
const MaxStreamEvents = 1 << 30

// mostStreamText bounds the end mark and the message of a stream, in bytes.
const mostStreamText = 64 << 10

// Stream is what an event of a reply is, where replies are streams: they bring events
// over time. The plan's Timeout then is for the first event and for each gap between two.
type Stream struct {
	Kind string // StreamSSE or another of the kinds; empty where replies are not streams

	// Done is the data of the event that ends a stream, such as "[DONE]". A stream that
	// the server ends before it is an error.
	Done string

	// Events is after how many events the client ends a stream, whose outcome is ok; one
	// that the server ends before is an error. Where it is 0, the server ends streams.
	Events int

	// Message is sent over a WebSocket at once, and again after each message that comes,
	// until there were Events. Where it is empty, the server pushes.
	Message string
}

func (s Stream) validate() error {
	const none = "left out, or the kind of stream with it (Stream: sse, lines, chunks or websocket)"
	if s.Kind == "" {
		return field.First(
			field.Check(s.Done == "", "StreamDone", strconv.Quote(s.Done), none),
			field.Check(s.Events == 0, "StreamEvents", s.Events, none),
			field.Check(s.Message == "", "StreamMessage", "a message", none),
		)
	}
	return field.First(
		field.Check(slices.Contains([]string{StreamSSE, StreamLines, StreamChunks, StreamWebSocket}, s.Kind), "Stream", strconv.Quote(s.Kind), "sse, lines, chunks or websocket"),
		field.Check(s.Done == "" || s.Kind == StreamSSE || s.Kind == StreamLines || s.Kind == StreamWebSocket, "StreamDone", strconv.Quote(s.Done), fmt.Sprintf("left out, as %s have no data of their own", s.Kind)),
		field.Check(len(s.Done) <= mostStreamText, "StreamDone", fmt.Sprintf("%d bytes", len(s.Done)), fmt.Sprintf("at most %d bytes", mostStreamText)),
		field.Check(s.Events >= 0 && s.Events <= MaxStreamEvents, "StreamEvents", s.Events, fmt.Sprintf("0 to %d", MaxStreamEvents)),
		field.Check(s.Message == "" || s.Kind == StreamWebSocket, "StreamMessage", "a message", "left out, as only over a WebSocket one is sent"),
		field.Check(s.Message == "" || s.Events > 0, "StreamEvents", s.Events, "1 or more with a message, as the client then ends the stream"),
		field.Check(len(s.Message) <= mostStreamText, "StreamMessage", fmt.Sprintf("%d bytes", len(s.Message)), fmt.Sprintf("at most %d bytes", mostStreamText)),
	)
}

// stream is what replies bring: messages of WebSockets where the addresses say so.
func (h HTTP) stream() Stream {
	for _, w := range h.mix() {
		if _, sockets := httpAddress(w.URL); sockets && h.Stream.Kind == "" {
			h.Stream.Kind = StreamWebSocket
		}
	}
	return h.Stream
}

// checkStream is a [*field.Error] that names what cannot be where replies are streams.
func (h HTTP) checkStream() error {
	s := h.stream()
	if err := s.validate(); err != nil || s.Kind == "" {
		return err
	}
	const streams = ", as replies are streams"
	if err := field.First(
		field.Check(!h.Cookies, "Cookies", h.Cookies, "false"+streams),
		field.Check(h.Follow == 0, "Follow", h.Follow, "0"+streams),
		field.Check(h.Accepted == nil, "Accepted", "a function", "nil"+streams),
		field.Check(h.method() != http.MethodHead, "Method", h.method(), "another"+streams),
	); err != nil || s.Kind != StreamWebSocket {
		return err
	}
	return field.First(
		field.Check(h.method() == http.MethodGet, "Method", h.method(), "GET, with which a WebSocket begins"),
		field.Check(len(h.Body) == 0, "Body", "a body", "none, as a WebSocket begins without one"),
		field.Check(h.Data == nil || h.Data.data.Rows == nil, "Stream", s.Kind, "sse, lines or chunks, for the requests have header lines of their own"),
	)
}

// spec is what the drivers need to know of the streams, nil where replies are none.
func (h HTTP) spec(meaning *result.Meaning) *stream.Spec {
	s := h.stream()
	kind, _ := stream.ParseKind(s.Kind)
	if kind == stream.None {
		return nil
	}
	spec := &stream.Spec{Kind: kind, Done: s.Done, Events: s.Events, OK: func(status int) bool { return meaning.Of(status) == result.OK }}
	if s.Message != "" {
		spec.Message = []byte(s.Message)
	}
	return spec
}

// upgrades are the header lines that a WebSocket begins with, in lower case. All of them
// but a protocol are made.
var upgrades = []string{"connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"}

// httpAddress is an address as one of HTTP, and whether it is one of WebSockets: ws://
// or wss://.
func httpAddress(address string) (as string, sockets bool) {
	const scheme = "ws"
	if len(address) > len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
		rest := address[len(scheme):]
		if strings.HasPrefix(rest, "://") || strings.HasPrefix(rest, "s://") || strings.HasPrefix(rest, "S://") {
			return "http" + rest, true
		}
	}
	return address, false
}

// settings are what identifies the streams; the message is in the digest of the requests.
func (s Stream) settings() (out result.Settings) {
	if s.Kind != "" {
		out = out.With(result.KeyStream, s.Kind)
	}
	if s.Done != "" {
		out = out.With(result.KeyStreamDone, s.Done)
	}
	if s.Events > 0 {
		out = out.With(result.KeyStreamEvents, strconv.Itoa(s.Events))
	}
	return out
}

// Event is one event of a stream. Its instants are those of package clock.
type Event struct {
	Planned  time.Duration // the planned instant of its arrival
	Before   time.Duration // when the event before it in the stream had come; 0 for the first
	At       time.Duration // when it had come
	First    bool          // of its stream
	Together bool          // it came in the same read as the event before it, and has its instant
}

// StreamConn is a Conn whose replies are streams, as far as they are ok. The timeout of its Do is then for
// the first event and for each gap between two, not for all of the reply.
type StreamConn interface {
	// Events is called once, before the first Do. While a Do runs, event is called with
	// each event, in order, and with all of them before it returns, maybe on another
	// goroutine. Planned need not be set.
	Events(event func(Event))
}
