// Package duet compares two builds of a program by launching them next to each
// other, pair by pair, until the comparison is decided.
//
//  1. Both sides are laid out in folders of their own: the base from git, the
//     candidate as the working tree is ([sources]).
//  2. For each pair the arms are built with link layouts of their own, launched
//     afresh in an order that is drawn, and measured ([experiment]): the
//     benchmarks of Go test binaries ([GoBench]), or a server under load
//     ([Serve]). Builds and measurements never overlap.
//  3. A slice or launch that the machine disturbed is run again, as far as that
//     is of use, and counts as it is where the machine disturbs all the time.
//     Either is decided by what the machine did ([breach]), never by a value.
//  4. At the looks that the design plans, package compare decides; what is
//     undecided goes on to the next look.
//
// A third arm, the control, is the base once more. It differs from the base in
// nothing but what the comparison itself does to an arm, so where it differs in
// the figures the comparison is not valid.
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

// What the command's flags default to.
const (
	DefaultBudget = 10 * time.Minute
	// redoShare is the most slices (or launches of benchmarks) that are run
	// again, as a share of those planned, and redoRow how often the same one is: a
	// machine that disturbs more does so all the time, and what it disturbs counts
	// as it is.
	redoShare = 0.2
	redoRow   = 2
	// A slice that is not valid cannot count. It is run again unusableRow times,
	// then the pair is begun again pairTries times, and in one run that happens at
	// most as often as slices are planned.
	unusableRow = 6
	pairTries   = 3
	// oneSided is the chance below which breaches that fall on one arm are no
	// chance any more.
	oneSided = 0.01
)

// Config is what is compared, and how.
type Config struct {
	Command []string // command line for the record, without secrets; it may be empty
	Repo    string   // a folder in the git work tree that holds the candidate
	Base    string   // git reference of the base
	Experiment
	Design  compare.Design
	Policy  compare.Policy
	Control bool          // the base is launched a second time in each pair
	Budget  time.Duration // of all of it, builds included
	Seed    uint64        // of orders, folders, ports and link layouts; 0: that of the record in Out, or one that is drawn
	Out     string        // folder for the record; one that holds pairs of the same comparison is continued
	Patient bool          // go on where the prognosis is that no later look would decide

	// MeasureIdentical measures also where both sides are the same program, which
	// shows what this machine and the comparison itself do.
	MeasureIdentical bool

	MaxSteal float64 // share of a slice that a hypervisor may take; DefaultMaxSteal where 0

	TargetCPUs []int // what the arms are confined to; none: to nothing

	// Progress is told what happens, in order. It may be nil.
	Progress func(Event)
}

// Event is something that a watcher may want to know.
type Event struct {
	Pair, Of int    // pairs that are whole, and planned up to the next look
	What     string // a sentence
	Whole    bool   // a pair was finished
}

// Experiment is what is done with the builds of the two sides: a [GoBench] or
// a [Serve].
type Experiment interface {
	// Validate says what is wrong with it, naming the flag.
	Validate() error
	// settings tell two experiments apart whose pairs must not be mixed.
	settings() result.Settings
	// open begins, with both sides laid out.
	open(ctx context.Context, s *session) (runner, error)
}

// runner runs the pairs of one experiment.
type runner interface {
	// build makes what the pairs need that are to come.
	build(ctx context.Context, pairs []pairPlan) error
	// pair launches and measures the arms of a pair, and keeps the record of it.
	// What the machine disturbs it runs again, as far as session.again allows.
	pair(ctx context.Context, p pairPlan) ([]compare.Sample, error)
	// units is how many slices or launches a pair has.
	units() int
	// stored are the samples of the pairs that the record holds already.
	stored() ([]compare.Sample, error)
	close() error
}

// session is one run of a comparison.
type session struct {
	Config
	sides   *source.Sides
	folder  *result.Folder
	samples []compare.Sample
	same    []Same // what is equal without being measured
	pairs   int    // whole ones
	redone  []breach
	useless int        // slices of this run that were not valid
	events  *files.Log // record of redone, and of what ended the comparison
	failed  error      // what ended it in an earlier run
	invalid []string   // why it is not valid, as far as is known before anything is measured
	notes   []string
	began   time.Time

	building time.Duration // how long building took so far
}

