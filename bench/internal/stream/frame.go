package stream

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
)

// The codes of frames (RFC 6455, 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

const (
	mostControl = 125 // bytes of the payload of a control frame
	mostHeader  = 2 + 8
)

var (
	errReserved   = errors.New("a WebSocket frame uses an extension that was not agreed on")
	errOpcode     = errors.New("a WebSocket frame is of an unknown kind")
	errMasked     = errors.New("a WebSocket frame of the server is masked")
	errLength     = errors.New("the length of a WebSocket frame is malformed")
	errControl    = errors.New("a WebSocket control frame is fragmented, or longer than 125 bytes")
	errFragment   = errors.New("the fragments of WebSocket messages are out of order")
	errCloseFrame = errors.New("a WebSocket close frame is malformed")
)

// frame is what a frame that has come completely was.
type frame uint8

const (
	nothing  frame = iota // no frame ends here
	fragment              // a frame with more of its message to come, or a pong
	message               // the last one of a message
	pinged                // control has what to answer
	closing               // code says why
)

// frames reads the frames of a server, in whatever pieces they come. Payloads are
// counted and dropped, but those of control frames.
type frames struct {
	header  [mostHeader]byte
	have    uint8 // bytes of it
	inside  bool  // the header is complete
	partial bool  // a message is under way of which more frames are to come
	n       uint8 // bytes of control
	code    uint16
	left    uint64 // bytes of the payload
	control [mostControl]byte
}

// next reads on up to the end of a frame, and returns how far it came, and which of the
// bytes belong to a message.
func (f *frames) next(data []byte) (n int, payload []byte, got frame, err error) {
	for !f.inside {
		if n == len(data) {
			return n, nil, nothing, nil
		}
		f.header[f.have] = data[n]
		f.have++
		n++
		if err := f.begin(); err != nil {
			return 0, nil, nothing, err
		}
	}
	take := int(min(f.left, uint64(len(data)-n)))
	payload = data[n : n+take]
	f.left -= uint64(take)
	n += take
	if f.header[0]&opClose != 0 { // the bit that all control frames have
		f.n += uint8(copy(f.control[f.n:], payload))
		payload = nil
	}
	if f.left > 0 {
		return n, payload, nothing, nil
	}
	got, err = f.ended()
	f.have, f.inside = 0, false
	return n, payload, got, err
}

// begin reads the header as far as it has come, and notes when it is complete. What is
// wrong is reported as soon as it is there.
func (f *frames) begin() error {
	const final, reserved, masked = 0x80, 0x70, 0x80
	op, control := f.header[0]&0xf, f.header[0]&opClose != 0
	length := f.header[1] &^ masked
	switch f.have {
	case 1:
		switch {
		case f.header[0]&reserved != 0:
			return errReserved
		case op > opBinary && op < opClose || op > opPong:
			return errOpcode
		case control && f.header[0]&final == 0:
			return errControl
		case !control && (op == opContinuation) != f.partial:
			return errFragment
		}
		return nil
	case 2:
		switch {
		case f.header[1]&masked != 0:
			return errMasked
		case control && length > mostControl:
			return errControl
		case length > mostControl: // more bytes have it
			return nil
		}
		f.left = uint64(length)
	case 2 + 2:
		if length != 126 {
			return nil
		}
		if f.left = uint64(binary.BigEndian.Uint16(f.header[2:])); f.left < 126 {
			return errLength
		}
	case 2 + 8:
		if f.left = binary.BigEndian.Uint64(f.header[2:]); f.left < 1<<16 || f.left >= 1<<63 {
			return errLength
		}
	default:
		return nil
	}
	f.inside, f.n = true, 0
	if !control {
		f.partial = f.header[0]&final == 0
	}
	return nil
}

// Codes of close frames (RFC 6455, 7.4.1).
const (
	closeNormal = 1000
	closeGoing  = 1001 // the server ends, or leaves the page
	closeNone   = 1005 // none was given; never sent
)

func (f *frames) ended() (frame, error) {
	switch f.header[0] & 0xf {
	case opPing:
		return pinged, nil
	case opPong:
		return fragment, nil
	case opClose:
		f.code = closeNone
		switch {
		case f.n == 1:
			return nothing, errCloseFrame
		case f.n >= 2:
			f.code = binary.BigEndian.Uint16(f.control[:])
			if f.code < closeNormal || f.code >= 5000 || f.code == closeNone {
				return nothing, errCloseFrame
			}
		}
		return closing, nil
	}
	if f.partial {
		return fragment, nil
	}
	return message, nil
}

// appendFrame appends a frame as a client sends it: complete and masked, with a key
// that no one can guess (RFC 6455, 10.3).
func appendFrame(b []byte, op byte, payload []byte) []byte {
	const final, masked = 0x80, 0x80
	b = append(b, final|op)
	switch n := len(payload); {
	case n <= mostControl:
		b = append(b, masked|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), uint64(n))
	}
	key := rand.Uint32()
	b = binary.NativeEndian.AppendUint32(b, key)
	from := len(b)
	b = append(b, payload...)
	mask(b[from:], key)
	return b
}

// mask masks data that begins with the first byte of a payload.
func mask(data []byte, key uint32) {
	twice := uint64(key)<<32 | uint64(key)
	for len(data) >= 8 {
		binary.NativeEndian.PutUint64(data, binary.NativeEndian.Uint64(data)^twice)
		data = data[8:]
	}
	var k [4]byte
	binary.NativeEndian.PutUint32(k[:], key)
	for i := range data {
		data[i] ^= k[i%len(k)]
	}
}
