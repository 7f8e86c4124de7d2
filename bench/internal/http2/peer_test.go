package http2

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// peer is a server that writes what it says to memory, by the Framer and the header
// table of golang.org/x/net.
type peer struct {
	*http2.Framer
	said  bytes.Buffer
	block bytes.Buffer
	table *hpack.Encoder
}

func newPeer(settings ...http2.Setting) *peer {
	p := &peer{}
	p.Framer = http2.NewFramer(&p.said, nil)
	p.AllowIllegalWrites = true
	p.table = hpack.NewEncoder(&p.block)
	p.WriteSettings(settings...)
	return p
}

// fields is the header block of names and values.
func (p *peer) fields(of ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(of); i += 2 {
		p.table.WriteField(hpack.HeaderField{Name: of[i], Value: of[i+1]})
	}
	return bytes.Clone(p.block.Bytes())
}

// header says a header.
func (p *peer) header(id uint32, end bool, of ...string) {
	p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.fields(of...), EndHeaders: true, EndStream: end})
}

func (p *peer) take() []byte {
	defer p.said.Reset()
	return bytes.Clone(p.said.Bytes())
}

const get = "GET /a?b=c HTTP/1.1\r\nUser-Agent: onhold\r\nHost: example.org\r\nAccept: */*\r\nConnection: close\r\n\r\n"

func requestsFor(raw ...string) *Requests {
	var all [][]byte
	for _, r := range raw {
		all = append(all, []byte(r))
	}
	return NewRequests(all, "http")
}

// asked is a connection with some requests under way, the tags of which count from 0.
func asked(n int) *Conn {
	r := requestsFor(get)
	c := New(r, 0)
	if _, err := c.Read(newPeer().take()); err != nil {
		panic(err)
	}
	for i := range n {
		c.Request(int32(i), r.Request(0), nil, false)
	}
	c.Sent(len(c.Pending()))
	return c
}

// reading is what a connection made of some bytes.
type reading struct {
	events []string
	err    string
	out    string
	going  bool
	open   int
}

// sink wants all bodies.
type sink struct {
	headers []Header
	body    func(tag int32, data []byte) // nil: they are dropped
}

func (s *sink) Header(_ int32, h Header) bool {
	s.headers = append(s.headers, h)
	return true
}

func (s *sink) Body(tag int32, data []byte) {
	if s.body != nil {
		s.body(tag, data)
	}
}

// readIn hands a connection what a peer said, in pieces of the sizes given, over again.
func readIn(c *Conn, said []byte, sizes []byte) (r reading) {
	buf := make([]byte, 256)
	for at, i := 0, 0; at < len(said); i++ {
		n := len(said)
		if len(sizes) > 0 {
			n = 1 + int(sizes[i%len(sizes)])
		}
		n = min(n, len(said)-at)
		piece := append(buf[:0], said[at:at+n]...)
		at += n
		events, err := c.Read(piece)
		for _, e := range events {
			r.events = append(r.events, fmt.Sprintf("%d %s", e.Tag, e))
		}
		for i := range piece {
			piece[i] = 'x'
		}
		if err != nil {
			r.err = err.Error()
			break
		}
	}
	r.out, r.going, r.open = string(c.Pending()), c.Going(), c.Open()
	return r
}

func (e Event) String() string {
	switch e.Kind {
	case Began:
		return "began"
	case Ended:
		return fmt.Sprintf("ended %d", e.Status)
	case Refused:
		return fmt.Sprintf("refused, stale: %v", e.Stale)
	case Unprocessed:
		return "unprocessed"
	case Reset:
		return "reset " + e.Code.String()
	}
	return "malformed: " + e.Why.Error()
}

// sent is the frames that a connection has pending, in short.
func sent(t *testing.T, c *Conn) (frames []string) {
	t.Helper()
	framer := http2.NewFramer(nil, bytes.NewReader(c.Pending()))
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return frames
		}
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			frames = append(frames, fmt.Sprintf("RST_STREAM %d %v", f.StreamID, f.ErrCode))
		case *http2.GoAwayFrame:
			frames = append(frames, fmt.Sprintf("GOAWAY %v", f.ErrCode))
		case *http2.WindowUpdateFrame:
			frames = append(frames, fmt.Sprintf("WINDOW_UPDATE %d +%d", f.StreamID, f.Increment))
		case *http2.SettingsFrame:
			frames = append(frames, fmt.Sprintf("SETTINGS ack: %v", f.IsAck()))
		case *http2.PingFrame:
			frames = append(frames, fmt.Sprintf("PING ack: %v %q", f.IsAck(), f.Data))
		default:
			frames = append(frames, fmt.Sprintf("%v %d %d", f.Header().Type, f.Header().StreamID, f.Header().Length))
		}
	}
}

