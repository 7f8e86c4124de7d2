package http1

import "testing"

// costs are replies to read, by the path that each takes.
var costs = map[string]string{
	"quick":    "HTTP/1.1 200 OK\r\nServer: fasthttp\r\nDate: Tue, 24 Nov 2026 22:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}",
	"chunked":  "HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{\"status\":\"ok\"}\r\n0\r\n\r\n",
	"thorough": "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}",
}

// Reading a reply allocates nothing, by whichever path and in however many
// pieces.
func TestReadingDoesNotAllocate(t *testing.T) {
	for name, text := range costs {
		r, data := &Reader{}, []byte(text)
		var p Reply
		for _, size := range []int{len(text), 7} {
			per := testing.AllocsPerRun(200, func() {
				p.Again()
				for at := 0; at < len(text); at += size {
					if _, _, err := r.Next(&p, data[at:min(at+size, len(data))]); err != nil {
						t.Error(err)
					}
				}
			})
			if per > 0 {
				t.Errorf("%s in pieces of %d: %.0f allocations", name, size, per)
			}
		}
	}
}

// BenchmarkRead is what it costs to read a reply.
func BenchmarkRead(b *testing.B) {
	for name, text := range costs {
		b.Run(name, func(b *testing.B) {
			r, data := &Reader{}, []byte(text)
			var p Reply
			b.ReportAllocs()
			for b.Loop() {
				p.Again()
				if done, _, err := r.Next(&p, data); !done || err != nil {
					b.Fatal(done, err)
				}
			}
		})
	}
}
