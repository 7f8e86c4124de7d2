package theory

import (
	"fmt"
	"math/rand/v2"
)

// simulateBurst is a wave with services of any law, again and again: each run is
// as many waves as make up the requests. What has waited for longest is given up,
// unless that is 0. Throughput is of no meaning.
func simulateBurst(n, c, k int, law Law, longest float64, seed uint64, runs, requests int) (*Simulated, error) {
	s := Simulation{Workers: c, Places: k, Load: 0.5, Service: law, Seed: seed, Runs: runs, Requests: requests}.normal()
	waves := (s.Requests + n - 1) / n
	if need := float64(s.Runs) * float64(waves) * float64(n); need > maxSimulated {
		return nil, bad(false, "clients", n, fmt.Sprintf("fewer, for %.2g requests would have to be simulated, of at most %.2g", need, float64(maxSimulated)))
	}
	return summary(s, percentiles, func(r *rand.Rand) simulatedRun {
		var out simulatedRun
		service := law.sampler(r)
		for range waves {
			l := newLine[float64](c, k, false)
			for range n {
				took := service()
				f, wait := l.submit(0, took, longest)
				out.add(0, 0, f, wait, took)
			}
		}
		return out
	}), nil
}
