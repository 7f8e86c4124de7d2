package conformance

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
)

// Play is the trace that an ideal server would leave of the spec: every law, and
// nothing of a machine. The same seed gives the same trace.
func (s Spec) Play(length time.Duration, seed uint64) (*trace.Trace, error) {
	queue, err := theory.NewReplay(s.Workers, s.Queue)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(seed, 0x636865636b))
	t := &trace.Trace{Header: trace.Header{Style: "ideal", Workers: s.Workers, Queue: s.Queue, ClockResolution: 1}}
	free := make([]time.Duration, s.Workers) // when each worker is
	service := s.ServiceLaw.Sampler(r)
	next, replied := s.source(r)
	last := time.Duration(-1)
	for {
		at := max(next(), last+1)
		if at >= length {
			return t, nil
		}
		last = at
		f, err := queue.Next(at, max(1, time.Duration(service()*float64(s.ServiceTime))))
		if err != nil {
			return nil, err
		}
		rec, reply := trace.Record{At: at, Accepted: f.Accepted}, at
		if f.Accepted {
			worker := slices.Index(free, slices.Min(free))
			free[worker] = f.Departure
			rec.Started, rec.Done, rec.Worker = f.Start, f.Departure, int32(worker)
			reply = f.Departure
		}
		t.Records = append(t.Records, rec)
		replied(reply)
	}
}

// source has when the next request is sent, and takes when the reply to it comes.
func (s Spec) source(r *rand.Rand) (next func() time.Duration, replied func(time.Duration)) {
	var at time.Duration
	n := 0
	switch s.model() {
	case load.Poisson:
		next = func() time.Duration { at += time.Duration(r.ExpFloat64() / s.Load.Rate * 1e9); return at }
	case load.Constant:
		next = func() time.Duration { n++; return time.Duration(float64(n) / s.Load.Rate * 1e9) }
	case load.Burst:
		every := s.Load.BurstInterval
		next = func() time.Duration { n++; return time.Duration((n-1)/s.Load.Burst)*every + every/2 }
	default:
		client, sends := 0, make([]time.Duration, s.Load.Clients)
		for i := range sends {
			sends[i] = time.Duration(r.Float64() * float64(s.ServiceTime+s.Load.ThinkTime))
		}
		return func() time.Duration { client = slices.Index(sends, slices.Min(sends)); return sends[client] },
			func(reply time.Duration) { sends[client] = reply + s.Load.ThinkTime }
	}
	return next, func(time.Duration) {}
}
