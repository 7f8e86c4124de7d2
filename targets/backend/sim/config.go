package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// Dist is how service times are distributed around their mean.
type Dist string

// The distributions.
const (
	Constant    Dist = "constant"
	Exponential Dist = "exponential"
	Lognormal   Dist = "lognormal"
)

// Dists lists the distributions.
var Dists = []Dist{Constant, Exponential, Lognormal}

// What the zero values of a Config mean.
const (
	DefaultLatency = 200 * time.Millisecond
	DefaultDist    = Constant
	DefaultCV      = 1.0
)

// The largest values of a Config.
const (
	MaxLatency     = time.Hour
	MaxCV          = 100
	MaxConnections = 1_000_000
)

// Config is what a simulated backend is like. Its zero value answers every
// call after DefaultLatency.
type Config struct {
	// Latency is the mean service time, up to MaxLatency; 0 means
	// DefaultLatency.
	Latency time.Duration

	// Dist is the distribution of service times; empty means DefaultDist.
	Dist Dist

	// CV is the coefficient of variation (standard deviation over mean) of a
	// lognormal distribution, up to MaxCV; 0 means DefaultCV. The mean stays
	// Latency whatever it is. The other distributions have none to choose: it
	// must be 0 there.
	CV float64

	// Connections is the number of connections, each of which serves one call at a
	// time, first come first served; 0 means one for every call.
	Connections int

	// Stall is when the backend answers nothing: an answer due in a stall
	// comes at its end, and the connection is held until then.
	Stall Stall

	// Seed picks the sequence of service times.
	Seed uint64
}

func (c Config) withDefaults() Config {
	c.Latency = cmp.Or(c.Latency, DefaultLatency)
	c.Dist = cmp.Or(c.Dist, DefaultDist)
	if c.Dist == Lognormal {
		c.CV = cmp.Or(c.CV, DefaultCV)
	}
	return c
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	d := c.withDefaults()
	return field.First(
		field.Check(d.Latency > 0 && d.Latency <= MaxLatency, "Latency", d.Latency, fmt.Sprintf("above 0s, at most %v", MaxLatency)),
		field.Check(slices.Contains(Dists, d.Dist), "Dist", d.Dist, fmt.Sprintf("one of %s, %s and %s", Constant, Exponential, Lognormal)),
		field.Check(d.Dist == Lognormal || d.CV == 0, "CV", d.CV, "0, as the distribution is "+string(d.Dist)+": only a lognormal one has a choice"),
		field.Check(d.CV >= 0 && d.CV <= MaxCV, "CV", d.CV, fmt.Sprintf("above 0, at most %d", MaxCV)), // NaN is neither
		field.Check(d.Connections >= 0 && d.Connections <= MaxConnections, "Connections", d.Connections, fmt.Sprintf("0 (unlimited) to %d", MaxConnections)),
		d.Stall.validate(),
	)
}