// Run compares. The report is there also where ctx ended, with the pairs that
// are complete. An error means that no pair was run: the configuration is wrong, a
// side cannot be built or started, or ctx ended before. Where the record was
// begun by then, there is a report beside the error, which says the same. An error
// that is a [*files.Unwritten] says that not all of the record could be written.
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
		s.remark("%s", note)
	}
	s.tell("base: %s, commit %s; candidate: %s, commit %s", c.Base, source.Short(s.sides.BaseCommit), s.sides.CandidateName, source.Short(strings.TrimSuffix(s.sides.CandidateCommit, "+")))
	if err := s.openFolder(); err != nil {
		return nil, nil, err
	}
	opening, cancel := context.WithDeadlineCause(ctx, s.began.Add(s.Budget), errBudget)
	defer cancel()
	r, err := c.Experiment.open(opening, s)
	if errors.Is(err, errBudget) {
		s.building = time.Since(s.began)
		s.notes = append(s.notes, s.budgetNote())
		return s.conclude(nil), &s.folder.Run, errors.Join(s.events.Close(), s.folder.Finish(time.Now(), true))
	}
	if err != nil {
		return s.nothing(ctx, err)
	}
	if s.samples, err = r.stored(); err != nil {
		// What is on record is damaged: nothing is written beside it.
		return nil, nil, errors.Join(&ConfigError{Err: err}, r.close(), s.events.Close(), s.folder.Finish(time.Now(), false))
	}
	s.pairs = highestPair(s.samples)
	if s.pairs > 0 {
		s.tell("continues with %d pairs that are stored", s.pairs)
	}
	whole, runErr := false, s.failed
	if runErr == nil {
		whole, runErr = s.drive(ctx, r)
	}
	lost := r.close()
	var failed *failure
	if runErr != nil && s.pairs == 0 && !errors.As(runErr, &failed) && !errors.Is(runErr, errDisturbed) && s.failed == nil {
		return s.nothing(ctx, errors.Join(runErr, lost))
	}
	lost = errors.Join(lost, s.events.Close(), s.folder.Finish(time.Now(), whole))
	var invalid []string
	if _, ok := errors.AsType[*files.Unwritten](runErr); ok {
		// It went no further, for what is not on record would be forgotten by whoever
		// goes on with it. The pairs before count.
		lost = errors.Join(lost, runErr)
	} else if runErr != nil && ctx.Err() == nil {
		invalid = append(invalid, runErr.Error())
	}
	report := s.conclude(invalid)
	return report, &s.folder.Run, lost
}

// nothing reports a comparison that ended before its first pair.
func (s *session) nothing(ctx context.Context, err error) (*compare.Report, *result.Run, error) {
	why := err.Error()
	if ctx.Err() != nil {
		why = "interrupted before the first pair was complete"
	}
	finished := errors.Join(s.events.Close(), s.folder.Finish(time.Now(), false))
	return s.conclude([]string{why}), &s.folder.Run, errors.Join(err, finished)
}

// ConfigError is an error in what the user asked for.
type ConfigError = source.Error

func (s *session) maxSteal() float64 { return orDefault(s.MaxSteal, DefaultMaxSteal) }

func (s *session) tell(format string, args ...any) {
	s.Progress(Event{Pair: s.pairs, Of: s.next(), What: fmt.Sprintf(format, args...)})
}

