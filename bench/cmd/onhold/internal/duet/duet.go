// Package duet compares two builds of a program by launching them next to each
// other, pair by pair, until the comparison is decided. Begin with [Run].
//
//  1. Both sides are laid out in folders of their own (package source).
//  2. For each pair the arms are built with random link layouts, launched afresh in a
//     random order, and measured ([Experiment]): the benchmarks of Go test binaries
//     ([GoBench]), or a server under load ([Serve]). Builds and measurements never
//     overlap.
//  3. A stage or launch that the machine disturbed is repeated, within limits, and
//     counts as it is where the machine disturbs all the time. Both are decided by
//     what the machine did ([disturbance]), never by a measured value.
//  4. At the looks of the design, package compare decides. What is undecided goes on
//     to the next look.
//
// A third arm, the control, is a second copy of the base. It differs from the base
// only in how the comparison treats an arm, so where its metrics differ the
// comparison is not valid.
package duet

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// DefaultBudget is the default time for a comparison.
const DefaultBudget = 10 * time.Minute

// ConfigError is an error in what the user asked for.
type ConfigError = source.Error

// Config is what is compared, and how.
type Config struct {
	Command []string // command line for the record, without secrets; may be empty
	Repo    string   // a folder in the git working tree of the candidate
	Base    string   // git reference of the base
	Experiment
	Design  compare.Design
	Policy  compare.Policy
	Control bool          // launch the base a second time in each pair
	Budget  time.Duration // of the complete comparison, builds included
	Seed    uint64        // of orders, paths and link layouts; 0: that of the record in Out, or a random one
	Out     string        // folder for the record; one with pairs of the same comparison is continued
	Patient bool          // go on where no later look is expected to decide

	// MeasureIdentical measures also where both sides are the same program. That shows
	// the effect of the machine and of the comparison itself.
	MeasureIdentical bool

	MaxSteal float64 // share of a stage that a hypervisor may take; DefaultMaxSteal where 0

	TargetCPUs []int // CPUs of the arms; none: all

	// Progress is called with every event, in order. It may be nil.
	Progress func(Event)
}

// Event is progress of a comparison.
type Event struct {
	Pair, Of int    // complete pairs, and pairs up to the next look
	What     string // a sentence
	Complete bool   // a pair was completed
}

// Experiment is what is done with the builds of the two sides: a [GoBench] or a
// [Serve].
type Experiment interface {
	// Validate returns a [*field.Error] for a field that is out of range.
	Validate() error
	// settings distinguish experiments whose pairs must not be mixed.
	settings() result.Settings
	// open begins, with both sides laid out.
	open(ctx context.Context, s *session) (runner, error)
}

// runner runs the pairs of one experiment.
type runner interface {
	// build builds what the pairs need.
	build(ctx context.Context, pairs []pairPlan) error
	// pair launches, measures and records the arms of a pair. What the machine
	// disturbs it repeats, as far as session.again allows.
	pair(ctx context.Context, p pairPlan) ([]compare.Sample, error)
	// units is the number of stages or launches of a pair; 0: there is nothing to
	// measure.
	units() int
	// stored are the samples of the pairs in the record.
	stored() ([]compare.Sample, error)
	close() error
}

// session is one run of a comparison.
type session struct {
	Config
	sides       *source.Sides
	folder      *result.Folder
	samples     []compare.Sample
	identical   []Identical // what is equal without being measured
	pairs       int         // complete ones
	history                 // of earlier runs, and the disturbances of this one
	invalidRuns int         // stages of this run that were not valid
	events      *files.Log  // record of the history
	invalid     []string    // why it is not valid, as far as known before anything is measured
	notes       []string
	began       time.Time

	building time.Duration // spent on builds so far
}

// Run compares. The report is also there where ctx ended, with the complete pairs.
// An error means that no pair was run: the configuration is wrong, a side cannot be
// built or started, or ctx ended before. Where the record was begun by then, there
// is a report beside the error. A [*files.Unwritten] means that not all of the
// record could be written.
func Run(ctx context.Context, c Config) (*compare.Report, *result.Run, error) {
	s := &session{Config: c, began: time.Now()}
	if s.Progress == nil {
		s.Progress = func(Event) {}
	}
	if err := errors.Join(c.Experiment.Validate(), c.Design.Validate(), c.Policy.Validate()); err != nil {
		return nil, nil, &ConfigError{Err: err}
	}
	var err error
	if s.sides, err = source.Lay(ctx, c.Repo, c.Base, c.Out); err != nil {
		return nil, nil, err
	}
	defer s.sides.Remove()
	for _, note := range s.sides.Notes {
		s.note("%s", note)
	}
	s.log("base: %s, commit %s; candidate: %s, commit %s", c.Base, source.Short(s.sides.BaseCommit), s.sides.CandidateName, source.Short(strings.TrimSuffix(s.sides.CandidateCommit, "+")))
	if len(s.sides.Differing) == 0 {
		s.note("no file differs between base and candidate; compare with an earlier commit, or after a change")
	}
	if err := s.openFolder(); err != nil {
		return nil, nil, err
	}
	opening, cancel := context.WithDeadlineCause(ctx, s.began.Add(s.Budget), errBudget)
	defer cancel()
	r, err := c.Experiment.open(opening, s)
	if errors.Is(err, errBudget) {
		s.building = time.Since(s.began)
		s.notes = append(s.notes, s.budgetNote())
		return s.conclude(nil), &s.folder.Run, s.finish(true)
	}
	if err != nil {
		return s.nothing(ctx, err)
	}
	if s.samples, err = r.stored(); err != nil {
		// The record is damaged: nothing is added to it.
		return nil, nil, errors.Join(&ConfigError{Err: err}, r.close(), s.finish(false))
	}
	s.pairs = highestPair(s.samples)
	if s.pairs > 0 {
		s.log("continuing after %d stored pairs", s.pairs)
	}
	complete, runErr := false, s.failed
	if runErr == nil {
		complete, runErr = s.drive(ctx, r)
	}
	unwritten := r.close()
	_, failed := errors.AsType[*failure](runErr)
	if runErr != nil && s.pairs == 0 && !failed && !errors.Is(runErr, errDisturbed) && s.failed == nil {
		return s.nothing(ctx, errors.Join(runErr, unwritten))
	}
	unwritten = errors.Join(unwritten, s.finish(complete))
	var invalid []string
	if _, ok := errors.AsType[*files.Unwritten](runErr); ok {
		// It stopped, because a continued run would not know what is not on record. The
		// pairs before count.
		unwritten = errors.Join(unwritten, runErr)
	} else if runErr != nil && ctx.Err() == nil {
		invalid = append(invalid, runErr.Error())
	}
	return s.conclude(invalid), &s.folder.Run, unwritten
}

// nothing reports a comparison that ended before its first pair.
func (s *session) nothing(ctx context.Context, err error) (*compare.Report, *result.Run, error) {
	why := err.Error()
	if ctx.Err() != nil {
		why = "interrupted before the first pair was complete"
	}
	finished := s.finish(false)
	return s.conclude([]string{why}), &s.folder.Run, errors.Join(err, finished)
}

// finish closes the record.
func (s *session) finish(complete bool) error {
	return errors.Join(s.events.Close(), s.folder.Finish(time.Now(), complete))
}
