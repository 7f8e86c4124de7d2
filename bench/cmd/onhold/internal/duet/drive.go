package duet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
)

func (s *session) maxSteal() float64 { return cmp.Or(s.MaxSteal, DefaultMaxSteal) }

func (s *session) log(format string, args ...any) {
	s.Progress(Event{Pair: s.pairs, Of: s.next(), What: fmt.Sprintf(format, args...)})
}

// note logs a sentence and keeps it for the report.
func (s *session) note(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	s.notes = append(s.notes, note)
	s.log("%s", note)
}

// arms are those of a pair.
func (c Config) arms() []compare.Arm {
	if c.Control {
		return []compare.Arm{compare.Base, compare.Candidate, compare.Control}
	}
	return []compare.Arm{compare.Base, compare.Candidate}
}

// next is the number of pairs at the next look.
func (s *session) next() int {
	for _, n := range s.Design.Looks {
		if n > s.pairs {
			return n
		}
	}
	return s.Design.MaxPairs()
}

// drive runs pairs until the comparison is decided, and reports whether it went as
// far as planned.
func (s *session) drive(ctx context.Context, r runner) (complete bool, err error) {
	ctx, cancel := context.WithDeadlineCause(ctx, s.began.Add(s.Budget), errBudget)
	defer cancel()
	if r.units() == 0 || s.pairs > 0 && s.decided() {
		return true, nil
	}
	for s.pairs < s.Design.MaxPairs() {
		upto := min(s.next(), s.pairs+batch)
		if s.pairs == 0 {
			upto = 1 // what does not start or fails shows before more is built
		}
		var plans []pairPlan
		for n := s.pairs + 1; n <= upto; n++ {
			plans = append(plans, s.plan(n))
		}
		s.log("building pairs up to %d", upto)
		began := time.Now()
		err := r.build(ctx, plans)
		s.building += time.Since(began)
		if err != nil {
			return s.stopped(ctx, err)
		}
		for _, p := range plans {
			if err := s.pair(ctx, r, p); err != nil {
				return s.stopped(ctx, errors.Join(err, s.recordEnd(ctx, p, err)))
			}
			look := slices.Contains(s.Design.Looks, s.pairs)
			if look && s.decided() || s.pairs == 1 && s.unprovable() || look && s.pairs < s.Design.MaxPairs() && !s.Patient && s.hopeless() {
				return true, nil
			}
		}
	}
	return true, nil
}

// errBudget ends a comparison whose time is up, which is not a failure.
var errBudget = errors.New("the budget is used up")

// stopped distinguishes a comparison that ran out of time from one that failed.
func (s *session) stopped(ctx context.Context, err error) (bool, error) {
	if context.Cause(ctx) == errBudget {
		s.notes = append(s.notes, s.budgetNote())
		return true, nil
	}
	return false, err
}

// budgetNote states how the budget was used.
func (s *session) budgetNote() string {
	note := fmt.Sprintf("the budget of %v was used up after %d of up to %d pairs", s.Budget, s.pairs, s.Design.MaxPairs())
	took := time.Since(s.began)
	if s.building > took/3 {
		note += fmt.Sprintf("; building took %.0f %% of it: fewer packages or a larger budget leave more time to measure", 100*s.building.Seconds()/took.Seconds())
	}
	return note
}

// pair runs one pair, and starts it again where a stage of it never became valid.
func (s *session) pair(ctx context.Context, r runner, p pairPlan) error {
	var samples []compare.Sample
	for try := 1; ; try++ {
		var err error
		if samples, err = r.pair(ctx, p); err == nil {
			break
		}
		if !errors.Is(err, errDisturbed) || try == pairTries || s.invalidRuns >= s.planned(r.units()) {
			return err
		}
		s.log("starting pair %d again: %v", p.number, err)
	}
	s.samples = append(s.samples, samples...)
	s.pairs = p.number
	s.Progress(Event{Pair: s.pairs, Of: s.next(), What: s.estimate(), Complete: true})
	return nil
}

// errDisturbed ends a run on a machine on which no stage becomes valid.
var errDisturbed = errors.New("this machine is too disturbed to measure now")
