package targets

import "time"

// OnceEach is the time in which a target of the style can serve each of
// clients once: one backend wait, or as many as it takes where workers,
// connections or a limit allow only some at a time.
//
// Clients of a closed load that begin over that time keep a pool's waits
// spread evenly. Were they to begin faster, all workers would be taken in the
// first moments and, as every wait takes the same time, would come free in the
// same moments for ever after.
func (s Style) OnceEach(o Options, clients int) time.Duration {
	o = o.withDefaults()
	wait, conns := o.backendWait()
	place := wait
	if s.held != nil {
		place += s.held(o)
	}
	// over is the time that n places take for all clients, each for that long.
	over := func(each time.Duration, n int) time.Duration {
		if n > 0 && n < clients {
			return time.Duration(float64(each) * float64(clients) / float64(n))
		}
		return each
	}
	workers, _ := s.room(o)
	return max(over(place, workers), over(wait, conns))
}
