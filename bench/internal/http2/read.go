package http2

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// reader is what is read, between two calls of Read.
type reader struct {
	held []byte // of a frame, while it has not come completely

	// A frame of data is taken as it comes.
	data    frame
	left    int  // bytes of its payload
	pad     int  // of these, at the end
	padding bool // the next byte says how many

	// A header is read once it is there completely.
	header frame // its first frame
	block  []byte
	pieces int
	within bool

	goAway Code
}

var (
	errSequence  = wrong(ProtocolError, "a header is interrupted by another frame")
	errStray     = wrong(ProtocolError, "a frame continues no header")
	errFlood     = wrong(EnhanceYourCalm, "the server sends without end what means nothing")
	errLong      = wrong(EnhanceYourCalm, "the header is longer than 65536 bytes")
	errSize      = wrong(FrameSizeError, "a frame is longer than 16384 bytes")
	errFrameSize = wrong(FrameSizeError, "a frame does not have the size of its type")
	errPadding   = wrong(ProtocolError, "a frame has more padding than it is long")
	errIdle      = wrong(ProtocolError, "a frame is on a stream that was never opened")
	errOnZero    = wrong(ProtocolError, "a frame is on the connection that belongs on a stream, or the other way round")
	errPush      = wrong(ProtocolError, "the server pushes, although that is disabled")
	errSetting   = wrong(ProtocolError, "a setting has a value that it may not have")
	errWindow    = wrong(FlowControlError, "a window is larger than 2^31-1")
	errOverflow  = wrong(FlowControlError, "the server sends more than the window allows")
	errIncrement = wrong(ProtocolError, "a window is made larger by nothing")
	errLastID    = wrong(ProtocolError, "a second GOAWAY names a later stream than the first")

	errNoHeader     = errors.New("data comes before the header")
	errBodyTooLong  = errors.New("the body is longer than 67108864 bytes")
	errBodyLength   = errors.New("the body does not have the length that Content-Length says")
	errNoBody       = errors.New("there is a body where none may be")
	errNoStatus     = errors.New("the header has no status")
	errInterim      = errors.New("more than 100 interim replies")
	errInterimEnd   = errors.New("an interim reply ends the stream, or has status 101")
	errTrailer      = errors.New("a trailer has pseudo-header fields, or does not end the stream")
	errStreamWindow = errors.New("a window of the stream is larger than 2^31-1, or made larger by nothing")
	errTakenBack    = errors.New("GOAWAY names an earlier stream than this one, which had a reply")
	errPriority     = errors.New("a frame of priority does not have its size")
)

// Read takes what came and returns what happened to streams: the events are valid until
// the next call. After an error, an [*Error] or a [*NotHTTP2], the connection is of no
// use; what is pending then may still be sent.
func (c *Conn) Read(data []byte) ([]Event, error) {
	c.events = c.events[:0]
	if c.failed {
		return nil, nil
	}
	r := &c.reader
	for len(data) > 0 {
		switch {
		case r.left > 0:
			n, err := c.body(data)
			if err != nil {
				return c.events, c.fail(err)
			}
			data = data[n:]
			continue
		case len(r.held) == 0 && len(data) >= frameHeader:
			f := readFrame(data)
			if err := c.check(f, data); err != nil {
				return c.events, err
			}
			if f.kind == kindData {
				data = data[frameHeader:]
				if err := c.begin(f); err != nil {
					return c.events, c.fail(err)
				}
				continue
			}
			if whole := frameHeader + f.length; len(data) >= whole {
				if err := c.take(f, data[frameHeader:whole]); err != nil {
					return c.events, c.fail(err)
				}
				data = data[whole:]
				continue
			}
		}
		rest, err := c.hold(data)
		if err != nil {
			return c.events, err
		}
		data = rest
	}
	return c.events, nil
}

// hold keeps what came of a frame, and takes the frame once it is complete.
func (c *Conn) hold(data []byte) (rest []byte, err error) {
	r := &c.reader
	need := frameHeader
	if len(r.held) >= frameHeader {
		need += readFrame(r.held).length
	}
	n := min(need-len(r.held), len(data))
	before := len(r.held)
	r.held = append(r.held, data[:n]...)
	data = data[n:]
	if len(r.held) < frameHeader {
		if !c.ready { // what is no HTTP/2 may be shorter than a frame
			return data, c.greeted(r.held)
		}
		return data, nil
	}
	f := readFrame(r.held)
	if before < frameHeader {
		if err := c.check(f, r.held); err != nil {
			return nil, err
		}
		if f.kind == kindData {
			r.held = r.held[:0]
			if err := c.begin(f); err != nil {
				return nil, c.fail(err)
			}
			return data, nil
		}
	}
	if len(r.held) == frameHeader+f.length {
		taken := c.take(f, r.held[frameHeader:])
		if r.held = r.held[:0]; cap(r.held) > 1<<10 {
			r.held = nil
		}
		if taken != nil {
			return nil, c.fail(taken)
		}
	}
	return data, nil
}