// remark tells the watcher a sentence, and keeps it for the report.
func (s *session) remark(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	s.notes = append(s.notes, note)
	s.tell("%s", note)
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

// drive runs pairs until the comparison is decided, and reports whether it went
// as far as it was to.
func (s *session) drive(ctx context.Context, r runner) (whole bool, err error) {
	ctx, cancel := context.WithDeadlineCause(ctx, s.began.Add(s.Budget), errBudget)
	defer cancel()
	if r.units() == 0 || s.pairs > 0 && s.decided() {
		return true, nil // r has no units where all is the same program
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
		s.tell("builds pairs %d to %d", s.pairs+1, upto)
		began := time.Now()
		err := r.build(ctx, plans)
		s.building += time.Since(began)
		if err != nil {
			return s.stopped(ctx, err)
		}
		for _, p := range plans {
			if err := s.pair(ctx, r, p); err != nil {
				return s.stopped(ctx, errors.Join(err, s.ended(ctx, p, err)))
			}
			look := slices.Contains(s.Design.Looks, s.pairs)
			if look && s.decided() || s.pairs == 1 && s.unprovable() || look && s.pairs < s.Design.MaxPairs() && !s.Patient && s.hopeless() {
				return true, nil
			}
		}
	}
	return true, nil
}

// errBudget ends a comparison whose time is up; that is no fault.
var errBudget = errors.New("the budget is used up")

// stopped tells a comparison that ran out of time from one that failed.
func (s *session) stopped(ctx context.Context, err error) (bool, error) {
	if context.Cause(ctx) == errBudget {
		s.notes = append(s.notes, s.budgetNote())
		return true, nil
	}
	return false, err
}

// budgetNote says what the budget was used for.
func (s *session) budgetNote() string {
	note := fmt.Sprintf("the budget of %v was used up after %d of up to %d pairs", s.Budget, s.pairs, s.Design.MaxPairs())
	took := time.Since(s.began)
	if s.building > took/3 {
		note += fmt.Sprintf("; %.0f %% of it went into building: fewer packages or a larger --budget leave more for measuring", 100*s.building.Seconds()/took.Seconds())
	}
	return note
}

// pair runs one pair, and begins it again where the machine let no slice of it
// be valid.
func (s *session) pair(ctx context.Context, r runner, p pairPlan) error {
	var samples []compare.Sample
	for try := 1; ; try++ {
		var err error
		if samples, err = r.pair(ctx, p); err == nil {
			break
		}
		if !errors.Is(err, errDisturbed) || try == pairTries || s.useless >= s.planned(r.units()) {
			return err
		}
		s.tell("begins pair %d again, as it was %v", p.number, err)
	}
	s.samples = append(s.samples, samples...)
	s.pairs = p.number
	s.Progress(Event{Pair: s.pairs, Of: s.next(), What: s.estimate(), Whole: true})
	return nil
}

// errDisturbed ends a run on a machine that measures nothing.
var errDisturbed = errors.New("this machine measures nothing now")

// planned is the number of slices of all pairs, of which a pair has so many.
func (s *session) planned(units int) int { return s.Design.MaxPairs() * units }

// again decides whether a slice or launch that was disturbed for the row-th time
// in a row, of a pair that has so many, is run again; else it counts as it is. It
// fails where it cannot count, and will not become valid. What an earlier run of
// the same comparison noted counts.
//
// Both are legitimate for the test that decides: order and places are drawn, so
// where the arms do not differ what the machine does falls on them alike, kept or
// not. But who keeps running slices again on a machine that always disturbs gets
// no verdict.
//
// Note: what is run again is the slice and not the pair. A pair has six, so on a
// machine that disturbs one slice in ten, half of the pairs would be run again.
func (s *session) again(b breach, row, units int) (again bool, err error) {
	usable := b.kind != kindUnusable
	ran := 0
	for _, other := range s.redone {
		if !other.kept && other.kind != kindFailed && other.kind != kindUnusable {
			ran++
		}
	}
	most := int(math.Ceil(redoShare * float64(s.planned(units))))
	b.kept = usable && (row > redoRow || ran >= most)
	s.redone = append(s.redone, b)
	if err := s.note(eventOf(b)); err != nil {
		return false, err
	}
	if b.kept {
		s.tell("counts as it is, although %s", b.why)
		return false, nil
	}
	s.tell("again, as %s", b.why)
	if usable {
		return true, nil
	}
	if s.useless++; row >= unusableRow || s.useless >= s.planned(units) {
		return false, fmt.Errorf("disturbed %d times in a row, the last time as %s: %w", row, b.why, errDisturbed)
	}
	return true, nil
}

// failedOnce notes that a benchmark failed, and is tried again.
func (s *session) failedOnce(b breach) error {
	s.redone = append(s.redone, b)
	s.tell("tries again, as %s", b.why)
	return s.note(eventOf(b))
}

// failedForGood takes back that a launch failed and was tried again: it failed
// each time, which ends the comparison and is what the report says.
func (s *session) failedForGood(at breach) {
	s.redone = slices.DeleteFunc(s.redone, func(b breach) bool {
		return b.kind == kindFailed && b.pair == at.pair && b.unit == at.unit
	})
}

// findings are those of the pairs so far, and the design with its number of tests.
// Of many pairs and metrics that takes a while; most bounds the metrics.
func (s *session) findings(most int) (compare.Design, []compare.Finding) {
	all, _, _ := compare.Collect(s.allSamples(), s.Policy)
	all = append(all, compare.IdenticalSeries(samplesOf(s.same), s.Policy)...)
	all = slices.DeleteFunc(all, func(s compare.Series) bool { return !s.Metric.Gated })
	d := s.Design
	d.Tests = compare.Tests(all)
	return d, compare.Decide(d, all[:min(most, len(all))])
}

// allSamples are those of the pairs so far. Which ends of names are the machine's
// shows over all launches, and not in one.
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
		parts = append(parts, fmt.Sprintf("%s %s", f.Metric, percent(f)))
	}
	if more := d.Tests - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// percent tells how much worse a finding is so far.
func percent(f compare.Finding) string {
	unit := "%"
	if f.Scale == compare.Points {
		unit = "pp"
	}
	switch {
	case f.FromZero():
		return fmt.Sprintf("%g → %g %s", float64(f.BaseValue), float64(f.CandidateValue), f.Unit)
	case f.Estimate.None():
		return "not valid"
	case f.Pairs < 2:
		return fmt.Sprintf("%+.1f %s worse", 100*float64(f.Estimate), unit)
	}
	return fmt.Sprintf("%+.1f %s worse (noise %.1f)", 100*float64(f.Estimate), unit, 100*f.Noise)
}

// conclude makes the report of what is whole.
func (s *session) conclude(invalid []string) *compare.Report {
	bad, remarked := remarks(s.redone)
	r := compare.Judge(s.Design, s.Policy, s.allSamples(), samplesOf(s.same), slices.Concat(s.invalid, invalid, bad), slices.Concat(s.notes, remarked))
	describe(r, s.folder.Run)
	r.Time, r.Seed, r.Repeated = s.began, s.Seed, rerun(s.redone)
	r.Base = compare.Side{Name: s.Base, Commit: s.sides.BaseCommit}
	r.Candidate = compare.Side{Name: s.sides.CandidateName, Commit: s.sides.CandidateCommit}
	r.Took = time.Since(s.began).Seconds()
	if _, stages, _, err := result.Open(s.Out); err == nil { // without them it is the same report, less a line
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
