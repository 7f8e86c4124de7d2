// Package series reads the slices of a stage: what a percentile is worth ([Percentile]),
// whether a soak drifted ([Drift]), how a ramp went ([Group]), and writes what happens
// for other programs ([NewWriter]).
package series

import "github.com/a628bb15/onhold/reports/result"

// Group joins slices that follow on one another to at most n, of as many slices each as
// can be.
func Group(slices []result.Slice, n int) []result.Slice {
	if n = min(n, len(slices)); n < 1 {
		return nil
	}
	out := make([]result.Slice, 0, n)
	for i := range n {
		from, to := i*len(slices)/n, (i+1)*len(slices)/n
		joined := slices[from]
		for _, s := range slices[from+1 : to] {
			joined = joined.Join(s)
		}
		out = append(out, joined)
	}
	return out
}

// undisturbed are the slices of which at least half was undisturbed.
func undisturbed(s *result.Stage) (kept []result.Slice) {
	for _, slice := range s.Slices {
		if slice.Disturbed <= slice.Length/2 {
			kept = append(kept, slice)
		}
	}
	return kept
}
