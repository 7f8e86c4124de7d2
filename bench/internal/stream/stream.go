// Package stream reads replies that bring events over time, for both drivers, so that
// they see the same events in the same bytes and end a stream alike.
//
//  1. Bytes are read as they come, in whatever pieces. Nothing of an event is kept: its
//     data is compared with the end mark on the way. An event of any size takes no memory.
//  2. Nothing is allocated for an event.
//  3. All events that one read brings have the instant of that read.
package stream

import (
	"fmt"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/internal/http1"
)

// Kind says what an event is.
type Kind uint8

const (
	None Kind = iota // replies are no streams
	SSE
	Lines
	Chunks
	WebSocket
)

var kinds = [...]string{"", "sse", "lines", "chunks", "websocket"}

func (k Kind) String() string { return kinds[k] }

// ParseKind is the kind of a name.
func ParseKind(name string) (k Kind, ok bool) {
	for k, of := range kinds {
		if of == name {
			return Kind(k), true
		}
	}
	return None, false
}

// Spec is what is the same for all streams of a stage.
type Spec struct {
	Kind    Kind
	Done    string                // the data of the event after which a stream is complete; empty: none
	Events  int                   // after so many a stream is complete; 0: the server ends it
	Message []byte                // of a WebSocket, sent first and after each message; nil: the server pushes
	OK      func(status int) bool // whether a reply with that status is the stream
}

// Event is one event of a stream.
type Event struct {
	Planned  time.Duration // of the stream
	Before   time.Duration // instant of the event before, 0 for the first
	At       time.Duration
	First    bool
	Together bool // it came in the same read as the event before
}

// Stream is one stream as it comes. It serves one after the other.
type Stream struct {
	spec  *Spec
	event func(Event)

	planned time.Duration
	now     time.Duration // instant of the read whose bytes come
	last    time.Duration // when the request was sent, or the last event came
	limit   time.Duration // for the next event
	gap     time.Duration // limit of those behind the first
	done    time.Duration // when the stream was complete, 0 where it is not
	first   time.Duration // when the first event came
	status  int           // of the reply, 0 while its header has not come
	events  int
	fresh   bool // no event came yet in this read
	live    bool // the reply is a stream
	refused bool // it should be one, as its header says, and cannot be used
	garbled bool // what comes cannot be read any more
	late    bool
	early   bool
	fault   string // what is wrong with the reply
	scan    scanner
	gaps    median
	socket  *socket // nil where it is no WebSocket
}

// socket is what a WebSocket has besides.
type socket struct {
	frames frames
	asked  []byte // the request
	key    [keyBytes]byte
	open   bool // the connection speaks frames
	asks   bool // the message is to be sent
	pongs  bool // a pong is to be sent, with the payload below
	n      uint8
	ping   [mostControl]byte
	closed uint16 // the code with which the server closes, 0 while it does not
	closes bool   // a close frame is to be sent
	left   bool   // one was
}

// New returns a stream for a client, of which event is called with each event.
func New(spec *Spec, event func(Event)) *Stream {
	s := &Stream{spec: spec, event: event}
	if spec.Kind == WebSocket {
		s.socket = &socket{}
	}
	return s
}

// Begin makes it wait for the reply to a request that is sent now. Its first event may
// take as long as first, each further one as long as gap.
func (s *Stream) Begin(planned, now, first, gap time.Duration) {
	s.planned, s.now, s.last, s.limit, s.gap, s.done, s.first, s.events, s.status = planned, now, now, first, gap, 0, 0, 0, 0
	s.fresh, s.live, s.refused, s.garbled, s.late, s.early, s.fault = true, false, false, false, false, false, ""
	s.scan = scanner{kind: s.spec.Kind}
	s.gaps.again()
	if s.socket != nil {
		*s.socket = socket{asked: s.socket.asked}
	}
}

// Ask is the request as it is to be sent: of a WebSocket a copy with a key of its own,
// which is valid until the next one.
func (s *Stream) Ask(request []byte) []byte {
	w := s.socket
	if w == nil {
		return request
	}
	w.asked, w.key = withKey(w.asked[:0], request)
	return w.asked
}

// Reads makes what comes next that of a read which ended now. It is for replies over
// HTTP/2: their bytes come by Body, after Opened.
func (s *Stream) Reads(now time.Duration) { s.now, s.fresh = now, true }

