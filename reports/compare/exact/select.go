package exact

import "math"

// mostListed is how many sums or differences of pairs are written down. Of more
// than these the one of a rank is searched for, in a memory of none.
const mostListed = 20_000

// ordered gives the value of each rank, from 0, among many that are not
// necessarily written down.
type ordered struct {
	n  int
	at func(rank int) float64
}

// listed are values that are written down; asking moves them about.
func listed(v []float64) ordered {
	return ordered{len(v), func(rank int) float64 { return nth(v, rank) }}
}

// averages are the Walsh averages of sorted values.
func averages(sorted []float64) ordered {
	n := len(sorted) * (len(sorted) + 1) / 2
	if n <= mostListed {
		return listed(walsh(sorted))
	}
	return ordered{n, func(rank int) float64 {
		return search(sorted[0], sorted[len(sorted)-1], rank, func(v float64) (count int) {
			// As i rises, fewer of those from i on have an average of at most v.
			for i, j := 0, len(sorted)-1; i <= j; i++ {
				for j >= i && sorted[i]/2+sorted[j]/2 > v {
					j--
				}
				count += max(0, j-i+1)
			}
			return count
		})
	}}
}

// differences are those of each of b and each of a, both sorted.
func differences(a, b []float64) ordered {
	n := len(a) * len(b)
	if n <= mostListed {
		diffs := make([]float64, 0, n)
		for _, x := range a {
			for _, y := range b {
				diffs = append(diffs, y-x)
			}
		}
		return listed(diffs)
	}
	return ordered{n, func(rank int) float64 {
		return search(b[0]-a[len(a)-1], b[len(b)-1]-a[0], rank, func(v float64) (count int) {
			// As x rises, more of b are at most v above it.
			j := 0
			for _, x := range a {
				for j < len(b) && b[j]-x <= v {
					j++
				}
				count += j
			}
			return count
		})
	}}
}

// search is the least value from low to high of which more than rank values are
// at most that: the one of that rank. It halves the numbers there are in between,
// which takes 64 steps.
func search(low, high float64, rank int, atMost func(float64) int) float64 {
	lo, hi := place(low), place(high)
	for lo < hi {
		middle := lo&hi + (lo^hi)>>1
		if atMost(valueAt(middle)) > rank {
			hi = middle
		} else {
			lo = middle + 1
		}
	}
	return valueAt(lo)
}

// place numbers the values that there are in their order.
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

// between is the value at a rank, or in a straight line between two.
func (o ordered) between(rank float64) float64 {
	rank = min(max(rank, 0), float64(o.n-1))
	i := int(rank)
	at := o.at(i)
	if i == o.n-1 {
		return at
	}
	return at + (rank-float64(i))*(o.at(i+1)-at)
}
