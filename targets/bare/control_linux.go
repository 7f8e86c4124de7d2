package bare

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// control appends the reply to a request for a control path.
func (l *loop) control(out []byte, path string, r reply) []byte {
	kind, body := "application/json", []byte("{}")
	switch path {
	case PathStats:
		body, _ = json.Marshal(l.stats()) // numbers alone: it cannot fail
	case PathArrivals:
		kind, body = "application/octet-stream", make([]byte, 0, 8*len(l.arrivals))
		for _, at := range l.arrivals {
			body = binary.LittleEndian.AppendUint64(body, uint64(at))
		}
	case PathReset:
		l.served, l.first, l.last = 0, 0, 0
		l.own = result.NewHist()
		l.arrivals = l.arrivals[:0]
	}
	out = fmt.Appendf(out, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n", kind, len(body))
	switch {
	case r&closing != 0:
		out = append(out, "Connection: close\r\n"...)
	case r&keeping != 0:
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	out = append(out, "\r\n"...)
	if r&noBody == 0 {
		out = append(out, body...)
	}
	return out
}

func (l *loop) stats() Stats {
	s := Stats{Served: l.served, OwnNS: int64(l.own.Quantile(0.5)), Open: l.open}
	if l.served > 0 {
		s.FirstNS, s.LastNS = int64(clock.Kernel(l.first)), int64(clock.Kernel(l.last))
	}
	return s
}
