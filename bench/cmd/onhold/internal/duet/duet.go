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
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// Defaults and limits of a comparison.
const (
	DefaultBudget = 10 * time.Minute
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
	// oneSided is the chance below which disturbances of one arm are not chance.
	oneSided = 0.01
)

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
	sides        *source.Sides
	folder       *result.Folder
	samples      []compare.Sample
	identical    []Identical // what is equal without being measured
	pairs        int         // complete ones
	disturbances []disturbance
	invalidRuns  int        // stages of this run that were not valid
	events       *files.Log // record of the disturbances, and of what ended the comparison
	failed       error      // what ended it in an earlier run
	invalid      []string   // why it is not valid, as far as known before anything is measured
	notes        []string
	began        time.Time

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

func (s *session) maxSteal() float64 { return orDefault(s.MaxSteal, DefaultMaxSteal) }

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
func (s *session) arms() []compare.Arm {
	arms := []compare.Arm{compare.Base, compare.Candidate}
	if s.Control {
		arms = append(arms, compare.Control)
	}
	return arms
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
		s.log("building %d more pairs", len(plans))
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
	usable := d.kind != kindInvalid
	repeated := 0
	for _, other := range s.disturbances {
		if !other.kept && other.kind != kindFailed && other.kind != kindInvalid {
			repeated++
		}
	}
	most := int(math.Ceil(repeatShare * float64(s.planned(units))))
	d.kept = usable && (row > repeatRow || repeated >= most)
	s.disturbances = append(s.disturbances, d)
	if err := s.recordEvent(eventOf(d)); err != nil {
		return false, err
	}
	if d.kept {
		s.log("disturbed, and counted all the same: %s", d.why)
		return false, nil
	}
	s.log("disturbed, repeating: %s", d.why)
	if usable {
		return true, nil
	}
	if s.invalidRuns++; row >= invalidRow || s.invalidRuns >= s.planned(units) {
		return false, fmt.Errorf("disturbed %d times in a row, the last time: %s: %w", row, d.why, errDisturbed)
	}
	return true, nil
}

// failedOnce records that a benchmark failed and is tried again.
func (s *session) failedOnce(d disturbance) error {
	s.disturbances = append(s.disturbances, d)
	s.log("trying again: %s", d.why)
	return s.recordEvent(eventOf(d))
}

// failedForGood drops the failures of a launch that failed each time. That ends the
// comparison, and the report states it.
func (s *session) failedForGood(at disturbance) {
	s.disturbances = slices.DeleteFunc(s.disturbances, func(d disturbance) bool {
		return d.kind == kindFailed && d.at() == at.at()
	})
}

// findings are those of the gated metrics so far, at most so many because many take
// a while, and the design with its number of tests.
func (s *session) findings(most int) (compare.Design, []compare.Finding) {
	all, _, _ := compare.Collect(s.allSamples(), s.Policy)
	all = append(all, compare.IdenticalSeries(samplesOf(s.identical), s.Policy)...)
	all = slices.DeleteFunc(all, func(s compare.Series) bool { return !s.Metric.Gated })
	d := s.Design
	d.Tests = compare.Tests(all)
	return d, compare.Decide(d, all[:min(most, len(all))])
}

// allSamples are those of the pairs so far. The number of CPUs at the end of names
// is recognized over all launches.
func (s *session) allSamples() []compare.Sample {
	samples, _ := compare.WithoutProcs(s.samples)
	return samples
}

// decided reports whether more pairs are useless.
func (s *session) decided() bool {
	_, findings := s.findings(math.MaxInt)
	return !compare.Open(findings)
}

// estimate summarizes the changes so far.
func (s *session) estimate() string {
	const most = 4
	d, findings := s.findings(most)
	var parts []string
	for _, f := range findings {
		parts = append(parts, fmt.Sprintf("%s %s", f.Metric, change(f)))
	}
	if more := d.Tests - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// change is how much worse a finding is so far.
func change(f compare.Finding) string {
	unit := "%"
	if f.Scale == compare.Points {
		unit = "pp"
	}
	switch {
	case f.FromZero():
		return fmt.Sprintf("%g → %g %s", float64(f.BaseValue), float64(f.CandidateValue), f.Unit)
	case f.Estimate.None():
		return "not valid"
	}
	direction := "worse"
	if f.Estimate < 0 {
		direction = "better"
	}
	text := fmt.Sprintf("%.1f %s %s", 100*math.Abs(float64(f.Estimate)), unit, direction)
	if f.Pairs > 1 {
		text += fmt.Sprintf(" (noise %.1f)", 100*f.Noise)
	}
	return text
}

// conclude makes the report of the complete pairs.
func (s *session) conclude(invalid []string) *compare.Report {
	bad, remarked := remarks(s.disturbances)
	r := compare.Judge(s.Design, s.Policy, s.allSamples(), samplesOf(s.identical), slices.Concat(s.invalid, invalid, bad), slices.Concat(s.notes, remarked))
	describe(r, s.folder.Run)
	r.Time, r.Seed, r.Repeated = s.began, s.Seed, repeats(s.disturbances)
	r.Base = compare.Side{Name: s.Base, Commit: s.sides.BaseCommit}
	r.Candidate = compare.Side{Name: s.sides.CandidateName, Commit: s.sides.CandidateCommit}
	r.Took = time.Since(s.began).Seconds()
	if _, stages, _, err := result.Open(s.Out); err == nil { // without stages the report lacks shifts only
		r.AddShifts(stages)
	}
	return r
}

func highestPair(samples []compare.Sample) (n int) {
	for _, s := range samples {
		n = max(n, s.Pair)
	}
	return n
}
