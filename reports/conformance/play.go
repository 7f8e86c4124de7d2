package conformance

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
)

// Play is the trace that an ideal server would leave of the spec, in a time of
// length: every law, and nothing of a machine. The same seed gives the same.
func (s Spec) Play(length time.Duration, seed uint64) (*trace.Trace, error) {
	queue, err := theory.NewReplay(s.Workers, s.Places)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(seed, 0x636865636b))
	t := &trace.Trace{Header: trace.Header{Style: "ideal", Workers: s.Workers, Queue: s.Places, ClockResolution: 1}}
	free := make([]time.Duration, s.Workers)
	source := s.source(r)
	last := time.Duration(-1)
	for {
		at, client := source.next()
		at = max(at, last+1)
		if at >= length {
			return t, nil
		}
		last = at
		took := s.draw(r)
		f, err := queue.Next(at, took)
		if err != nil {
			return nil, err
		}
		rec := trace.Record{At: at, Accepted: f.Accepted}
		back := at
		if f.Accepted {
			worker := 0
			for w := range free {
				if free[w] < free[worker] {
					worker = w
				}
			}
			free[worker] = f.Departure
			rec.Started, rec.Done, rec.Worker = f.Start, f.Departure, int32(worker)
			back = f.Departure
		}
		t.Records = append(t.Records, rec)
		source.answered(client, back+s.Think)
	}
}

// draw is a service time.
func (s Spec) draw(r *rand.Rand) time.Duration {
	x := 1.0
	switch s.Law {
	case theory.Exponential:
		x = r.ExpFloat64()
	case theory.Lognormal:
		s2 := math.Log1p(s.CV * s.CV)
		x = math.Exp(-s2/2 + math.Sqrt(s2)*r.NormFloat64())
	}
	return max(1, time.Duration(x*float64(s.Service)))
}

// source is where requests come from.
type source struct {
	open  func() time.Duration
	again []time.Duration // when each client sends next; nil of an open load
}

func (s Spec) source(r *rand.Rand) *source {
	var at time.Duration
	n := 0
	switch s.Load {
	case theory.LoadPoisson:
		return &source{open: func() time.Duration {
			at += time.Duration(r.ExpFloat64() / float64(s.Rate) * 1e9)
			return at
		}}
	case theory.LoadConstant:
		return &source{open: func() time.Duration { n++; return time.Duration(float64(n) / float64(s.Rate) * 1e9) }}
	case theory.LoadBurst:
		return &source{open: func() time.Duration { n++; return time.Duration((n-1)/s.Clients)*s.Every + s.Every/2 }}
	}
	begin := make([]time.Duration, s.Clients)
	for i := range begin {
		begin[i] = time.Duration(r.Float64() * float64(s.Service+s.Think))
	}
	return &source{again: begin}
}

func (s *source) next() (time.Duration, int) {
	if s.open != nil {
		return s.open(), 0
	}
	soonest := slices.Index(s.again, slices.Min(s.again))
	return s.again[soonest], soonest
}

func (s *source) answered(client int, next time.Duration) {
	if s.again != nil {
		s.again[client] = next
	}
}
