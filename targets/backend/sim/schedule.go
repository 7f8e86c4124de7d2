package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
)

// maxService bounds one service time: a distribution with a long tail must not
// overflow an instant.
const maxService = 24 * time.Hour

// schedule decides, at the instant of a call, when its answer is due: the backend
// is a reservation in virtual time. No connection is held while a target waits, so
// that how it waits cannot change what it waits for.
type schedule struct {
	Config
	rng *rand.Rand

	began bool
	first time.Duration         // the first call
	free  clock.Queue[struct{}] // when each connection used so far is free again
}

func newSchedule(c Config) *schedule {
	const stream = 0x6f6e686f6c64 // any fixed number: sequences differ in the seed alone
	return &schedule{Config: c.withDefaults(), rng: rand.New(rand.NewPCG(c.Seed, stream))}
}

// reserve returns when the answer to a call at now is due. Calls come in order
// of now.
func (s *schedule) reserve(now time.Duration) (due time.Duration) {
	if !s.began {
		s.began, s.first = true, now
	}
	start := now
	if s.Connections > 0 && s.free.Len() == s.Connections {
		earliest, _ := s.free.Next()
		s.free.PopDue(earliest)
		start = max(now, earliest)
	}
	due = start + s.service()
	due = s.first + s.Stall.hold(due-s.first)
	if s.Connections > 0 {
		s.free.Push(due, struct{}{})
	}
	return due
}

// service draws one service time.
func (s *schedule) service() time.Duration {
	switch s.Dist {
	case Exponential:
		return scale(s.Latency, s.rng.ExpFloat64())
	case Lognormal:
		// exp(σZ − σ²/2) has the mean 1, and the coefficient of variation CV
		// where σ² = ln(1 + CV²).
		variance := math.Log1p(s.CV * s.CV)
		return scale(s.Latency, math.Exp(math.Sqrt(variance)*s.rng.NormFloat64()-variance/2))
	default:
		return s.Latency
	}
}

func scale(mean time.Duration, by float64) time.Duration {
	return time.Duration(min(float64(mean)*by, float64(maxService)))
}
