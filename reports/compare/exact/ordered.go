package exact

import "math"

// ordered gives the value of each rank, from 0, among n sums or differences of
// pairs, which are never written down.
type ordered struct {
	n         int
	low, high float64                 // the smallest and the largest
	atMost    func(v float64) (n int) // how many are at most v
}

// walsh has the mean of each value with each, itself included: n(n+1)/2 of them.
func walsh(d []float64) []float64 {
	out := make([]float64, 0, len(d)*(len(d)+1)/2)
	for i, x := range d {
		for _, y := range d[i:] {
			out = append(out, x/2+y/2) // a sum could overflow
		}
	}
	return out
}

// averages are the Walsh averages of d.
func averages(d []float64) ordered {
	if len(d) == 0 {
		return ordered{}
	}
	d = sorted(d)
	last := len(d) - 1
	return ordered{len(d) * (len(d) + 1) / 2, d[0], d[last], func(v float64) (n int) {
		// As i rises, fewer of those from i on have an average of at most v.
		for i, j := 0, last; i <= j; i++ {
			for j >= i && d[i]/2+d[j]/2 > v {
				j--
			}
			n += max(0, j-i+1)
		}
		return n
	}}
}

// differences are those of each of b and each of a; neither is empty.
func differences(a, b []float64) ordered {
	a, b = sorted(a), sorted(b)
	return ordered{len(a) * len(b), b[0] - a[len(a)-1], b[len(b)-1] - a[0], func(v float64) (n int) {
		// As x rises, more of b are at most v above it.
		j := 0
		for _, x := range a {
			for j < len(b) && b[j]-x <= v {
				j++
			}
			n += j
		}
		return n
	}}
}

// at is the value of a rank: the least of which more than rank values are at most
// that. It bisects all numbers in between, in 64 steps.
func (o ordered) at(rank int) float64 {
	low, high := place(o.low), place(o.high)
	for low < high {
		middle := low&high + (low^high)>>1
		if o.atMost(valueAt(middle)) > rank {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return valueAt(low)
}

// place numbers all float64 in their order.
func place(v float64) int64 {
	bits := int64(math.Float64bits(v))
	if bits < 0 {
		bits ^= math.MaxInt64
	}
	return bits
}

func valueAt(place int64) float64 {
	if place < 0 {
		place ^= math.MaxInt64
	}
	return math.Float64frombits(uint64(place))
}

// median is the middle value, or the mean of the two in the middle. NaN where
// there are none.
func (o ordered) median() float64 {
	if o.n == 0 {
		return math.NaN()
	}
	high := o.at(o.n / 2)
	if o.n%2 == 1 {
		return high
	}
	return o.at(o.n/2-1)/2 + high/2
}

// between is the value at a rank, interpolated between two.
func (o ordered) between(rank float64) float64 {
	rank = min(max(rank, 0), float64(o.n-1))
	i := int(rank)
	at := o.at(i)
	if i == o.n-1 {
		return at
	}
	return at + (rank-float64(i))*(o.at(i+1)-at)
}
