package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// served is a frame as a server sends it.
func served(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= mostControl:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

// read is what was made of a frame.
type read struct {
	got  frame
	text string // of the control frame, or of what there is of a message
}

func readFrames(data []byte, sizes []byte) (all []read, err error) {
	var f frames
	var text []byte
	for i := 0; len(data) > 0; i++ {
		size := len(data)
		if len(sizes) > 0 {
			size = min(size, 1+int(sizes[i%len(sizes)]))
		}
		piece := data[:size]
		data = data[size:]
		for len(piece) > 0 {
			n, payload, got, err := f.next(piece)
			if err != nil {
				return all, err
			}
			text = append(text, payload...)
			switch piece = piece[n:]; got {
			case message, fragment:
				all = append(all, read{got, string(text)})
				text = text[:0]
			case pinged, closing:
				all = append(all, read{got, string(f.control[:f.n])})
			}
		}
	}
	return all, nil
}

const (
	text, ping, pong, closed = 0x81, 0x89, 0x8a, 0x88
	first, more, final       = 0x01, 0x00, 0x80
)

func TestFrames(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for _, c := range []struct {
		name   string
		frames [][]byte
		want   []read
		err    error
	}{
		{"texts", [][]byte{served(text, "a"), served(0x82, ""), served(text, long[:125])}, []read{{message, "a"}, {message, ""}, {message, long[:125]}}, nil},
		{"the lengths", [][]byte{served(text, long[:126]), served(text, long[:65535]), served(text, long[:65536])}, []read{{message, long[:126]}, {message, long[:65535]}, {message, long[:65536]}}, nil},
		{"fragments, a ping between them", [][]byte{served(first, "a"), served(ping, "p"), served(more, "b"), served(final, "c")}, []read{{fragment, "a"}, {pinged, "p"}, {fragment, "b"}, {message, "c"}}, nil},
		{"a pong that nobody asked for", [][]byte{served(pong, "p"), served(text, "a")}, []read{{fragment, ""}, {message, "a"}}, nil},
		{"closes", [][]byte{served(closed, "\x03\xe8bye"), served(text, "a")}, []read{{closing, "\x03\xe8bye"}, {message, "a"}}, nil},
		{"closes without a code", [][]byte{served(closed, "")}, []read{{closing, ""}}, nil},
		{"closes with half a code", [][]byte{served(closed, "\x03")}, nil, errCloseFrame},
		{"closes with a code that is none", [][]byte{served(closed, "\x03\xe7")}, nil, errCloseFrame},
		{"an extension", [][]byte{served(0xc1, "a")}, nil, errReserved},
		{"an unknown kind", [][]byte{served(0x83, "a")}, nil, errOpcode},
		{"an unknown control frame", [][]byte{served(0x8b, "a")}, nil, errOpcode},
		{"a masked frame", [][]byte{{0x81, 0x81, 0, 0, 0, 0, 'a'}}, nil, errMasked},
		{"a continuation of nothing", [][]byte{served(final, "a")}, nil, errFragment},
		{"a message in a message", [][]byte{served(first, "a"), served(text, "b")}, []read{{fragment, "a"}}, errFragment},
		{"a ping in fragments", [][]byte{served(0x09, "a")}, nil, errControl},
		{"a long ping", [][]byte{served(ping, long[:126])}, nil, errControl},
		{"a length with more bytes than it needs", [][]byte{{0x81, 126, 0, 125}}, nil, errLength},
		{"a long length with more bytes than it needs", [][]byte{{0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, nil, errLength},
		{"a negative length", [][]byte{{0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}}, nil, errLength},
		{"the longest length", [][]byte{{0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a'}}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, sizes := range [][]byte{nil, {0}, {2, 0, 200}} {
				got, err := readFrames(slices.Concat(c.frames...), sizes)
				if !errors.Is(err, c.err) || !slices.Equal(got, c.want) {
					t.Errorf("in pieces of %v: %.200v, %v; want %.200v, %v", sizes, got, err, c.want, c.err)
				}
			}
		})
	}
}

// What a client sends is masked, and read as what it was.
func TestSentFrames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom([]byte{opText, opBinary, opPong, opClose}).Draw(t, "op")
		n := rapid.SampledFrom([]int{0, 1, 7, 8, 9, 125, 126, 65535, 65536}).Draw(t, "length")
		if op >= opClose {
			n = min(n, mostControl)
		}
		payload := bytes.Repeat([]byte("payload"), n/7+1)[:n]
		b := appendFrame([]byte("before"), op, payload)[len("before"):]
		head := 2
		switch {
		case n > 65535:
			head = 10
		case n > 125:
			head = 4
		}
		if b[0] != 0x80|op || b[1]&0x80 == 0 || len(b) != head+4+n {
			t.Fatalf("% x…", b[:head])
		}
		key, got := b[head:head+4], b[head+4:]
		for i := range got {
			got[i] ^= key[i%4]
		}
		if !bytes.Equal(got, payload) {
			t.Fatalf("unmasked it is %q, want %q", got, payload)
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add(slices.Concat(served(first, "a"), served(ping, "p"), served(final, "b"), served(closed, "\x03\xe8")), []byte{0})
	f.Add(slices.Concat(served(text, strings.Repeat("x", 126)), served(0x82, "")), []byte{3, 0, 40})
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		got, err := readFrames(data, sizes)
		want, wantErr := readFrames(data, nil)
		if !errors.Is(err, wantErr) || !slices.Equal(got, want) {
			t.Errorf("% x in pieces of %v: %v, %v; in one: %v, %v", data, sizes, got, err, want, wantErr)
		}
	})
}

func TestHandshake(t *testing.T) {
	// The example of RFC 6455, 1.3.
	if got := accept([keyBytes]byte([]byte("dGhlIHNhbXBsZSBub25jZQ=="))); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("the key of the RFC is accepted by %q", got)
	}
	request := []byte("GET / HTTP/1.1\r\n" + Upgrade + KeyLine + "\r\n")
	a, key := withKey(nil, request)
	b, other := withKey([]byte("x"), request)
	if key == other || len(a) != len(request) || !bytes.Contains(a, key[:]) || !bytes.Contains(b, other[:]) || bytes.Contains(request, key[:]) {
		t.Errorf("keys %s and %s in %q and %q", key, other, a, b)
	}
}
