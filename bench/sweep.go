package bench

import "iter"

// Sweep is one plan at several levels.
type Sweep struct {
	Plan   Plan      // its Load is set to each level in turn
	Levels []float64 // clients, or arrivals per second; see [Load.At]
}

// Plans yields the stages in the order in which they are run.
func (s Sweep) Plans() iter.Seq[Plan] {
	return func(yield func(Plan) bool) {
		for _, level := range s.Levels {
			p := s.Plan
			p.Load = p.Load.At(level)
			if !yield(p) {
				return
			}
		}
	}
}
