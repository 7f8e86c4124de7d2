// Package http2 is the client's side of an HTTP/2 connection (RFC 9113), for both
// drivers: without a socket and without a clock. Who uses it hands it the bytes that
// came, and sends those that it wants to send.
//
//  1. Replies are read as their bytes come, in whatever pieces, and dropped, but for
//     bodies that a Sink wants. What is kept of a frame or a header is bounded.
//  2. A stream is opened only where the peer has room for it. Who has a request waits
//     until then.
//  3. The peer may always send: the windows are large, and topped up when half is used.
//     A body is sent as far as the peer's windows allow.
//  4. A fault of the peer ends the stream, or the connection, as the RFC says. Whatever a
//     peer asks for, such as replies to pings, takes bounded memory.
//
// Nothing is allocated for a request, once a connection has had as many at once.
package http2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	// MaxBody is the most that is read of a reply's body, with its framing, in bytes.
	MaxBody = 64 << 20

	streamWindow = 1 << 26 // what a peer may send on a stream, and
	connWindow   = 1 << 30 // on all of them, before a window is topped up

	maxInterim  = 100      // interim replies before the final one
	maxAnswers  = 64 << 10 // bytes that a peer has asked for and not taken
	maxSettings = 64       // settings, in one frame
	maxPieces   = 100      // frames of one header

	// mostOut is how many bytes of bodies wait to be sent at the most: what does not go
	// out at once stays with the stream.
	mostOut = 256 << 10
)

// Kind is what an [Event] says.
type Kind uint8

// What happens to a stream. All but Began end it.
const (
	Began       Kind = iota // the header of its reply has come, but not all of it
	Ended                   // its reply is complete
	Refused                 // the peer did not look at it (REFUSED_STREAM)
	Unprocessed             // the peer did not look at it, and takes no more on this connection (GOAWAY)
	Reset                   // the peer ended it: Event.Code
	Malformed               // its reply is: Event.Why
)

// Event is what happened to a stream.
type Event struct {
	Kind   Kind
	Stale  bool  // Refused: the peer has lowered its limit of streams since the request was made
	Status int16 // Ended
	Tag    int32
	Code   Code  // Reset
	Why    error // Malformed
}

// Error is a fault of the peer, or an end that it announced, that ends the connection.
type Error struct {
	Code Code // sent to the peer
	Why  error
}

func (e *Error) Error() string { return e.Why.Error() }

func (e *Error) Unwrap() error { return e.Why }

func wrong(code Code, text string) *Error { return &Error{code, errors.New(text)} }

// NotHTTP2 is the reason of a peer that does not speak HTTP/2: its first bytes are not
// those of a server.
type NotHTTP2 struct {
	HTTP1 bool // it speaks HTTP/1.1
	TLS   bool // it speaks TLS
}

func (e *NotHTTP2) Error() string {
	switch {
	case e.HTTP1:
		return "the server speaks HTTP/1.1 at this port, not HTTP/2"
	case e.TLS:
		return "the server speaks TLS at this port: begin the address with https://"
	}
	return "the server does not speak HTTP/2 at this port"
}

// Header is what counts of the header of a reply, beside its length.
type Header struct {
	Status      int
	EventStream bool // the body is server-sent events
	Coded       bool // the body is compressed
}

// Sink takes the bodies of replies as they come, while a connection reads. It must not
// open or end a stream.
type Sink interface {
	// Header is called with the header of a final reply, and reports whether the body is
	// wanted. Then it may be of any length.
	Header(tag int32, h Header) bool
	Body(tag int32, data []byte) // without padding; not to be kept
}

// Conn is a connection. It is not safe for concurrent use.
type Conn struct {
	Sink Sink // of the bodies of replies, where not nil

	requests *Requests
	most     int // streams at once; 0: as many as the peer allows
	streams  streams
	nextID   int64

	out     []byte
	taken   int // bytes of out that are sent
	answers int // bytes of out that the peer has asked for

	ready   bool  // the peer's settings have come
	going   bool  // no more streams are opened
	lastID  int32 // that the peer looks at, where it goes away
	failed  bool
	limit   uint32 // of streams, the peer's
	lowered uint32 // how often it was
	first   int64  // the window of a new stream
	window  int64  // of the connection, for requests
	frame   int    // bytes that the peer takes in one frame
	line    line   // of the streams that have a body to send

	received int32 // of the connection's window, since it was topped up last

	encoder encoder
	decoder decoder
	reader  reader
	events  []Event
}