// conversations are what a peer says to three requests, and what is made of it.
var conversations = []struct {
	name string
	say  func(p *peer)
	want []string // events, then the error where there is one
	sent []string
}{
	{"a reply without a body", func(p *peer) { p.header(1, true, ":status", "204") }, []string{"0 ended 204"}, nil},
	{"a reply with a body", func(p *peer) {
		p.header(1, false, ":status", "200", "content-length", "5")
		p.WriteData(1, true, []byte("hello"))
	}, []string{"0 began", "0 ended 200"}, nil},
	{"replies in another order", func(p *peer) {
		p.header(5, false, ":status", "200")
		p.header(1, true, ":status", "503")
		p.WriteData(5, false, []byte("x"))
		p.header(3, true, ":status", "404")
		p.WriteData(5, true, nil)
	}, []string{"2 began", "0 ended 503", "1 ended 404", "2 ended 200"}, nil},
	{"interim replies and a trailer", func(p *peer) {
		p.header(1, false, ":status", "103", "link", "</a>")
		p.header(1, false, ":status", "100")
		p.header(1, false, ":status", "200")
		p.WriteDataPadded(1, false, []byte("x"), make([]byte, 200))
		p.header(1, true, "grpc-status", "0")
	}, []string{"0 began", "0 ended 200"}, nil},
	{"padding and priority", func(p *peer) {
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields(":status", "200"), EndHeaders: true, PadLength: 30, Priority: http2.PriorityParam{StreamDep: 3, Weight: 9}})
		p.WritePriority(3, http2.PriorityParam{StreamDep: 1})
		p.WriteDataPadded(1, true, nil, make([]byte, 255))
	}, []string{"0 began", "0 ended 200"}, nil},
	{"unknown frames", func(p *peer) {
		p.WriteRawFrame(0xc, 0xff, 0, []byte("an origin"))
		p.WriteRawFrame(0xbe, 0, 1, make([]byte, maxFrame))
		p.header(1, true, ":status", "200")
	}, []string{"0 ended 200"}, nil},
	{"a header in pieces", func(p *peer) {
		block := p.fields(":status", "200", "x", string(make([]byte, 3000)))
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1], EndStream: true})
		p.WriteContinuation(1, false, nil)
		p.WriteContinuation(1, false, block[1:1500])
		p.WriteContinuation(1, true, block[1500:])
	}, []string{"0 ended 200"}, nil},
	{"the end of a stream after its reply", func(p *peer) {
		p.header(1, true, ":status", "200")
		p.WriteRSTStream(1, http2.ErrCodeNo)
		p.WriteWindowUpdate(1, 10)
	}, []string{"0 ended 200"}, nil},
	{"streams that are ended", func(p *peer) {
		p.WriteRSTStream(1, http2.ErrCodeRefusedStream)
		p.WriteRSTStream(3, http2.ErrCodeInternal)
		p.header(5, false, ":status", "200")
		p.WriteRSTStream(5, http2.ErrCodeRefusedStream)
	}, []string{"0 refused, stale: false", "1 reset INTERNAL_ERROR", "2 began", "2 reset REFUSED_STREAM"}, nil},
	{"a refusal after the limit was lowered", func(p *peer) {
		p.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2})
		p.WriteRSTStream(5, http2.ErrCodeRefusedStream)
	}, []string{"2 refused, stale: true"}, []string{"SETTINGS ack: true"}},
	{"a graceful end", func(p *peer) {
		p.WriteGoAway(maxID, http2.ErrCodeNo, nil)
		p.WriteGoAway(3, http2.ErrCodeNo, []byte("over"))
		p.header(1, true, ":status", "200")
		p.header(3, true, ":status", "200")
	}, []string{"2 unprocessed", "0 ended 200", "1 ended 200"}, nil},
	{"a GOAWAY before a reply that began", func(p *peer) {
		p.header(5, false, ":status", "200")
		p.WriteGoAway(1, http2.ErrCodeNo, nil)
		p.header(1, true, ":status", "200")
	}, []string{"2 began", "1 unprocessed", "2 malformed: " + errTakenBack.Error(), "0 ended 200"}, nil},
	{"a ping", func(p *peer) {
		p.WritePing(false, [8]byte{1, 2, 3})
		p.WritePing(true, [8]byte{})
	}, nil, []string{`PING ack: true "\x01\x02\x03\x00\x00\x00\x00\x00"`}},

	{"too little", func(p *peer) {
		p.header(1, false, ":status", "200", "content-length", "5")
		p.WriteData(1, true, []byte("hell"))
	}, []string{"0 began", "0 malformed: the body does not have the length that Content-Length says"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"too much", func(p *peer) {
		p.header(1, false, ":status", "200", "content-length", "5")
		p.WriteData(1, false, []byte("hello!"))
		p.WriteData(1, true, []byte("hello!"))
	}, []string{"0 began", "0 malformed: the body does not have the length that Content-Length says"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"two lengths", func(p *peer) { p.header(1, false, ":status", "200", "content-length", "5", "content-length", "6") },
		[]string{"0 malformed: Content-Length is no number, or there are two that differ"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"a body of a reply without one", func(p *peer) {
		p.header(1, false, ":status", "304", "content-length", "5")
		p.WriteData(1, true, []byte("hello"))
	}, []string{"0 began", "0 malformed: there is a body where none may be"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"data first", func(p *peer) { p.WriteData(1, true, []byte("hello")) }, []string{"0 malformed: data comes before the header"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"no status", func(p *peer) { p.header(1, true, "server", "x") }, []string{"0 malformed: the header has no status"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"a status of two digits", func(p *peer) { p.header(1, true, ":status", "20") }, []string{"0 malformed: a status is not three digits"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"a status behind other fields", func(p *peer) { p.header(1, true, "server", "x", ":status", "200") },
		[]string{"0 malformed: a pseudo-header field comes after others"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"a field of requests", func(p *peer) { p.header(1, true, ":status", "200", ":path", "/") },
		[]string{"0 malformed: a pseudo-header field is not one of replies"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"capitals", func(p *peer) { p.header(1, true, ":status", "200", "Server", "x") },
		[]string{"0 malformed: the name of a field has capitals or characters that no name has"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"a field of HTTP/1.1", func(p *peer) { p.header(1, true, ":status", "200", "connection", "close") },
		[]string{"0 malformed: a field is one that only HTTP/1.1 has, such as Connection"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"a trailer that goes on", func(p *peer) {
		p.header(1, false, ":status", "200")
		p.header(1, false, "x", "y")
	}, []string{"0 began", "0 malformed: a trailer has pseudo-header fields, or does not end the stream"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"status 101", func(p *peer) { p.header(1, false, ":status", "101") }, []string{"0 malformed: an interim reply ends the stream, or has status 101"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	{"interim replies without end", func(p *peer) {
		for range 200 {
			p.header(1, false, ":status", "103")
		}
	}, []string{"0 malformed: more than 100 interim replies"}, []string{"RST_STREAM 1 ENHANCE_YOUR_CALM"}},
	{"a long header", func(p *peer) {
		p.header(1, false, append([]string{":status", "200"}, slices.Repeat([]string{"x", string(bytes.Repeat([]byte{'a'}, 3000))}, 22)...)...)
	}, []string{"0 malformed: the header is longer than 65536 bytes"}, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},

	{"a stream that was never opened", func(p *peer) { p.header(7, true, ":status", "200") }, []string{errIdle.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"a stream of the server", func(p *peer) { p.WriteData(2, true, nil) }, []string{errIdle.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"a push", func(p *peer) { p.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true}) }, []string{errPush.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"a continuation of nothing", func(p *peer) { p.WriteContinuation(1, true, nil) }, []string{errStray.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"an interrupted header", func(p *peer) {
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields(":status", "200")})
		p.WritePing(false, [8]byte{})
	}, []string{errSequence.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"continuations without end", func(p *peer) {
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
		for range 200 {
			p.WriteContinuation(1, false, nil)
		}
	}, []string{errFlood.Error()}, []string{"GOAWAY ENHANCE_YOUR_CALM"}},
	{"a header without end", func(p *peer) {
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
		for range 5 {
			p.WriteContinuation(1, false, make([]byte, maxFrame))
		}
	}, []string{errLong.Error()}, []string{"GOAWAY ENHANCE_YOUR_CALM"}},
	{"a long frame", func(p *peer) { p.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, maxFrame+1)) }, []string{errSize.Error()}, []string{"GOAWAY FRAME_SIZE_ERROR"}},
	{"more padding than there is", func(p *peer) {
		p.header(1, false, ":status", "200")
		p.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 1, []byte{10, 1, 2})
	}, []string{"0 began", errPadding.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"a table that does not have it", func(p *peer) {
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x80 | 62}, EndHeaders: true})
	}, []string{errIndex.Error()}, []string{"GOAWAY COMPRESSION_ERROR"}},
	{"a window too large", func(p *peer) { p.WriteWindowUpdate(0, maxWindow) }, []string{errWindow.Error()}, []string{"GOAWAY FLOW_CONTROL_ERROR"}},
	{"a window of nothing", func(p *peer) { p.WriteWindowUpdate(0, 0) }, []string{errIncrement.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"a stream's window of nothing", func(p *peer) { p.WriteWindowUpdate(3, 0) }, []string{"1 malformed: " + errStreamWindow.Error()}, []string{"RST_STREAM 3 PROTOCOL_ERROR"}},
	{"a setting that may not be", func(p *peer) { p.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 100}) }, []string{errSetting.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"a GOAWAY that takes back", func(p *peer) {
		p.WriteGoAway(1, http2.ErrCodeNo, nil)
		p.WriteGoAway(5, http2.ErrCodeNo, nil)
	}, []string{"1 unprocessed", "2 unprocessed", errLastID.Error()}, []string{"GOAWAY PROTOCOL_ERROR"}},
	{"pings without end", func(p *peer) {
		for range 10_000 {
			p.WritePing(false, [8]byte{})
		}
	}, []string{errFlood.Error()}, nil},
	{"settings without end", func(p *peer) {
		for range 10_000 {
			p.WriteSettings()
		}
	}, []string{errFlood.Error()}, nil},
}

func TestConversations(t *testing.T) {
	for _, row := range conversations {
		p := newPeer()
		p.take()
		row.say(p)
		c := asked(3)
		got := readIn(c, p.take(), nil)
		if got.err != "" {
			got.events = append(got.events, got.err)
		}
		if !slices.Equal(got.events, row.want) {
			t.Errorf("%s: %q, want %q", row.name, got.events, row.want)
		}
		if frames := sent(t, c); row.sent != nil && !slices.Equal(frames, row.sent) {
			t.Errorf("%s: sent %q, want %q", row.name, frames, row.sent)
		}
		if len(c.Pending()) > 2*maxAnswers || cap(c.reader.held) > frameHeader+maxFrame || cap(c.reader.block) > 2*MaxHeader {
			t.Errorf("%s: %d bytes are pending, %d held, %d of a header", row.name, len(c.Pending()), cap(c.reader.held), cap(c.reader.block))
		}
	}
}

// What another protocol says is known as that, also where it says little.
func TestOtherProtocols(t *testing.T) {
	for said, want := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "the server speaks HTTP/1.1 at this port, not HTTP/2",
		"HTTP/":                            "the server speaks HTTP/1.1 at this port, not HTTP/2",
		"\x15\x03\x01\x00\x02\x02\x46":     "the server speaks TLS at this port: begin the address with https://",
		"220 mail.example.org ESMTP":       "the server does not speak HTTP/2 at this port",
		string(make([]byte, 20)):           "the server does not speak HTTP/2 at this port",
	} {
		for _, sizes := range [][]byte{nil, {0}} {
			c := New(requestsFor(get), 0)
			if got := readIn(c, []byte(said), sizes); got.err != want || c.Ready() || c.Room() {
				t.Errorf("%q in pieces %v: %q, want %q", said, sizes, got.err, want)
			}
		}
	}
}
