package bench

import (
	"context"
	"iter"

	"github.com/a628bb15/onhold/reports/result"
)

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

// Run runs the stages one after another and calls done with each as soon as it is
// complete. It ends with the first error, of a stage or of done.
func (s Sweep) Run(ctx context.Context, run func(context.Context, Plan) (*result.Stage, error), done func(*result.Stage) error) error {
	for p := range s.Plans() {
		stage, err := run(ctx, p)
		if err != nil {
			return err
		}
		if err := done(stage); err != nil {
			return err
		}
	}
	return nil
}
