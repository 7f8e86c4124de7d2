package http2

import (
	"testing"

	"golang.org/x/net/http2"
)

// exchanges returns what makes one request after another on a connection, each with a
// reply as that server sends it.
func exchanges(t testing.TB, server string) func() {
	c, p := asked(0), newPeer()
	p.take()
	block := p.fields(":status", "200", "server", server, "date", "Tue, 24 Nov 2026 22:00:00 GMT", "content-length", "5")
	if server == "nginx" { // it has no table
		block = append(block[:0], 0x88, 0x0f, 0x0d, 1, '5')
		block = append(append(block, 0x0f, 0x27), appendText(nil, "nginx/1.26.3")...)
		block = append(append(block, 0x0f, 0x12), appendText(nil, "Tue, 24 Nov 2026 22:00:00 GMT")...)
	}
	p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true})
	p.WriteData(1, true, []byte("hello"))
	said := p.take()
	id := uint32(1)
	return func() {
		c.Request(0, c.requests.Request(0), nil, false)
		c.Sent(len(c.Pending()))
		for _, at := range []int{0, len(said) - frameHeader - len("hello")} {
			copy(said[at+5:], []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})
		}
		if id += 2; id > maxID-2 {
			t.Fatal("no ids are left")
		}
		if events, err := c.Read(said); err != nil || len(events) != 2 || events[1].Status != 200 {
			t.Fatal(events, err)
		}
	}
}

// A request and its reply allocate nothing.
func TestNothingIsAllocated(t *testing.T) {
	for _, server := range []string{"nginx", "Go"} {
		one := exchanges(t, server)
		one()
		if n := testing.AllocsPerRun(100, one); n > 0 {
			t.Errorf("%s: %v allocations", server, n)
		}
	}
}

// BenchmarkExchange is what a request and its reply cost, without the kernel.
func BenchmarkExchange(b *testing.B) {
	for _, server := range []string{"nginx", "Go"} {
		b.Run(server, func(b *testing.B) {
			one := exchanges(b, server)
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}

// BenchmarkMake is what a request of data costs, that differs from each other one.
func BenchmarkMake(b *testing.B) {
	m := requestsFor(get).Maker()
	b.ReportAllocs()
	for b.Loop() {
		m.Make([]byte(get), false)
	}
}