// Read reads on with what a read brought that ended now. It returns true where the reply
// is complete, or the stream is broken: see Fault; and how many of the bytes come after
// the reply.
func (s *Stream) Read(r *http1.Reader, p *http1.Reply, data []byte, now time.Duration) (ended bool, after int) {
	s.now, s.fresh = now, true
	if !s.speaks() {
		r.Sink = s
		done, after, err := r.Next(p, data)
		if s.garbled = err != nil; s.garbled && s.done == 0 && s.fault == "" {
			s.fault = "malformed reply: " + err.Error()
		}
		if s.Unusable() || !s.speaks() {
			return done || s.Unusable(), after
		}
		data = data[len(data)-after:]
	}
	s.frames(data)
	return s.fault != "" || s.socket.closed != 0, 0
}

// Header implements [http1.Sink].
func (s *Stream) Header(status int, header []byte, chunked bool) bool {
	s.status = status
	if s.spec.Kind == WebSocket {
		if status == switchingProtocols {
			s.upgraded(header)
		} else if s.spec.OK(status) {
			s.fault = fmt.Sprintf("the server did not switch to WebSocket but answered with HTTP status %d", status)
		}
		s.refused = s.fault != ""
		return false
	}
	return s.spec.OK(status) && s.follows(media(header, "text/event-stream"), chunked, compressed(header))
}

// Opened is Header for a reply over HTTP/2: eventStream is whether its type is that of
// server-sent events, coded whether it is compressed.
func (s *Stream) Opened(status int, eventStream, coded bool) bool {
	s.status = status
	return s.spec.OK(status) && s.follows(eventStream, false, coded)
}

// follows reports whether the body of an ok reply is a stream.
func (s *Stream) follows(eventStream, chunked, coded bool) bool {
	switch {
	case s.spec.Kind == SSE && !eventStream:
		s.fault = "the Content-Type of the reply is not text/event-stream"
	case s.spec.Kind == Chunks && !chunked:
		s.fault = "the reply is not chunked"
	case coded:
		s.fault = "the reply is compressed, so that its events cannot be seen"
	default:
		s.live = true
	}
	s.refused = !s.live
	return s.live
}

const switchingProtocols = 101

// media reports whether a body is of a type, whatever its parameters.
func media(header []byte, want string) bool {
	for _, value := range http1.Values(header, "content-type") {
		value, _, _ = strings.Cut(value, ";")
		return strings.EqualFold(strings.TrimSpace(value), want)
	}
	return false
}

func compressed(header []byte) bool {
	for _, value := range http1.Values(header, "content-encoding") {
		if value != "" && !strings.EqualFold(value, "identity") {
			return true
		}
	}
	return false
}

// upgraded checks that the server speaks frames from here on.
func (s *Stream) upgraded(header []byte) {
	is := func(name, want string) bool {
		values := http1.Values(header, name)
		return len(values) == 1 && values[0] == want
	}
	upgrade := http1.Values(header, "upgrade")
	switch {
	case len(upgrade) != 1 || !strings.EqualFold(upgrade[0], "websocket"):
		s.fault = "the server switched to a protocol that is not WebSocket"
	case !is("sec-websocket-accept", accept(s.socket.key)):
		s.fault = "the Sec-WebSocket-Accept of the server does not match the key"
	case len(http1.Values(header, "sec-websocket-extensions")) > 0:
		s.fault = "the server uses a WebSocket extension that was not offered"
	default:
		s.live, s.socket.open, s.socket.asks = true, true, s.spec.Message != nil
	}
}

// Body implements [http1.Sink].
func (s *Stream) Body(data []byte) {
	for s.live && len(data) > 0 && s.done == 0 {
		n, event := s.scan.next(s.spec.Done, data)
		data = data[n:]
		if event {
			s.came()
		}
	}
}

// ChunkEnd implements [http1.Sink].
func (s *Stream) ChunkEnd() {
	if s.live && s.done == 0 && s.scan.ended(false) {
		s.came()
	}
}

// speaks reports whether the connection speaks frames.
func (s *Stream) speaks() bool { return s.socket != nil && s.socket.open }

// frames reads what came of a WebSocket.
func (s *Stream) frames(data []byte) {
	w := s.socket
	for len(data) > 0 && s.fault == "" && w.closed == 0 {
		n, payload, got, err := w.frames.next(data)
		if err != nil {
			if s.done == 0 {
				s.fault = err.Error()
			}
			w.closed = closeNone // what follows cannot be read
			return
		}
		s.scan.add(s.spec.Done, payload)
		data = data[n:]
		switch {
		case got == pinged:
			w.pongs, w.n = true, w.frames.n
			w.ping = w.frames.control
		case got == closing:
			w.closed, w.closes = w.frames.code, true
		case got == message && s.done == 0:
			s.came()
			w.asks = s.done == 0 && s.spec.Message != nil
			w.closes = s.done != 0
		}
	}
}

