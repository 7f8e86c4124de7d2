// Package compare decides whether a candidate got worse than its base, with a
// known chance of a false alarm.
//
//  1. A [Sample] is one value of one launch of one arm: base, candidate, or
//     control, a second copy of the base. Samples come from stages ([FromStages])
//     or from benchmark text ([ReadBench]).
//  2. [Collect] groups them into [Series]: one [Metric] of one scenario, pair by
//     pair.
//  3. A [Design] fixes in advance after how many pairs the series are tested, and
//     splits the chance of a false alarm over all metrics and looks.
//  4. [Decide] turns each series into a [Finding], and [Judge] all of them into a
//     [Report]: regressed, unstable, minor, improved, equal, inconclusive, or not
//     valid.
//
// The unit is the pair: base and candidate launched afresh next to each other, in
// a random order. If nothing changed, both orders were equally likely, so the log
// ratio of a pair is positive or negative with equal probability, whatever the
// noise, its drift or its autocorrelation. The bounds of a change are those of the
// exact signed-rank test on these log ratios. The false-alarm rate needs one
// further assumption: pairs are independent. What an arm keeps from one pair to
// the next, such as a cache on a disk or a fixed code layout, looks like a change.
//
// The bounds are about the typical launch. Launches far worse than that are
// counted and compared by a separate test ([Outliers]).
//
// A change is stated as how much worse it is: +0.05 is 5 % worse, also for a metric
// of which more is better.
package compare

import "github.com/a628bb15/onhold/reports/result"

// Arm is what a sample was taken from.
type Arm string

// The arms of a comparison.
const (
	Base      Arm = "base"
	Candidate Arm = "candidate"
	Control   Arm = "control" // a second copy of the base, which must not differ from it
)

// Verdict is the answer for a metric, and for a comparison.
type Verdict string

// The verdicts.
const (
	Regressed    Verdict = "regressed"    // proven worse than the margin, and possibly worse than the tolerance; or most launches are outliers
	Unstable     Verdict = "unstable"     // proven to have more launches that are far worse than the typical one
	Minor        Verdict = "minor"        // proven worse than the margin, and proven better than the tolerance
	Improved     Verdict = "improved"     // proven better by more than the margin
	Equal        Verdict = "equal"        // the typical launch is proven to be within the tolerance
	Inconclusive Verdict = "inconclusive" // too noisy, or too few pairs
	Invalid      Verdict = "invalid"      // the comparison is not valid
)

// The exit codes that a comparison ends with.
const (
	ExitFine         = 0
	ExitRegressed    = 1
	ExitInconclusive = 3
	ExitInvalid      = 4
)

// String is the verdict as people read it.
func (v Verdict) String() string {
	if v == Invalid {
		return "not valid"
	}
	return string(v)
}

// ExitCode is the exit code of the verdict.
func (v Verdict) ExitCode() int {
	switch v {
	case Regressed, Unstable:
		return ExitRegressed
	case Inconclusive:
		return ExitInconclusive
	case Minor, Improved, Equal:
		return ExitFine
	}
	return ExitInvalid // also an unknown verdict: missing data must not pass
}

// Sample is one value of one metric, from one launch of one arm.
type Sample struct {
	Scenario string // as in benchmark names: target=…/load=…/level=…
	Unit     string
	Higher   bool // more is better, where the source states it
	Arm      Arm
	Pair     int // from 1; 0 where the sample belongs to no pair
	Value    float64
	NoProcs  bool   // the source states that the scenario does not end in a number of CPUs
	Package  string // import path, where known; part of the scenario where there are several packages

	// Driven are the settings of how the target was driven, as [result.Settings.Driven]
	// has them; nil where the source has none.
	Driven result.Settings
}

// Series is one metric of one scenario.
type Series struct {
	Scenario string
	Metric   Metric
	Pairs    []Pair // base and candidate
	Control  []Pair // base and, as the candidate, the control

	// Identical: both sides are the same program and read the same files, so the
	// series is equal without a value.
	Identical bool

	// All values of each arm, in order; used where there are no pairs.
	BaseValues, CandidateValues []float64
}
