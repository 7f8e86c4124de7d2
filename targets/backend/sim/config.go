package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
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
	MaxLatency = time.Hour
	MaxCV      = 100
	MaxConns   = 1_000_000
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

	// Conns is the number of connections, each of which serves one call at a
	// time, first come first served; 0 means one for every call.
	Conns int

	// Stall is when the backend answers nothing: an answer due in a stall
	// comes at its end, and the connection is held until then.
	Stall Stalls

	// Seed picks the sequence of service times.
	Seed uint64
}

func (c Config) withDefaults() Config {
	if c.Latency == 0 {
		c.Latency = DefaultLatency
	}
	if c.Dist == "" {
		c.Dist = DefaultDist
	}
	if c.CV == 0 && c.Dist == Lognormal {
		c.CV = DefaultCV
	}
	return c
}

// Validate checks every field. The error begins with the field's name in lower
// case, as in "latency=-1s: …".
func (c Config) Validate() error {
	d := c.withDefaults()
	switch {
	case d.Latency < 0 || d.Latency > MaxLatency:
		return fmt.Errorf("latency=%v: must be above 0 and at most %v", d.Latency, MaxLatency)
	case !slices.Contains(Dists, d.Dist):
		return fmt.Errorf("dist=%s: must be one of %s", d.Dist, distNames())
	case d.Dist != Lognormal && d.CV != 0:
		return fmt.Errorf("cv=%v: only dist %s has one to choose, not %s", d.CV, Lognormal, d.Dist)
	case math.IsNaN(d.CV) || d.CV < 0 || d.CV > MaxCV:
		return fmt.Errorf("cv=%v: must be above 0 and at most %v", d.CV, MaxCV)
	case d.Conns < 0 || d.Conns > MaxConns:
		return fmt.Errorf("conns=%d: must be from 0 (unlimited) to %d", d.Conns, MaxConns)
	}
	if err := d.Stall.Validate(); err != nil {
		return fmt.Errorf("stall=%v: %w", d.Stall, err)
	}
	return nil
}

func distNames() string {
	names := make([]string, len(Dists))
	for i, d := range Dists {
		names[i] = string(d)
	}
	return strings.Join(names, ", ")
}
