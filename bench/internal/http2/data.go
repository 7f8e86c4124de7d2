package http2

import "encoding/binary"

// begin takes the header of a frame of data.
func (c *Conn) begin(f frame) *Error {
	place, err := c.known(f)
	if err != nil {
		return err
	}
	r := &c.reader
	r.data, r.left, r.pad, r.padding = f, f.length, 0, f.flags&flagPadded != 0
	if r.padding && f.length == 0 {
		return errFrameSize
	}
	if c.received += int32(f.length); c.received > connWindow {
		return errOverflow
	}
	if c.received >= connWindow/2 {
		c.topUp(0, c.received)
		c.received = 0
	}
	if place != none {
		s := &c.streams.all[place]
		s.size += int64(frameHeader + f.length)
		s.received += int32(f.length)
		switch {
		case !s.began:
			c.malformed(place, errNoHeader, ProtocolError)
		case s.received > streamWindow:
			return errOverflow
		case s.size > MaxBody && !s.wanted:
			c.malformed(place, errBodyTooLong, Cancel)
		case s.received >= streamWindow/2 && f.flags&flagEndStream == 0:
			c.topUp(f.stream, s.received)
			s.received = 0
		}
	}
	if f.length == 0 {
		c.endOfData(f)
	}
	return nil
}

func (c *Conn) topUp(stream uint32, by int32) {
	c.out = appendFrame(c.out, 4, kindWindow, 0, stream)
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(by))
}

// body takes some of the payload of a frame of data, and returns how much.
func (c *Conn) body(data []byte) (n int, err *Error) {
	r := &c.reader
	if r.padding {
		r.padding = false
		r.pad = int(data[0])
		if r.left--; r.pad > r.left {
			return 0, errPadding
		}
		n = 1
	}
	if text := min(r.left-r.pad, len(data)-n); text > 0 {
		if place := c.streams.find(int32(r.data.stream)); place != none {
			s := &c.streams.all[place]
			s.got += int64(text)
			switch {
			case s.bodiless():
				c.malformed(place, errNoBody, ProtocolError)
			case s.length != noNumber && s.got > s.length:
				c.malformed(place, errBodyLength, ProtocolError)
			case s.wanted:
				c.Sink.Body(s.tag, data[n:n+text])
			}
		}
		r.left -= text
		n += text
	}
	if r.left <= r.pad {
		padding := min(r.left, len(data)-n)
		r.left -= padding
		r.pad -= padding
		n += padding
	}
	if r.left == 0 {
		c.endOfData(r.data)
	}
	return n, nil
}

// endOfData ends a frame of data.
func (c *Conn) endOfData(f frame) {
	if f.flags&flagEndStream == 0 {
		return
	}
	if place := c.streams.find(int32(f.stream)); place != none {
		c.complete(place)
	}
}
