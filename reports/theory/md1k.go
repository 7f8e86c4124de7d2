package theory

import "math"

// MD1K is the server with one worker and k places, Poisson arrivals of load a,
// and constant service, first come first served: the model M/D/1/K. It is exact.
// It takes a time of k times some a+100.
//
// The number left behind at departures is a Markov chain. It goes down by one at
// most, so that what goes up across a level comes down: in that form all terms
// are positive, and nothing is lost at loads at which the usual recursion, as the
// closed form of Brun and Garcia, Analytical Solution of Finite Capacity M/D/1
// Queues, Journal of Applied Probability 37, 2000, loses all digits.
func MD1K(k int, a float64) (*Queue, error) {
	if err := firstOf(badBoundedPlaces(k), badLoad(a)); err != nil {
		return nil, err
	}
	q := &Queue{Workers: 1, Places: k, Load: a, longest: float64(k)}
	if k == 0 || a == 0 {
		q.Rejected = a / (1 + a) * boolTo(k == 0)
		q.tail = func(float64) float64 { return 0 }
		return q, nil
	}
	if a > 300 {
		// No service ends in which nobody came, but once in 1e130. So each begins with
		// one place free, which the first to come takes.
		n := float64(k)
		q.Rejected, q.WaitProbability, q.WaitMean = 1-1/a, 1, n-1/a
		q.tail = func(t float64) float64 { return -math.Expm1(-a * (n - t)) }
		return q, nil
	}
	left := leftBehind(k, a)
	_, above := poissonLaw(a)
	// more[m] is how many events there are above m, on average.
	more := make([]float64, len(above)+1)
	for m := len(above) - 1; m >= 0; m-- {
		more[m] = more[m+1] + above[m]
	}
	// A service begins with one in the system where nobody was left behind. What
	// comes beyond the places in it is rejected; one in each service departs.
	begin := append([]float64(nil), left[1:]...) // begin[i] with i+1 in the system
	begin[0] += left[0]
	var rejected float64
	for i, p := range begin {
		if m := k - i; m < len(more) {
			rejected += p * more[m]
		}
	}
	q.Rejected = share(rejected / (1 + rejected))
	q.WaitProbability = share(1 - left[0])
	// Who arrives with n in the system, and v of the service gone, waits n-v. Of
	// those of a service, as many come with n in the system after v as Poisson
	// events do by v and have n passed by then.
	found := make([]float64, k+2) // found[n] is the share that finds n, at any v
	found[0] = left[0]
	for i, p := range begin {
		for m := 0; p > 0 && m < min(len(above), k-i); m++ {
			found[i+1+m] += p * above[m]
		}
	}
	upTo := make([]float64, k+2) // upTo[n] is the share that finds n or more
	for n := k; n >= 0; n-- {
		upTo[n] = upTo[n+1] + found[n]
	}
	// Of those who find n the wait is above n-1+y, with y below 1, if they come by
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
	// By Little's law: one is served in a service, so the mean wait is the number
	// that waits, summed over the time of a service.
	for i, p := range begin {
		waiting := float64(i)
		for m := 0; p > 0 && m < min(len(above), k-i); m++ {
			waiting += more[m+1] / a // the time for which more than m have come
		}
		q.WaitMean += p * waiting
	}
	return q, nil
}

func boolTo(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// leftBehind is the law of the number left behind at departures, 0 to k.
func leftBehind(k int, a float64) []float64 {
	left := make([]float64, k+1)
	_, above := poissonLaw(a)
	none := math.Exp(-a)
	left[0] = 1
	for j := range k {
		var up float64
		if j < len(above) {
			up = left[0] * above[j]
		}
		for i := j; i >= max(1, j+2-len(above)) && left[i] > 0; i-- {
			up += left[i] * above[j-i+1]
		}
		left[j+1] = up / none
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
	return left
}
