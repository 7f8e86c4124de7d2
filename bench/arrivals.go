package bench

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Arrivals is a pattern of planned instants. It knows no clock: it only says
// at which offsets from its start requests are to be sent, so a schedule can
// be computed, compared and tested without waiting for it.
type Arrivals interface {
	// Name is the pattern in the form that ParseArrivals reads.
	Name() string
	// Schedule returns a function that yields the offset of arrival number 0,
	// 1, 2 and so on, never decreasing and without end. Each schedule starts
	// anew, and two schedules of the same pattern and seed are the same.
	Schedule(seed uint64) func() time.Duration
}

// Constant is a steady rate: arrival number i comes at i/Rate.
type Constant struct {
	Rate float64 // arrivals per second, above 0
}

// Poisson is a Poisson process: independent exponential gaps, as callers make
// who do not know of each other.
type Poisson struct {
	Rate float64 // arrivals per second on average, above 0
}

// Burst is Clients arrivals at the same instant, wave after wave.
type Burst struct {
	Clients int           // arrivals a wave, above 0
	Every   time.Duration // from one wave to the next, above 0
}

// Ramp is a rate that rises (or falls) evenly from From to To during Over and
// then stays.
type Ramp struct {
	From, To float64       // arrivals per second, not negative, To above 0
	Over     time.Duration // above 0
}

var (
	_ Arrivals = Constant{}
	_ Arrivals = Poisson{}
	_ Arrivals = Burst{}
	_ Arrivals = Ramp{}
)

func (c Constant) Name() string { return "constant:" + number(c.Rate) }
func (p Poisson) Name() string  { return "poisson:" + number(p.Rate) }
func (b Burst) Name() string    { return fmt.Sprintf("burst:%d/%v", b.Clients, b.Every) }
func (r Ramp) Name() string {
	return fmt.Sprintf("ramp:%s-%s/%v", number(r.From), number(r.To), r.Over)
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// Validate says what is wrong with the pattern.
func (c Constant) Validate() error { return checkRate(c.Rate, false) }

// Validate says what is wrong with the pattern.
func (p Poisson) Validate() error { return checkRate(p.Rate, false) }

// Validate says what is wrong with the pattern.
func (b Burst) Validate() error {
	if b.Clients < 1 {
		return fmt.Errorf("%d is not a number of clients of at least 1", b.Clients)
	}
	return checkPositive(b.Every)
}

// Validate says what is wrong with the pattern.
func (r Ramp) Validate() error {
	return errors.Join(checkRate(r.From, true), checkRate(r.To, false), checkPositive(r.Over))
}

func checkRate(rate float64, zero bool) error {
	if !(rate >= 0 && rate <= maxRate) || rate == 0 && !zero {
		return fmt.Errorf("%v is not a rate in arrivals per second above 0 and up to %g", rate, maxRate)
	}
	return nil
}

func checkPositive(d time.Duration) error {
	if d <= 0 || d > MaxTime {
		return fmt.Errorf("%v is not a duration above 0 and up to %v", d, MaxTime)
	}
	return nil
}

// Schedule of a constant rate computes each offset from its number, so that
// no rounding adds up. The seed is not used.
func (c Constant) Schedule(uint64) func() time.Duration {
	i := 0.0
	return func() time.Duration {
		at := seconds(i / c.Rate)
		i++
		return at
	}
}

// Schedule of a Poisson process draws its gaps from the seed.
func (p Poisson) Schedule(seed uint64) func() time.Duration {
	gaps := rand.New(rand.NewPCG(seed, 0x61727269_76616c73))
	at := 0.0
	return func() time.Duration {
		at += gaps.ExpFloat64() / p.Rate
		return seconds(at)
	}
}

// Schedule of a burst repeats each wave's instant once a client. The seed is
// not used.
func (b Burst) Schedule(uint64) func() time.Duration {
	i := 0
	return func() time.Duration {
		at := time.Duration(i/b.Clients) * b.Every
		i++
		return at
	}
}

// Schedule of a ramp inverts the number of arrivals expected by t,
// From·t + (To−From)·t²/(2·Over) up to Over and a straight line from there.
// The seed is not used.
func (r Ramp) Schedule(uint64) func() time.Duration {
	i := 0.0
	over := r.Over.Seconds()
	slope := (r.To - r.From) / over
	byThen := (r.From + r.To) / 2 * over // arrivals during the ramp
	return func() time.Duration {
		n := i
		i++
		if n > byThen {
			return seconds(over + (n-byThen)/r.To)
		}
		// The root of slope/2·t² + From·t = n, in the form that does not cancel
		// where the slope is small or zero.
		root := math.Sqrt(max(0, r.From*r.From+2*slope*n))
		if n == 0 {
			return 0
		}
		return seconds(2 * n / (r.From + root))
	}
}

// seconds turns an offset into a Duration, held at the largest one: a rate so
// low that its next arrival lies centuries ahead is legal.
func seconds(s float64) time.Duration {
	ns := math.Round(s * 1e9)
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}

// ParseArrivals reads a pattern: constant:RATE, poisson:RATE,
// burst:CLIENTS/EVERY or ramp:FROM-TO/OVER, rates in arrivals per second.
func ParseArrivals(text string) (Arrivals, error) {
	kind, rest, _ := strings.Cut(text, ":")
	a, err := parseArrivals(kind, rest)
	if err != nil {
		return nil, fmt.Errorf("arrivals %q: %w", text, err)
	}
	return a, nil
}

func parseArrivals(kind, rest string) (Arrivals, error) {
	switch kind {
	case "constant", "poisson":
		rate, err := parseRate(rest, false)
		if err != nil {
			return nil, err
		}
		if kind == "constant" {
			return Constant{rate}, nil
		}
		return Poisson{rate}, nil
	case "burst":
		clients, every, ok := strings.Cut(rest, "/")
		if !ok {
			return nil, fmt.Errorf("want burst:CLIENTS/EVERY, like burst:1000/1s")
		}
		n, err := strconv.Atoi(clients)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number of clients of at least 1", clients)
		}
		d, err := parsePositive(every)
		if err != nil {
			return nil, err
		}
		return Burst{n, d}, nil
	case "ramp":
		rates, over, ok := strings.Cut(rest, "/")
		from, to, ok2 := strings.Cut(rates, "-")
		if !ok || !ok2 {
			return nil, fmt.Errorf("want ramp:FROM-TO/OVER, like ramp:100-1000/30s")
		}
		var r Ramp
		var err error
		if r.From, err = parseRate(from, true); err != nil {
			return nil, err
		}
		if r.To, err = parseRate(to, false); err != nil {
			return nil, err
		}
		if r.Over, err = parsePositive(over); err != nil {
			return nil, err
		}
		return r, nil
	}
	return nil, fmt.Errorf("unknown pattern %q, want constant, poisson, burst or ramp", kind)
}

// maxRate is far above what one machine can send, and low enough that offsets
// in nanoseconds still differ.
const maxRate = 1e8

func parseRate(text string, zero bool) (float64, error) {
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a rate in arrivals per second above 0 and up to %g", text, maxRate)
	}
	return rate, checkRate(rate, zero)
}

func parsePositive(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration, like 500ms or 30s", text)
	}
	return d, checkPositive(d)
}
