// Package load describes the load on a server: what makes the next request come,
// and how much of it there is. Generators drive it, models predict it, records
// name it.
package load

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// Model is a load model.
type Model string

// The load models.
const (
	// Closed is N clients, each of which sends when its last reply is in and its
	// think time has passed.
	Closed Model = "closed"
	// Burst is N clients that send at the same instant, wave after wave.
	Burst Model = "burst"
	// Constant is arrivals at equal distances, whatever the server does.
	Constant Model = "constant"
	// Poisson is arrivals at random, independent of one another and of what the
	// server does.
	Poisson Model = "poisson"
	// Replay is arrivals at recorded instants. No theory knows it.
	Replay Model = "replay"
	// Ramp is arrivals at a rate that rises or falls steadily.
	Ramp Model = "ramp"
)

// Models lists the load models that have a rate or clients of their own.
var Models = []Model{Closed, Constant, Poisson, Burst, Ramp}

// Open reports whether requests come by the clock, not by the replies.
func (m Model) Open() bool { return m == Constant || m == Poisson || m == Ramp || m == Replay }

// Range is where a ramp begins and ends, in arrivals per second.
type Range struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// String is such as "100..2000".
func (r Range) String() string { return fmt.Sprintf("%g..%g", r.From, r.To) }

// Load is a load. At most one of Clients, Rate, Burst and Ramp is set, which
// makes it of that model; the zero Load is one client. Durations are 0 or more.
type Load struct {
	Clients int     `json:"clients,omitzero"`          // closed: how many clients
	Rate    float64 `json:"rate_per_s,omitzero"`       // arrivals per second
	Burst   int     `json:"burst,omitzero"`            // clients of each wave
	Ramp    Range   `json:"ramp_rates_per_s,omitzero"` // arrivals per second at the beginning and at the end

	Arrivals Model `json:"arrivals,omitzero"` // of Rate and Ramp: Poisson, which is the default, or Constant; of Rate, the mean, also Replay

	ThinkTime     time.Duration `json:"think_time_ns,omitzero"`     // closed: from a reply to the client's next request
	Backoff       time.Duration `json:"backoff_ns,omitzero"`        // closed: in place of ThinkTime after anything but ok, where longer
	RampUp        time.Duration `json:"ramp_up_ns,omitzero"`        // closed: the clients begin evenly over it
	BurstInterval time.Duration `json:"burst_interval_ns,omitzero"` // from one wave to the next; 0: the default of who drives it
}

// Of is the load of a model at a level, as a record names them; of a ramp, one
// that stays at that rate.
func Of(m Model, level float64) Load {
	switch m {
	case Burst:
		return Load{Burst: int(level)}
	case Ramp:
		return Load{Ramp: Range{level, level}}
	case Constant, Poisson, Replay:
		return Load{Rate: level, Arrivals: m}
	}
	return Load{Clients: int(level)}
}

// Bounds of a Load.
const (
	MaxClients  = 1_000_000           // also where they share connections
	MaxRate     = 10_000_000          // arrivals per second
	MaxDuration = 30 * 24 * time.Hour // of each duration, so that sums of them stay far below what a Duration holds
)

// Model is the model of the load.
func (l Load) Model() Model {
	switch {
	case l.Burst != 0:
		return Burst
	case l.Ramp != Range{}:
		return Ramp
	case l.Rate != 0 && (l.Arrivals == Constant || l.Arrivals == Replay):
		return l.Arrivals
	case l.Rate != 0:
		return Poisson
	}
	return Closed
}

// Level is what rises from stage to stage: clients, or arrivals per second, of a
// ramp those at its end.
func (l Load) Level() float64 {
	switch l.Model() {
	case Burst:
		return float64(l.Burst)
	case Ramp:
		return l.Ramp.To
	case Constant, Poisson, Replay:
		return l.Rate
	}
	return float64(max(1, l.Clients))
}

// At is the load at another level.
func (l Load) At(level float64) Load {
	switch l.Model() {
	case Burst:
		l.Burst = int(level)
	case Ramp:
		l.Ramp.To = level
	case Constant, Poisson, Replay:
		l.Rate = level
	default:
		l.Clients = int(level)
	}
	return l
}

// String is such as "100 clients" or "200 arrivals per second (poisson)".
func (l Load) String() string {
	switch m := l.Model(); m {
	case Burst:
		return fmt.Sprintf("bursts of %d", l.Burst)
	case Ramp:
		return fmt.Sprintf("%g to %g arrivals per second", l.Ramp.From, l.Ramp.To)
	case Constant, Poisson, Replay:
		return fmt.Sprintf("%g arrivals per second (%s)", l.Rate, m)
	}
	if n := max(1, l.Clients); n > 1 {
		return fmt.Sprintf("%d clients", n)
	}
	return "1 client"
}

// Validate is a [*field.Error] that names the first field that is out of range
// or of no meaning for the load's model.
func (l Load) Validate() error {
	const only = "left out, for the load is %s"
	m := l.Model()
	without := func(unset bool, name string, value any) error {
		return field.Check(unset, name, value, fmt.Sprintf(only, l))
	}
	rate := func(name string, r float64) error {
		return field.Check(r > 0 && r <= MaxRate && !math.IsNaN(r), name, r, fmt.Sprintf("above 0, up to %d", MaxRate))
	}
	clients := func(name string, n int) error {
		return field.Check(n >= 0 && n <= MaxClients, name, n, fmt.Sprintf("1 to %d", MaxClients))
	}
	duration := func(name string, d time.Duration) error {
		return field.Check(d >= 0 && d <= MaxDuration, name, d, fmt.Sprintf("0 to %v", MaxDuration))
	}
	err := field.First(
		clients("Clients", l.Clients), clients("Burst", l.Burst),
		duration("ThinkTime", l.ThinkTime), duration("Backoff", l.Backoff), duration("RampUp", l.RampUp), duration("BurstInterval", l.BurstInterval),
		without(m == Closed || l.Clients == 0, "Clients", l.Clients),
		without(m != Burst && m != Ramp || l.Rate == 0, "Rate", l.Rate),
		without(m != Burst || l.Ramp == Range{}, "Ramp", l.Ramp),
		without(m == Closed || l.ThinkTime == 0, "ThinkTime", l.ThinkTime),
		without(m == Closed || l.Backoff == 0, "Backoff", l.Backoff),
		without(m == Closed || l.RampUp == 0, "RampUp", l.RampUp),
		without(m == Burst || l.BurstInterval == 0, "BurstInterval", l.BurstInterval),
		without(m.Open() || l.Arrivals == "", "Arrivals", l.Arrivals),
		field.Check(l.Arrivals == "" || l.Arrivals == Poisson || l.Arrivals == Constant || l.Model() == Replay, "Arrivals", l.Arrivals, "poisson or constant"),
	)
	switch {
	case err != nil:
		return err
	case m == Ramp:
		return field.First(rate("Ramp.From", l.Ramp.From), rate("Ramp.To", l.Ramp.To))
	case m.Open():
		return rate("Rate", l.Rate)
	}
	return nil
}