// New returns a connection that has said its preface. Streams is the most at once, 0
// for as many as the peer allows.
func New(r *Requests, streams int) *Conn {
	c := &Conn{
		requests: r, most: streams, nextID: 1, lastID: math.MaxInt32, limit: math.MaxUint32, first: firstWindow, window: firstWindow, frame: maxFrame,
		line: line{none, none},
	}
	c.encoder.start(r)
	c.decoder.most = defaultTable
	c.out = append(c.out, preface...)
	c.out = appendFrame(c.out, 3*6, kindSettings, 0, 0)
	for _, s := range []struct {
		id    uint16
		value uint32
	}{{setPush, 0}, {setWindow, streamWindow}, {setMaxList, MaxHeader}} {
		c.out = binary.BigEndian.AppendUint16(c.out, s.id)
		c.out = binary.BigEndian.AppendUint32(c.out, s.value)
	}
	c.out = appendFrame(c.out, 4, kindWindow, 0, 0)
	c.out = binary.BigEndian.AppendUint32(c.out, connWindow-firstWindow)
	return c
}

// Ready reports whether the peer's settings have come: before, no request is sent.
func (c *Conn) Ready() bool { return c.ready }

// Open is how many streams are.
func (c *Conn) Open() int { return c.streams.open }

// Going reports whether the connection takes no more requests, for good. It may be closed
// once no stream is open.
func (c *Conn) Going() bool { return c.going || c.failed || c.nextID > maxID }

// Room reports whether a request can be made now.
func (c *Conn) Room() bool {
	return c.ready && !c.Going() && uint32(c.streams.open) < c.limit && (c.most == 0 || c.streams.open < c.most)
}

// Request makes a request on a new stream, for which there must be room, and returns the
// stream's place. The stream's events have the tag. The body must stay as it is until the
// stream has ended, unless it is reused: then it is copied where it does not go out now.
func (c *Conn) Request(tag int32, q *Request, body []byte, reused bool) (place int32) {
	id := int32(c.nextID)
	c.nextID += 2
	place = c.streams.add(id)
	s := &c.streams.all[place]
	s.tag, s.head, s.lowered, s.window, s.body, s.sent = tag, q.Head, c.lowered, c.first, body, len(body) == 0
	flags := byte(flagEndHeaders)
	if s.sent {
		flags |= flagEndStream
	}
	at := len(c.out)
	c.out = appendFrame(c.out, 0, kindHeaders, flags, uint32(id))
	c.out = c.encoder.header(c.out, q)
	if n := len(c.out) - at - frameHeader; n <= c.frame {
		c.out[at], c.out[at+1], c.out[at+2] = byte(n>>16), byte(n>>8), byte(n)
	} else {
		c.cut(at, flags, uint32(id))
	}
	if !s.sent {
		c.line.push(&c.streams, place)
		c.pump()
		if s := &c.streams.all[place]; reused && !s.sent {
			s.body = bytes.Clone(s.body)
		}
	}
	return place
}

// cut makes several frames of one that is longer than the peer takes.
func (c *Conn) cut(at int, flags byte, id uint32) {
	block := append([]byte(nil), c.out[at+frameHeader:]...)
	c.out = c.out[:at]
	for k := kindHeaders; len(block) > 0; k = kindContinuation {
		n := min(len(block), c.frame)
		f := flags &^ flagEndHeaders
		if k == kindContinuation {
			f = 0
		}
		if n == len(block) {
			f |= flagEndHeaders
		}
		c.out = append(appendFrame(c.out, n, k, f, id), block[:n]...)
		block = block[n:]
	}
}

// Cancel ends a stream before its reply is complete. It has no event any more.
func (c *Conn) Cancel(place int32) { c.abandon(place, Cancel) }

