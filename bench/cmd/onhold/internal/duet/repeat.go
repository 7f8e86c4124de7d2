package duet

import (
	"fmt"
	"math"
	"slices"
)

const (
	// repeatShare is the most stages (or launches of benchmarks) that are repeated, as
	// a share of those planned, and repeatRow how often the same one is. A machine that
	// disturbs more does so all the time, and its disturbed stages count as they are.
	repeatShare = 0.2
	repeatRow   = 2
	// A stage that is not valid cannot count. It is repeated invalidRow times, then the
	// pair is started again pairTries times, and all of it happens at most as often as
	// stages are planned.
	invalidRow = 6
	pairTries  = 3
)

// planned is the number of stages of all pairs, where a pair has so many.
func (s *session) planned(units int) int { return s.Design.MaxPairs() * units }

// again decides whether a stage or launch that was disturbed for the row-th time in
// a row, of a pair with so many units, is repeated. Else it counts as it is. It is an
// error where it cannot count and does not become valid. Disturbances of earlier
// runs of the same comparison count.
//
// Both are legitimate for the test that decides: order and paths are random, so
// where the arms do not differ disturbances meet them alike, kept or not. Repeating
// without a limit would never end on a machine that always disturbs.
//
// Note: the stage is repeated and not the pair. A pair has six stages, so on a
// machine that disturbs one stage in ten, half of the pairs would be repeated.
func (s *session) again(d disturbance, row, units int) (again bool, err error) {
	usable := d.Kind != kindInvalid
	repeated := 0
	for _, other := range s.disturbances {
		if !other.Kept && other.Kind != kindFailed && other.Kind != kindInvalid {
			repeated++
		}
	}
	most := int(math.Ceil(repeatShare * float64(s.planned(units))))
	d.Kept = usable && (row > repeatRow || repeated >= most)
	s.disturbances = append(s.disturbances, d)
	if err := s.record(d); err != nil {
		return false, err
	}
	if d.Kept {
		s.log("disturbed, and counted all the same: %s", d.Why)
		return false, nil
	}
	s.log("disturbed, repeating: %s", d.Why)
	if usable {
		return true, nil
	}
	if s.invalidRuns++; row >= invalidRow || s.invalidRuns >= s.planned(units) {
		return false, fmt.Errorf("disturbed %d times in a row, the last time: %s: %w", row, d.Why, errDisturbed)
	}
	return true, nil
}

// failedOnce records that a benchmark failed and is tried again.
func (s *session) failedOnce(d disturbance) error {
	s.disturbances = append(s.disturbances, d)
	s.log("trying again: %s", d.Why)
	return s.record(d)
}

// failedForGood drops the failures of a launch that failed each time. That ends the
// comparison, and the report states it.
func (s *session) failedForGood(at disturbance) {
	s.disturbances = slices.DeleteFunc(s.disturbances, func(d disturbance) bool {
		return d.Kind == kindFailed && d.at() == at.at()
	})
}