// check checks the header of a frame, before anything of it is kept.
func (c *Conn) check(f frame, said []byte) error {
	r := &c.reader
	switch {
	case !c.ready && (f.kind != kindSettings || f.flags&flagAck != 0 || f.stream != 0 || f.length%6 != 0 || f.length > 6*maxSettings):
		c.failed = true
		if err := c.greeted(said); err != nil {
			return err
		}
		return &NotHTTP2{}
	case f.length > maxFrame:
		return c.fail(errSize)
	case r.within && (f.kind != kindContinuation || f.stream != r.header.stream):
		return c.fail(errSequence)
	}
	return nil
}

// greeted looks at the first bytes of a peer, which may be cut short, for those of
// another protocol.
func (c *Conn) greeted(said []byte) error {
	const alert, handshake, version = 0x15, 0x16, 3
	switch http := []byte("HTTP/"); {
	case bytes.HasPrefix(said, http):
		c.failed = true
		return &NotHTTP2{HTTP1: true}
	case len(said) >= 2 && (said[0] == alert || said[0] == handshake) && said[1] == version:
		c.failed = true
		return &NotHTTP2{TLS: true}
	}
	return nil
}

// take takes a frame other than data.
func (c *Conn) take(f frame, payload []byte) *Error {
	switch f.kind {
	case kindHeaders:
		return c.headers(f, payload)
	case kindContinuation:
		return c.continued(f, payload)
	case kindReset:
		return c.reset(f, payload)
	case kindSettings:
		return c.settings(f, payload)
	case kindPing:
		switch {
		case f.stream != 0:
			return errOnZero
		case len(payload) != 8:
			return errFrameSize
		case f.flags&flagAck != 0:
			return nil
		case !c.answer(frameHeader + 8):
			return errFlood
		}
		c.out = append(appendFrame(c.out, 8, kindPing, flagAck, 0), payload...)
	case kindGoAway:
		return c.goAway(f, payload)
	case kindWindow:
		return c.windowUpdate(f, payload)
	case kindPriority:
		if f.stream == 0 {
			return errOnZero
		}
		if place := c.streams.find(int32(f.stream)); place != none && len(payload) != 5 {
			c.malformed(place, errPriority, FrameSizeError)
		}
	case kindPush:
		return errPush
	}
	return nil
}

// known finds the stream of a frame: none where it is closed.
func (c *Conn) known(f frame) (place int32, err *Error) {
	switch {
	case f.stream == 0:
		return none, errOnZero
	case f.stream%2 == 0 || int64(f.stream) >= c.nextID:
		return none, errIdle
	}
	return c.streams.find(int32(f.stream)), nil
}

// headers begins a header.
func (c *Conn) headers(f frame, payload []byte) *Error {
	if _, err := c.known(f); err != nil {
		return err
	}
	if f.flags&flagPadded != 0 {
		if len(payload) == 0 {
			return errFrameSize
		}
		pad := int(payload[0])
		if payload = payload[1:]; pad > len(payload) {
			return errPadding
		}
		payload = payload[:len(payload)-pad]
	}
	if f.flags&flagPriority != 0 {
		if len(payload) < 5 {
			return errFrameSize
		}
		payload = payload[5:]
	}
	if f.flags&flagEndHeaders != 0 {
		return c.header(f, payload)
	}
	r := &c.reader
	r.within, r.header, r.pieces = true, f, 1
	r.block = append(r.block[:0], payload...)
	return nil
}

// continued goes on with a header.
func (c *Conn) continued(f frame, payload []byte) *Error {
	r := &c.reader
	if !r.within {
		return errStray
	}
	if r.pieces++; r.pieces > maxPieces {
		return errFlood
	}
	if len(r.block)+len(payload) > MaxHeader {
		return errLong
	}
	r.block = append(r.block, payload...)
	if f.flags&flagEndHeaders == 0 {
		return nil
	}
	r.within = false
	err := c.header(r.header, r.block)
	r.block = nil
	return err
}

// header takes a complete header, or trailer.
func (c *Conn) header(f frame, block []byte) *Error {
	fields, err := c.decoder.block(block)
	if err != nil {
		return &Error{CompressionError, err}
	}
	place := c.streams.find(int32(f.stream))
	if place == none {
		return nil
	}
	s := &c.streams.all[place]
	last := f.flags&flagEndStream != 0
	switch {
	case fields.wrong != nil:
		c.malformed(place, fields.wrong, ProtocolError)
	case s.began:
		if fields.status != noNumber || !last {
			c.malformed(place, errTrailer, ProtocolError)
			break
		}
		c.complete(place)
	case fields.status == noNumber:
		c.malformed(place, errNoStatus, ProtocolError)
	case fields.status >= 100 && fields.status < 200:
		if s.interim++; s.interim > maxInterim {
			c.malformed(place, errInterim, EnhanceYourCalm)
		} else if last || fields.status == 101 {
			c.malformed(place, errInterimEnd, ProtocolError)
		}
	default:
		s.began, s.status, s.length = true, int16(fields.status), fields.length
		s.wanted = c.Sink != nil && c.Sink.Header(s.tag, Header{Status: int(fields.status), EventStream: fields.media == 1, Coded: fields.coded})
		if last {
			c.complete(place)
			break
		}
		c.events = append(c.events, Event{Kind: Began, Tag: s.tag})
	}
	return nil
}

