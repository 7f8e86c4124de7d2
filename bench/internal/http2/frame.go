package http2

import (
	"encoding/binary"
	"fmt"
)

// preface is what a client says first (RFC 9113, 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	frameHeader  = 9
	maxFrame     = 16 << 10  // bytes of a payload that a peer may send: the protocol's default, which is not raised
	maxID        = 1<<31 - 1 // of a stream
	maxWindow    = 1<<31 - 1
	firstWindow  = 1<<16 - 1 // of a connection, and of a stream unless the settings say otherwise
	defaultTable = 4096      // bytes of a header table
)

// kind is the type of a frame.
type kind uint8

const (
	kindData kind = iota
	kindHeaders
	kindPriority
	kindReset
	kindSettings
	kindPush
	kindPing
	kindGoAway
	kindWindow
	kindContinuation
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Settings that are known.
const (
	setTable    = 1
	setPush     = 2
	setStreams  = 3
	setWindow   = 4
	setMaxFrame = 5
	setMaxList  = 6
)

// Code is why a stream or a connection was ended (RFC 9113, 7).
type Code uint32

// The codes that a client uses or looks at.
const (
	NoError          Code = 0x0
	ProtocolError    Code = 0x1
	FlowControlError Code = 0x3
	FrameSizeError   Code = 0x6
	RefusedStream    Code = 0x7
	Cancel           Code = 0x8
	CompressionError Code = 0x9
	EnhanceYourCalm  Code = 0xb
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String is the code's name in RFC 9113.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("code %#x", uint32(c))
}

var reasons = func() (all [len(codeNames)]string) {
	for c := range all {
		all[c] = Code(c).reason()
	}
	return all
}()

func (c Code) reason() string { return "the server reset the stream (" + c.String() + ")" }

// Reason is that of a stream which the peer ended with the code.
func (c Code) Reason() string {
	if int(c) < len(reasons) {
		return reasons[c] // made once: a server that fails must not cost an allocation per request
	}
	return c.reason()
}

// appendFrame adds the header of a frame, with a payload of that many bytes.
func appendFrame(b []byte, length int, k kind, flags byte, stream uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(k), flags, byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// frame is the header of a frame. It is read by hand: the Framer of golang.org/x/net
// reads from an io.Reader and makes a value of each frame.
type frame struct {
	length int
	kind   kind
	flags  byte
	stream uint32
}

func readFrame(b []byte) frame {
	_ = b[frameHeader-1]
	return frame{int(b[0])<<16 | int(b[1])<<8 | int(b[2]), kind(b[3]), b[4], binary.BigEndian.Uint32(b[5:]) & maxID}
}
