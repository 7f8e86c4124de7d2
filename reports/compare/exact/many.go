package exact

import (
	"cmp"
	"slices"
)

// Holm adjusts the p of several tests so that each can be held against the
// chance of any false alarm among all of them (Holm, A Simple Sequentially
// Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6,
// 1979). The smallest counts as many times as there are tests, the next once
// less, and so on, none less than one before it, and none above 1. They are in
// the order of p, which is not changed.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	out := make([]float64, len(p))
	var least float64
	for i, at := range order {
		least = max(least, min(1, float64(len(p)-i)*p[at]))
		out[at] = least
	}
	return out
}
