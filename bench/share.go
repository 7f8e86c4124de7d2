package bench

import (
	"fmt"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

// Share is the part of a plan's load that one of several generators drives. Arrival
// number k belongs to the generator whose Part is k modulo Of, and so does client number
// k of a closed load or a burst: the planned instants of all parts together are those of
// one generator that drives all of it. The zero Share is all of the load.
type Share struct {
	Part int // from 0, below Of
	Of   int // generators; 0 is 1
}

func (s Share) of() int { return max(1, s.Of) }

// Number is the number among all of the share's own number, both from 0.
func (s Share) Number(own uint64) uint64 { return own*uint64(s.of()) + uint64(s.Part) }

// Out is how many of n are the share's. The shares of all parts add up to n.
func (s Share) Out(n int) int { return (n + s.of() - 1 - s.Part) / s.of() }

// validate checks the share of a plan, which has its defaults.
func (s Share) validate(p Plan) error {
	return field.In("Share", field.First(
		field.Check(s.Of >= 0, "Of", s.Of, "0 or more generators"),
		field.Check(s.Part >= 0 && s.Part < s.of(), "Part", s.Part, fmt.Sprintf("0 to %d", s.of()-1)),
		// Each part has a client or a connection to begin with.
		field.Check(p.Load.Model().Open() || s.of() <= p.allClients(), "Of", s.Of, fmt.Sprintf("at most %d, as the load is %s", p.allClients(), p.Load)),
		field.Check(!p.Load.Model().Open() || s.of() <= p.MaxConnections, "Of", s.Of, fmt.Sprintf("at most MaxConnections, %d", p.MaxConnections)),
	))
}

// allClients is how many clients there are from the beginning, those of other shares
// included.
func (p Plan) allClients() int {
	switch p.Load.Model() {
	case load.Closed:
		return max(1, p.Load.Clients)
	case load.Burst:
		return p.Load.Burst
	}
	return 0
}

// Clients is how many clients there are from the beginning: those of closed loads and
// of bursts, of the plan's share. In other loads connections are made as they are needed.
func (p Plan) Clients() int { return p.Share.Out(p.allClients()) }

// Turn is how far a client's next number lies from its last one: in closed loads and in
// bursts each client has one arrival per turn.
func (p Plan) Turn() uint64 { return uint64(p.allClients()) }

// Numbers returns a function that yields the numbers of the arrivals of Schedule, in the
// same order.
func (p Plan) Numbers() func() uint64 {
	var own, turns uint64
	clients := uint64(p.Clients())
	return func() uint64 {
		n := turns*p.Turn() + p.Share.Number(own)
		if own++; own == clients && clients > 0 {
			own, turns = 0, turns+1
		}
		return n
	}
}