// bodiless reports whether the reply has no body, whatever its header says.
func (s *stream) bodiless() bool { return s.head || s.status == 204 || s.status == 304 }

// complete ends a stream whose reply is.
func (c *Conn) complete(place int32) {
	s := &c.streams.all[place]
	if s.length != noNumber && s.got != s.length && !s.bodiless() {
		c.malformed(place, errBodyLength, ProtocolError)
		return
	}
	c.events = append(c.events, Event{Kind: Ended, Tag: s.tag, Status: s.status})
	if s.sent {
		c.close(place)
		return
	}
	c.abandon(place, NoError) // the reply came before all of the request was sent: the rest is of no use
}

// malformed ends a stream whose reply is.
func (c *Conn) malformed(place int32, why error, code Code) {
	c.events = append(c.events, Event{Kind: Malformed, Tag: c.streams.all[place].tag, Why: why})
	c.abandon(place, code)
}

// reset takes the end of a stream that the peer makes.
func (c *Conn) reset(f frame, payload []byte) *Error {
	place, err := c.known(f)
	switch {
	case err != nil:
		return err
	case len(payload) != 4:
		return errFrameSize
	case place == none:
		return nil
	}
	s := &c.streams.all[place]
	e := Event{Kind: Reset, Tag: s.tag, Code: Code(binary.BigEndian.Uint32(payload))}
	if e.Code == RefusedStream && !s.began {
		e.Kind, e.Stale = Refused, c.lowered != s.lowered
	}
	c.events = append(c.events, e)
	c.close(place)
	return nil
}

// settings takes the peer's.
func (c *Conn) settings(f frame, payload []byte) *Error {
	switch {
	case f.stream != 0:
		return errOnZero
	case f.flags&flagAck != 0 && len(payload) != 0, len(payload)%6 != 0:
		return errFrameSize
	case f.flags&flagAck != 0:
		return nil
	case len(payload) > 6*maxSettings:
		return errFlood
	}
	limit := c.limit
	for ; len(payload) > 0; payload = payload[6:] {
		value := binary.BigEndian.Uint32(payload[2:])
		switch binary.BigEndian.Uint16(payload) {
		case setTable:
			c.encoder.resize(c.requests, int(value))
		case setPush:
			if value != 0 {
				return errSetting
			}
		case setStreams:
			limit = value
		case setWindow:
			if value > maxWindow {
				return errWindow
			}
			by := int64(value) - c.first
			c.first = int64(value)
			for place := range c.streams.all {
				if c.streams.all[place].id != 0 && !c.widen(int32(place), by) {
					return errWindow
				}
			}
		case setMaxFrame:
			if value < maxFrame || value > 1<<24-1 {
				return errSetting
			}
			c.frame = int(min(value, mostOut))
		}
	}
	if limit < c.limit && c.ready {
		c.lowered++
	}
	c.limit, c.ready = limit, true
	if !c.answer(frameHeader) {
		return errFlood
	}
	c.out = appendFrame(c.out, 0, kindSettings, flagAck, 0)
	c.pump()
	return nil
}

// windowUpdate takes room that the peer makes.
func (c *Conn) windowUpdate(f frame, payload []byte) *Error {
	if len(payload) != 4 {
		return errFrameSize
	}
	by := int64(binary.BigEndian.Uint32(payload) & maxWindow)
	if f.stream == 0 {
		if by == 0 {
			return errIncrement
		}
		if c.window += by; c.window > maxWindow {
			return errWindow
		}
		c.pump()
		return nil
	}
	place, err := c.known(f)
	if err != nil || place == none {
		return err
	}
	if by == 0 || !c.widen(place, by) {
		c.malformed(place, errStreamWindow, ProtocolError)
		return nil
	}
	c.pump()
	return nil
}

// goAway takes note that the peer takes no more requests, and which it looks at.
func (c *Conn) goAway(f frame, payload []byte) *Error {
	if f.stream != 0 {
		return errOnZero
	}
	if len(payload) < 8 {
		return errFrameSize
	}
	last := int32(binary.BigEndian.Uint32(payload) & maxID)
	if c.going && last > c.lastID {
		return errLastID
	}
	c.going, c.lastID, c.reader.goAway = true, last, Code(binary.BigEndian.Uint32(payload[4:]))
	for place := range c.streams.all {
		if s := &c.streams.all[place]; s.id > last {
			e := Event{Kind: Unprocessed, Tag: s.tag}
			if s.began { // what it brought was counted: it is not made again
				e.Kind, e.Why = Malformed, errTakenBack
			}
			c.events = append(c.events, e)
			c.close(int32(place))
		}
	}
	return nil
}