// Says appends to b the frames that are to be sent now, and notes that they were.
func (s *Stream) Says(b []byte) []byte {
	w := s.socket
	if w == nil || w.left || !w.asks && !w.pongs && !w.closes {
		return b
	}
	if w.pongs {
		b = appendFrame(b, opPong, w.ping[:w.n])
	}
	if w.asks && !w.closes {
		b = appendFrame(b, opText, s.spec.Message)
	}
	if w.closes {
		code := w.closed
		if code == 0 {
			code = closeNormal
		}
		var payload []byte
		if code != closeNone {
			payload = []byte{byte(code >> 8), byte(code)}
		}
		b, w.left = appendFrame(b, opClose, payload), true
	}
	w.asks, w.pongs, w.closes = false, false, false
	return b
}

// came notes an event.
func (s *Stream) came() {
	if s.now-s.last >= s.limit {
		s.late = true
		return
	}
	e := Event{Planned: s.planned, Before: s.last, At: s.now, First: s.events == 0, Together: s.events > 0 && !s.fresh}
	if e.First {
		e.Before = 0
	} else {
		s.gaps.add(e.At - e.Before)
	}
	if s.events++; s.events == 1 {
		s.first = s.now
	}
	s.last, s.limit, s.fresh = s.now, s.gap, false
	if marked := s.scan.end(s.spec.Done); marked || s.events == s.spec.Events {
		s.done = s.now
	}
	s.event(e)
}

// Reasons of outcomes.
const (
	NoEvent   = "no event within the timeout"
	noFirst   = "the stream ended without an event"
	noMark    = "the stream ended before its end mark"
	tooFew    = "the stream ended before it had as many events as were asked for"
	closeCode = "the server closed the WebSocket with code %d"
)

// Ended notes that the server has ended the reply. why is what is wrong with the stream,
// empty where nothing is, or the reply is none.
func (s *Stream) Ended() (why string) {
	if s.done == 0 && s.live && s.scan.ended(true) {
		s.came()
	}
	if s.fault != "" || s.done != 0 || !s.live || s.late {
		return s.fault
	}
	if s.socket != nil {
		switch code := s.socket.closed; code {
		case 0, closeNormal, closeGoing, closeNone:
		default:
			why = fmt.Sprintf(closeCode, code)
		}
	}
	switch {
	case why != "":
	case s.spec.Done != "":
		why = noMark
	case s.spec.Events > 0:
		why = tooFew
	case s.events == 0:
		why = noFirst
	}
	s.early = why != ""
	return why
}

// Cut notes that the server has cut the reply off.
func (s *Stream) Cut() { s.early = s.live && s.done == 0 }

// Live reports whether the reply is a stream.
func (s *Stream) Live() bool { return s.live }

// Fault is what is wrong with the reply, empty where nothing is.
func (s *Stream) Fault() string { return s.fault }

// Unusable reports whether the connection is of no use any more, whatever else the server
// sends.
func (s *Stream) Unusable() bool { return s.garbled || s.fault != "" }

// Refused reports whether the header of the reply, which has come, says that it cannot be
// the stream that it should be.
func (s *Stream) Refused() bool { return s.refused }

// Late reports whether an event came when its time had passed.
func (s *Stream) Late() bool { return s.late }

// Done is when the stream was complete: at its end mark, or with as many events as were
// asked for; 0 where it is not.
func (s *Stream) Done() time.Duration { return s.done }

// Trails reports whether a stream is complete whose reply is about to end, so that the
// connection is worth reading for a moment: the end mark has come, or both sides close a
// WebSocket. Where there are as many events as were asked for, the server may send more.
func (s *Stream) Trails() bool { return s.done != 0 && (s.socket != nil || s.events != s.spec.Events) }

// Settled reports whether it is known how the reply ends, whatever else the server sends.
func (s *Stream) Settled() bool { return s.done != 0 || s.late || s.fault != "" }

// Left is how long the next event may still take.
func (s *Stream) Left(now time.Duration) time.Duration { return s.limit - (now - s.last) }

// Status is that of the reply, 0 while its header has not come.
func (s *Stream) Status() int { return s.status }

// Last is when the last event came or, before the first, the request was sent.
func (s *Stream) Last() time.Duration { return s.last }

// First is when the first event came; 0 where none did.
func (s *Stream) First() time.Duration { return s.first }

// Events is how many events came.
func (s *Stream) Events() int { return s.events }

// MedianGap is the median gap, 0 with fewer than two gaps.
func (s *Stream) MedianGap() time.Duration { return s.gaps.value() }

// EndedEarly reports whether the server ended it before it was complete.
func (s *Stream) EndedEarly() bool { return s.early }
