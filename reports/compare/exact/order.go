package exact

// walsh has the mean of each value with each, itself included: n(n+1)/2 of
// them, in no order that means anything.
func walsh(d []float64) []float64 {
	out := make([]float64, 0, len(d)*(len(d)+1)/2)
	for i, x := range d {
		for _, y := range d[i:] {
			out = append(out, x/2+y/2) // a sum could overflow
		}
	}
	return out
}

// nth puts the k-th smallest value, counted from 0, in its place, no larger
// ones before it and no smaller ones behind, and returns it. It is Hoare's
// quickselect: sorting all would take most of the time of a bound.
func nth(v []float64, k int) float64 {
	for lo, hi := 0, len(v)-1; lo < hi; {
		pivot := median3(v[lo], v[lo+(hi-lo)/2], v[hi])
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return v[k]
		}
	}
	return v[k]
}

func median3(a, b, c float64) float64 {
	return max(min(a, b), min(max(a, b), c))
}
