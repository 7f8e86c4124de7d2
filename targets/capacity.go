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
	wait, n := o.backendWait()
	if workers, _ := s.room(o); workers > 0 && (n == 0 || workers < n) {
		n = workers
	}
	if n > 0 && n < clients {
		return time.Duration(float64(wait) * float64(clients) / float64(n))
	}
	return wait
}
