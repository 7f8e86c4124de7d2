package theory

import "math"

// md1K is the server with one worker and a queue of k, Poisson arrivals of load a,
// and constant service: M/D/1/K. It is exact, to eight digits for a queue of
// millions. It takes a time of k.
//
// The number left behind at departures is a Markov chain that goes down by one at
// most, so the flows up and down across a level are equal. In that form all terms
// are positive. The usual recursion and the closed form of Brun and Garcia,
// Analytical Solution of Finite Capacity M/D/1 Queues, Journal of Applied
// Probability 37, 2000, lose all digits at high loads.
func md1K(k int, a float64) *queue {
	q := &queue{workers: 1, load: a, longest: float64(k)}
	if k == 0 || a == 0 {
		q.rejected = a / (1 + a) * boolTo(k == 0)
		q.tail = never
		return q
	}
	if a > 300 {
		// A service without an arrival has a probability of 1e-130. So each begins with
		// one place free, which the first arrival takes.
		n := float64(k)
		q.rejected, q.waitProbability, q.waitMean = 1-1/a, 1, n-1/a
		q.tail = func(t float64) float64 { return -math.Expm1(-a * (n - t)) }
		return q
	}
	left, ratio, from := leftBehind(k, a)
	none := left[0]
	_, above := poissonLaw(a)
	// more[m] is the mean number of events above m, and late[m] the sum of more[1] to
	// more[m].
	more, late := fromEnd(above), make([]float64, len(above)+1)
	for m := 1; m < len(late); m++ {
		late[m] = late[m-1] + more[m]
	}
	// A service begins with one in the system where nobody was left behind. Arrivals
	// beyond the free places are rejected; one request departs per service.
	begin := left[1:] // begin[i] with i+1 in the system
	begin[0] += none
	var rejected float64
	for i := max(0, k-len(more)+1); i < k; i++ {
		rejected += begin[i] * more[k-i]
	}
	q.rejected = share(rejected / (1 + rejected))
	q.waitProbability = share(1 - none)
	// An arrival that finds n in the system, with v of the service over, waits n-v.
	finds := make([]float64, k+1) // finds[n] is the share that finds n, at any v
	finds[0] = none
	low, high := 0, k // all others are 0 but for rounding
	for low < high && begin[low] == 0 {
		low++
	}
	for high > low && begin[high-1] == 0 {
		high--
	}
	for n := low + 1; n <= min(k, high+len(above)); n++ {
		if n > from+len(above)+2 && finds[n-1] > 1e-200 {
			finds[n] = finds[n-1] * ratio // as all that it is made of
			continue
		}
		for m := range min(len(above), n) {
			finds[n] += begin[n-1-m] * above[m]
		}
	}
	upTo := fromEnd(finds) // the share that finds n or more
	// Arrivals that find n wait more than n-1+y, with y below 1, if they come by
	// v = 1-y.
	q.tail = func(t float64) float64 {
		n := int(t) + 1
		v := float64(n) - t
		sum := upTo[min(n+1, k+1)]
		for i := max(0, n-len(above)); i < n && n <= k; i++ {
			if begin[i] > 0 {
				sum += begin[i] * poissonAbove(n-1-i, a*v)
			}
		}
		return sum
	}
	// By Little's law: one request is served per service, so the mean wait is the
	// integral of the number that waits over a service.
	for i, p := range begin {
		// The time for which more than m have come is more[m+1]/a.
		q.waitMean += p * (float64(i) + late[min(len(above), k-i)]/a)
	}
	return q
}

// leftBehind is the distribution of the number left behind at departures, 0 to k.
// After the number from each probability is ratio times the one before, to all
// digits; from is k+1 where that does not happen up to k.
func leftBehind(k int, a float64) (left []float64, ratio float64, from int) {
	from = k + 1
	left = make([]float64, k+1)
	steady := 0 // how many ratios in a row were the same
	_, above := poissonLaw(a)
	none := math.Exp(-a)
	left[0] = 1
	for j := range k {
		if from > k {
			var up float64
			if j < len(above) {
				up = left[0] * above[j]
			}
			for i := j; i >= max(1, j+2-len(above)) && left[i] > 0; i-- {
				up += left[i] * above[j-i+1]
			}
			left[j+1] = up / none
			last := ratio
			if ratio = left[j+1] / left[j]; math.Abs(ratio-last) > 1e-15*ratio {
				steady = 0
			} else if steady++; steady == 20 {
				from = j
			}
		} else {
			left[j+1] = left[j] * ratio
		}
		if left[j+1] < 1e-290 { // below a = 1 it only falls
			left[j+1] = 0
			break
		}
		if down := left[j+1]; down > 1e100 {
			for i := j + 1; i >= 0 && left[i] > 0; i-- {
				if left[i] /= down; left[i] < 1e-290 {
					left[i] = 0
				}
			}
		}
	}
	var sum float64
	for _, p := range left {
		sum += p
	}
	for i := range left {
		left[i] /= sum
	}
	return left, ratio, from
}
