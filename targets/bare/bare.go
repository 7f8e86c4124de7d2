// Package bare is the reference for load generators: it does the least that a server
// can do for an HTTP/1.1 request, so that a measurement shows the generator. One
// locked thread runs one epoll loop; a request costs one read, one write and no
// allocation; every request gets the same small reply, at once or after a constant
// wait.
//
// It is not a style of the order service. It counts replies, records when the first
// and the last were written and how long its own part took, and records the instants
// at which requests arrived, which shows how precise a generator's schedule is.
package bare

import (
	"fmt"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// Name under which the command serves it.
const Name = "bare"

// About is what it is, in one line.
const About = "one epoll loop and a fixed reply: the reference server of peers and doctor (Linux)"

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
	return field.First(
		field.Address("Addr", c.Addr),
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
