package http2

import (
	"slices"
	"testing"
)

// A sink gets the final header of each reply, also where the header table has its fields,
// and the body as it comes, but nothing behind the end of a stream.
func TestSink(t *testing.T) {
	for _, row := range []struct {
		fields []string // beside the status
		want   Header
	}{
		{nil, Header{Status: 200}},
		{[]string{"content-type", "text/event-stream"}, Header{Status: 200, EventStream: true}},
		{[]string{"content-type", "Text/Event-Stream ; charset=utf-8", "content-encoding", "identity"}, Header{Status: 200, EventStream: true}},
		{[]string{"content-type", "text/event-streams"}, Header{Status: 200}},
		{[]string{"content-type", "text/html", "content-type", "text/event-stream"}, Header{Status: 200}},
		{[]string{"content-encoding", "gzip", "content-type", "text/event-stream"}, Header{Status: 200, EventStream: true, Coded: true}},
	} {
		p := newPeer()
		p.take()
		p.header(1, false, ":status", "103", "content-type", "text/html")
		for _, id := range []uint32{1, 3} {
			p.header(id, false, append([]string{":status", "200"}, row.fields...)...)
			p.WriteData(id, false, []byte("one "))
			p.WriteDataPadded(id, true, []byte("two"), make([]byte, 9))
			p.WriteData(id, true, []byte("three"))
		}
		p.header(5, true, ":status", "404")
		var body [3]string
		got := &sink{body: func(tag int32, data []byte) { body[tag] += string(data) }}
		c := asked(3)
		c.Sink = got
		if _, err := c.Read(p.take()); err != nil {
			t.Fatal(err)
		}
		if want := []Header{row.want, row.want, {Status: 404}}; !slices.Equal(got.headers, want) {
			t.Errorf("%q: %+v, want %+v", row.fields, got.headers, want)
		}
		if body != [3]string{"one two", "one two"} {
			t.Errorf("%q: the bodies are %q", row.fields, body)
		}
	}
}
