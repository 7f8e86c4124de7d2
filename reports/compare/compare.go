// Package compare decides whether a candidate got worse than its base, and
// does not cry wolf.
//
//  1. A [Sample] is one figure of one launch of one arm: base, candidate, or
//     control, which is the base once more. Samples are read from stages
//     ([FromStages]) or from benchmark text ([ReadBench]).
//  2. [Collect] puts them together into [Series]: one [Metric] of one
//     scenario, pair by pair.
//  3. A [Design] says how many pairs are looked at when, and shares the chance
//     of a false alarm out over all metrics and looks beforehand.
//  4. [Decide] turns each series into a [Finding] and all of them into a
//     [Report]: regressed, unstable, minor, improved, equal, inconclusive, or not
//     valid.
//
// The unit is the pair: base and candidate launched afresh next to each other,
// in an order that was drawn. Where nothing changed, either order was as
// likely, so the log ratio of a pair is as likely to be of either sign,
// whatever the noise, its drift or its autocorrelation. The bounds of a change
// are those of the exact signed-rank test on these log ratios. That the chance of
// a false alarm is what it is needs no other assumption, but that pairs do not
// know of each other: what an arm keeps from one pair to the next, such as a
// cache on a disk or a layout that is not drawn, is taken for the change.
//
// The bounds are about the typical launch. Launches that are far worse than that
// are counted, and compared by a test of their own ([Outliers]).
//
// A change is told as how much worse it is: +0.05 is 5 % worse, in a figure of
// which more is better too.
package compare

// Arm is what a sample was taken from.
type Arm string

// The arms of a comparison.
const (
	Base      Arm = "base"
	Candidate Arm = "candidate"
	Control   Arm = "control" // the base once more, which must not differ from it
)

// Verdict is what is said of a metric, and of a comparison as a whole.
type Verdict string

// The verdicts.
const (
	Regressed    Verdict = "regressed"    // proven worse than the margin, and it may be worse than the tolerance; or most of its launches are outliers
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

// ExitCode is the exit code that the verdict means.
func (v Verdict) ExitCode() int {
	switch v {
	case Regressed, Unstable:
		return ExitRegressed
	case Inconclusive:
		return ExitInconclusive
	case Minor, Improved, Equal:
		return ExitFine
	}
	return ExitInvalid // also what is unknown: absence is never a pass
}
