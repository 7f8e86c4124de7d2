package theory

import "fmt"

// Engset is the share of rejected requests of n clients at c workers without a
// queue, where a client that was served or rejected thinks before it sends
// again, and ratio is the mean service time over the mean time of thinking. It
// is exact, whatever the laws of both times, as long as one of them has a
// density: where both are constant, clients march in step. n is from 1 and c from
// 0. The share is that which clients see, of requests, not of time.
//
// Source: the recursion for Engset's call congestion, as in Iversen, Teletraffic
// Engineering Handbook (ITU-D SG 2/16, 2001), chapter on limited sources.
func Engset(n, c int, ratio float64) (float64, error) {
	if err := firstOf(badClients(n), bad(c >= 0 && c <= MaxWorkers, "workers", c, fmt.Sprintf("from 0 to %d", MaxWorkers)),
		bad(ratio >= 0 && ratio <= MaxLoad, "ratio", ratio, fmt.Sprintf("from 0 to %g", float64(MaxLoad)))); err != nil {
		return 0, err
	}
	e := 1.0
	for k := 1; k <= c && e > 0; k++ {
		// A client that sends sees n-1 others.
		e *= float64(max(n-k, 0)) * ratio
		e /= float64(k) + e
	}
	return e, nil
}

func badClients(n int) error {
	return bad(n >= 1 && n <= MaxPlaces, "clients", n, fmt.Sprintf("from 1 to %d", MaxPlaces))
}
