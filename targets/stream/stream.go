// Package stream sends the states of an order as server-sent events, over as long a time
// as the order takes. A stream holds what a request holds in the style that serves it,
// from its first byte to its last: a thread, a goroutine or an entry in a list.
package stream

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/targets/orders"
)

// Name of the style.
const Name = "stream"

// Servers are the values of Config.Server, the default first.
var Servers = []string{EventLoop, Goroutine, Blocking}

// The styles that can hold streams open.
const (
	EventLoop = "eventloop"
	Goroutine = "goroutine"
	Blocking  = "blocking"
)

// What the zero values of Config mean.
const (
	DefaultEvents   = 5
	DefaultInterval = 200 * time.Millisecond
	DefaultPatience = 5 * time.Second
)

// Bounds of a Config.
const (
	MaxEvents   = 1_000_000
	MaxInterval = time.Minute
	MaxPatience = time.Minute
)

// Config is what a stream is.
type Config struct {
	// Server is the style that serves, one of Servers; empty means the first.
	Server string

	// Events is the number of events of each stream, beside its end mark, up to
	// MaxEvents; 0 means DefaultEvents.
	Events int

	// Interval is the time between two events, up to MaxInterval; 0 means
	// DefaultInterval.
	Interval time.Duration

	// Patience is how long a client may take nothing before its stream is closed, up to
	// MaxPatience; 0 means DefaultPatience. Server eventloop does not wait: it closes a
	// stream with more than 16 KiB that were not taken.
	Patience time.Duration
}

// WithDefaults is the config with the defaults filled in.
func (c Config) WithDefaults() Config {
	return Config{
		Server: cmp.Or(c.Server, Servers[0]), Events: cmp.Or(c.Events, DefaultEvents),
		Interval: cmp.Or(c.Interval, DefaultInterval), Patience: cmp.Or(c.Patience, DefaultPatience),
	}
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	d := c.WithDefaults()
	return field.First(
		field.Check(slices.Contains(Servers, d.Server), "Server", c.Server, "one of "+strings.Join(Servers, ", ")),
		field.Check(d.Events >= 1 && d.Events <= MaxEvents, "Events", c.Events, fmt.Sprintf("1 to %d", MaxEvents)),
		field.Check(d.Interval > 0 && d.Interval <= MaxInterval, "Interval", c.Interval, fmt.Sprintf("above 0s, up to %v", MaxInterval)),
		field.Check(d.Patience > 0 && d.Patience <= MaxPatience, "Patience", c.Patience, fmt.Sprintf("above 0s, up to %v", MaxPatience)),
	)
}

// Length is the time from the first event of a stream to its last.
func (c Config) Length() time.Duration {
	d := c.WithDefaults()
	return time.Duration(d.Events-1) * d.Interval
}

// Sent is how a server sends the events.
func (c Config) Sent() orders.Events {
	d := c.WithDefaults()
	return orders.Events{N: d.Events, Interval: d.Interval, Patience: d.Patience}
}
