package theory

import "math"

// Burst is a wave of n requests that arrive at the same instant at an idle server
// with c workers and k places, where each service takes the same, 1. It is exact.
type Burst struct {
	Clients, Workers, Places int
}

// NewBurst is a wave; k may be [Unbounded].
func NewBurst(n, c, k int) (Burst, error) {
	return Burst{n, c, k}, firstOf(badClients(n), badWorkers(c), badPlaces(k))
}

// Accepted is how many are: as many as fit in.
func (b Burst) Accepted() int {
	if b.Places == Unbounded {
		return b.Clients
	}
	return min(b.Clients, b.Workers+b.Places)
}

// Rejected is the share that is not accepted.
func (b Burst) Rejected() float64 { return float64(b.Clients-b.Accepted()) / float64(b.Clients) }

// Latency is that of the i-th accepted, from 1, in service times: they go in
// ranks of c.
func (b Burst) Latency(i int) float64 { return math.Ceil(float64(i) / float64(b.Workers)) }

// LatencyMean is the mean latency of the accepted.
func (b Burst) LatencyMean() float64 {
	// Of whole ranks and the rest.
	n, c := float64(b.Accepted()), float64(b.Workers)
	ranks := math.Floor(n / c)
	return (c*ranks*(ranks+1)/2 + (n-c*ranks)*(ranks+1)) / n
}

// LatencyQuantile is the latency that a share p of the accepted does not exceed,
// for p from 0 to 1.
func (b Burst) LatencyQuantile(p float64) float64 {
	n := b.Accepted()
	return b.Latency(min(max(int(math.Ceil(p*float64(n))), 1), n))
}
