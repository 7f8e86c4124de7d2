package http2

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// Whatever comes, and in whatever pieces, is read as the same.
func FuzzReadDoesNotDependOnHowItArrives(f *testing.F) {
	for _, row := range conversations {
		p := newPeer()
		p.take()
		row.say(p)
		if said := p.take(); len(said) < 20_000 {
			f.Add(said, []byte{0})
			f.Add(said, []byte{8, 3, 200})
		}
	}
	f.Fuzz(func(t *testing.T, said, sizes []byte) {
		if len(said) > 1<<16 {
			t.Skip("as before")
		}
		var body [2][]byte
		var got [2]reading
		for i, sizes := range [][]byte{nil, sizes} {
			c := asked(3)
			c.Sink = &sink{body: func(_ int32, data []byte) { body[i] = append(body[i], data...) }}
			got[i] = readIn(c, said, sizes)
			if strings.Contains(strings.Join(got[i].events, ""), "malformed") {
				body[i] = nil // of such a body, how much is seen depends on the pieces
			}
			if len(c.reader.held) > frameHeader+maxFrame || len(c.reader.block) > MaxHeader+maxFrame || c.decoder.size > defaultTable {
				t.Errorf("%d bytes held, %d of a header, %d in the table", len(c.reader.held), len(c.reader.block), c.decoder.size)
			}
		}
		if !reflect.DeepEqual(got[0], got[1]) || !bytes.Equal(body[0], body[1]) {
			t.Errorf("%q:\nat once    %+v\nin pieces %v %+v", said, got[0], sizes, got[1])
		}
	})
}

// A header is read as golang.org/x/net reads it: one after another, as each changes the
// table.
func FuzzReadsHeadersAsHpack(f *testing.F) {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	add := func(of ...string) {
		b.Reset()
		for i := 0; i < len(of); i += 2 {
			e.WriteField(hpack.HeaderField{Name: of[i], Value: of[i+1]})
		}
		f.Add(bytes.Clone(b.Bytes()), bytes.Clone(b.Bytes()))
	}
	add(":status", "200", "content-length", "17", "server", "nginx")
	add(":status", "200", "content-length", "17", "server", "nginx", "date", "Tue, 24 Nov 2026 22:00:00 GMT")
	add(":status", "200", "content-type", "text/event-stream", "content-encoding", "gzip")
	e.SetMaxDynamicTableSize(60)
	add(":status", "503", "x-long", string(make([]byte, 100)), "content-length", "07")
	f.Add([]byte{0x20, 0x3f, 0xe1, 0x1f, 0x88}, []byte{0x3f, 0xe1, 0xff, 0x1f})
	f.Fuzz(func(t *testing.T, one, two []byte) {
		d := decoder{most: defaultTable}
		oracle := hpack.NewDecoder(defaultTable, nil)
		for _, block := range [][]byte{one, two} {
			if len(block) > MaxHeader/4 {
				t.Skip("no header is as long")
			}
			got, err := d.block(block)
			all, wrong := oracle.DecodeFull(block)
			if err != nil || wrong != nil {
				// A change of the table's size may come late for x/net.
				if (err == nil) != (wrong == nil) && err != errTableSize && err != errInteger {
					t.Fatalf("%x: %v, want %v", block, err, wrong)
				}
				return
			}
			want := fields{status: noNumber, length: noNumber, media: noNumber}
			for _, field := range all {
				of := meaningOf([]byte(field.Name))
				want.add(entry{of: of, number: of.number([]byte(field.Value)), name: uint32(len(field.Name)), value: uint32(len(field.Value))})
			}
			if got != want {
				t.Fatalf("%x: %+v, want %+v of %v", block, got, want, all)
			}
		}
	})
}

// A text is coded and read as golang.org/x/net does.
func FuzzHuffman(f *testing.F) {
	f.Add([]byte("Tue, 24 Nov 2026 22:00:00 GMT"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xfc})
	for i := range 256 {
		f.Add(hpack.AppendHuffmanString(nil, string([]byte{byte(i), 'x'})))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := appendHuffman(nil, text, maxString)
		want, err := hpack.HuffmanDecodeToString(text)
		if ok != (err == nil) || ok && string(got) != want {
			t.Errorf("%x: %q %v, want %q %v", text, got, ok, want, err)
		}
		if back, ok := appendHuffman(nil, hpack.AppendHuffmanString(nil, string(text)), maxString); !ok || !bytes.Equal(back, text) {
			t.Errorf("%q coded and read is %q", text, back)
		}
	})
}

// The numbers of headers are read as they were written.
func TestIntegers(t *testing.T) {
	for prefix := 4; prefix <= 7; prefix++ {
		for _, v := range []int{0, 1, 14, 15, 30, 31, 62, 63, 126, 127, 128, 254, 255, 1337, 4096, 16383, 16384, 1 << 28, 1<<32 - 1} {
			b := appendInteger(nil, 0, prefix, v)
			if got, n := integer(b, prefix); got != uint64(v) || n != len(b) {
				t.Errorf("%d in %d bits: %d in %d of %d bytes", v, prefix, got, n, len(b))
			}
			for cut := 1; cut < len(b); cut++ {
				if _, n := integer(b[:cut], prefix); n != 0 {
					t.Errorf("%d in %d bits, %d bytes of it: read", v, prefix, cut)
				}
			}
		}
	}
	for _, long := range [][]byte{{0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, bytes.Repeat([]byte{0xff}, 20)} {
		if _, n := integer(long, 7); n != 0 {
			t.Errorf("%x is read as a number", long)
		}
	}
}
