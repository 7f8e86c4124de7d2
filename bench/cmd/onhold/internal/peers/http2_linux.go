package peers

import (
	"bufio"
	"io"

	"golang.org/x/net/http2"
)

const (
	mostStreams = 1000
	// topUpAfter is how many bytes of requests a connection brings before it may send more.
	topUpAfter = 16 << 10
)

// Header blocks of replies, which need no table: literals without indexing (RFC 7541, 6.2).
var (
	status200   = []byte{0x88}
	grpcHeader  = append([]byte{0x88}, literal("content-type", "application/grpc")...)
	grpcTrailer = literal("grpc-status", "0")
	grpcMessage = make([]byte, 5) // an empty one
)

func literal(name, value string) []byte {
	b := append([]byte{0, byte(len(name))}, name...)
	return append(append(b, byte(len(value))), value...)
}

// http2 answers the requests of a connection of HTTP/2 with status 200 or, where they have
// a body as calls of gRPC do, with an empty message. What it sends is too little to matter
// to the windows of a client that keeps them open.
func (a *arrivals) http2(c *stamped) {
	in, out := bufio.NewReader(c), bufio.NewWriter(c)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(in, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	framer := http2.NewFramer(out, in)
	framer.SetReuseFrames()
	err := framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: mostStreams})
	received := 0
	for err == nil {
		if in.Buffered() == 0 {
			if err = out.Flush(); err != nil {
				return
			}
		}
		var frame http2.Frame
		if frame, err = framer.ReadFrame(); err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = framer.WritePing(true, f.Data)
			}
		case *http2.HeadersFrame:
			a.note(c.at)
			if f.StreamEnded() {
				err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: status200, EndHeaders: true, EndStream: true})
			}
		case *http2.DataFrame:
			if received += len(f.Data()); received >= topUpAfter {
				err = framer.WriteWindowUpdate(0, uint32(received))
				received = 0
			}
			if f.StreamEnded() && err == nil {
				err = call(framer, f.StreamID)
			}
		case *http2.GoAwayFrame:
			_ = out.Flush()
			return
		}
	}
}

// call answers a call of gRPC.
func call(framer *http2.Framer, stream uint32) error {
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: grpcHeader, EndHeaders: true})
	if err == nil {
		err = framer.WriteData(stream, false, grpcMessage)
	}
	if err == nil {
		err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: grpcTrailer, EndHeaders: true, EndStream: true})
	}
	return err
}
