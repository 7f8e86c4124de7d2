// Package bare is the yardstick: the least that a server can do for an
// HTTP/1.1 request, so that what is measured against it is the measuring
// program. One locked thread runs one epoll loop; a request costs one read, one
// write and no allocation; every request gets the same small reply.
//
// It is no style of the order service: it knows no orders, and it cannot be
// told to be slow in any way but by a constant wait. What it does beyond
// serving is to count: how many replies, when the first and the last, how long
// its own part took, and the instants at which requests arrived, which is what
// shows how well a generator keeps to its clock.
package bare

import (
	"fmt"
	"net"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// Name under which the command serves it.
const Name = "bare"

// About is what it is, in one line.
const About = "one epoll loop and a fixed reply: the yardstick of peers and doctor (Linux)"

// Body is the body of every reply to a request that is counted.
const Body = `{"status":"ok"}`

// The control paths. They are answered at once by the same loop, and neither
// counted nor logged.
const (
	PathStats    = "/bare/stats"    // a Stats in JSON
	PathArrivals = "/bare/arrivals" // the log: 8 bytes each, little-endian nanoseconds
	PathReset    = "/bare/reset"    // clears counts and log
)

// Bounds of a Config.
const (
	MaxLatency  = time.Minute
	MaxArrivals = 100_000_000 // 800 MB
)

// Config is how to start a server.
type Config struct {
	Addr     string        // TCP address, port 0 for any
	Latency  time.Duration // from a request to its reply, up to MaxLatency; 0: at once
	Arrivals int           // how many arrivals are logged before the log is full, up to MaxArrivals
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	_, port, err := net.SplitHostPort(c.Addr)
	return field.First(
		field.Check(err == nil && port != "", "Addr", c.Addr, "HOST:PORT, with port 0 for any free one"),
		field.Check(c.Latency >= 0 && c.Latency <= MaxLatency, "Latency", c.Latency, fmt.Sprintf("0s to %v", MaxLatency)),
		field.Check(c.Arrivals >= 0 && c.Arrivals <= MaxArrivals, "Arrivals", c.Arrivals, fmt.Sprintf("0 to %d", MaxArrivals)),
	)
}

// Stats is what the server did since its start or the last reset.
type Stats struct {
	Served  int64 `json:"served"`     // replies written
	FirstNS int64 `json:"first_ns"`   // CLOCK_MONOTONIC when the first was written
	LastNS  int64 `json:"last_ns"`    // and the last
	OwnNS   int64 `json:"own_p50_ns"` // median from a request read to its reply written
	Open    int   `json:"open"`       // connections now, that of the asker included
}

// Rate is the number of replies per second between the first and the last, 0
// where there are fewer than two.
func (s Stats) Rate() float64 {
	if s.Served < 2 || s.LastNS <= s.FirstNS {
		return 0
	}
	return float64(s.Served-1) / (float64(s.LastNS-s.FirstNS) / 1e9)
}