// abandon ends a stream and sends the peer the reason.
func (c *Conn) abandon(place int32, code Code) {
	c.out = appendFrame(c.out, 4, kindReset, 0, uint32(c.streams.all[place].id))
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(code))
	c.close(place)
}

// close takes a stream out of all lists.
func (c *Conn) close(place int32) {
	if c.streams.all[place].waits {
		c.line.remove(&c.streams, place)
	}
	c.streams.remove(place)
}

// Pending is what is to be sent, empty where that is nothing. It is valid until the next
// call.
func (c *Conn) Pending() []byte { return c.out[c.taken:] }

// Sent takes note that so many bytes of what is pending were sent.
func (c *Conn) Sent(n int) {
	if c.taken += n; c.taken < len(c.out) {
		return
	}
	c.taken, c.answers = 0, 0
	if c.out = c.out[:0]; cap(c.out) > mostOut {
		c.out = nil
	}
	c.pump()
}

// line is the streams that have a body to send, in turn.
type line struct{ first, last int32 }

func (q *line) push(s *streams, place int32) {
	s.all[place].waits, s.all[place].next = true, none
	if q.last == none {
		q.first = place
	} else {
		s.all[q.last].next = place
	}
	q.last = place
}

func (q *line) pop(s *streams) int32 {
	place := q.first
	s.all[place].waits = false
	if q.first = s.all[place].next; q.first == none {
		q.last = none
	}
	return place
}

// remove takes a stream out of the line, which is short: uploads are.
func (q *line) remove(s *streams, place int32) {
	s.all[place].waits = false
	before := int32(none)
	for at := q.first; at != place; at = s.all[at].next {
		before = at
	}
	next := s.all[place].next
	if before == none {
		q.first = next
	} else {
		s.all[before].next = next
	}
	if q.last == place {
		q.last = before
	}
}

// pump adds frames of bodies, one of each stream in turn, as far as the peer's windows
// allow. A stream whose own window is empty leaves the line until that has room.
func (c *Conn) pump() {
	for c.line.first != none && c.window > 0 && len(c.out)-c.taken < mostOut {
		place := c.line.pop(&c.streams)
		s := &c.streams.all[place]
		n := int(min(int64(len(s.body)), c.window, s.window, int64(c.frame)))
		if n <= 0 {
			continue
		}
		flags := byte(0)
		if s.sent = n == len(s.body); s.sent {
			flags = flagEndStream
		}
		c.out = append(appendFrame(c.out, n, kindData, flags, uint32(s.id)), s.body[:n]...)
		s.body = s.body[n:]
		s.window -= int64(n)
		c.window -= int64(n)
		if !s.sent {
			c.line.push(&c.streams, place)
		}
	}
}

// widen makes a stream's window larger, or smaller; false where it overflows.
func (c *Conn) widen(place int32, by int64) bool {
	s := &c.streams.all[place]
	if s.window += by; s.window > maxWindow {
		return false
	}
	if s.window > 0 && !s.sent && !s.waits {
		c.line.push(&c.streams, place)
	}
	return true
}

// answer makes room for what the peer asks for; false where it has not taken what it
// asked for before.
func (c *Conn) answer(bytes int) bool {
	c.answers += bytes
	return c.answers <= maxAnswers
}

// fail ends the connection for a fault of the peer, and sends it the reason.
func (c *Conn) fail(e *Error) *Error {
	c.failed = true
	c.out = appendFrame(c.out, 8, kindGoAway, 0, 0)
	c.out = binary.BigEndian.AppendUint32(c.out, 0) // no stream of the peer was looked at: it has none
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(e.Code))
	return e
}

// GoAway is why the peer takes no more requests, where it said so.
func (c *Conn) GoAway() error {
	if !c.going {
		return nil
	}
	return fmt.Errorf("the server ended the connection (GOAWAY %v)", c.reader.goAway)
}

// Streams calls do with the tag of each open stream. It must not open or close any.
func (c *Conn) Streams(do func(tag int32)) {
	for i := range c.streams.all {
		if c.streams.all[i].id != 0 {
			do(c.streams.all[i].tag)
		}
	}
}
