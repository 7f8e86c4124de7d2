package exact

import (
	"cmp"
	"math"
)

// Compare tells whether a is below (-1), the same as (0), or above (+1) the
// limit b. What differs by no more than rounding makes of figures of this size
// is the same: by a share of 1e-12 of the larger, or of unit where that is more.
// A change on the log scale, or a difference of shares, has the unit 1: the
// figures that it was made of are of that size, however small it is itself. A
// figure that was measured has the unit 0. NaN is the same as nothing, and below
// everything.
func Compare(a, b, unit float64) int {
	if a != b && math.Abs(a-b) <= near*max(math.Abs(a), math.Abs(b), unit) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return 0
	}
	return cmp.Compare(a, b)
}
