package render

import (
	"cmp"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare"
)

// bySeverity are the verdicts from the one that matters most.
var bySeverity = []compare.Verdict{
	compare.Invalid, compare.Regressed, compare.Unstable, compare.Inconclusive, compare.Minor, compare.Improved, compare.Equal,
}

// severity is the place of a verdict in that order; -1 where it is not known.
func severity(v compare.Verdict) int { return slices.Index(bySeverity, v) }

// ofFinding is the verdict of a finding, where one that is not known is not
// valid: absence is never a pass.
func ofFinding(f compare.Finding) compare.Verdict {
	if severity(f.Verdict) < 0 {
		return compare.Invalid
	}
	return f.Verdict
}

// overall is the verdict of the comparison. Of one that compared nothing, or
// whose verdict is not known, nothing good is said.
func (c *comparison) overall() compare.Verdict {
	if severity(c.Verdict) < 0 || len(c.Findings) == 0 {
		return compare.Invalid
	}
	return c.Verdict
}

// ranked are the findings as a reader wants them: those that decide before
// those that inform, the worst first.
func ranked(findings []compare.Finding) []compare.Finding {
	out := slices.Clone(findings)
	slices.SortStableFunc(out, func(a, b compare.Finding) int {
		if a.Gated != b.Gated {
			if a.Gated {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(severity(ofFinding(a)), severity(ofFinding(b))), cmp.Compare(excess(b), excess(a)))
	})
	return out
}

// excess is how much worse a finding is, or how much better one that improved,
// in tolerances: 1 % more allocations are worse than 3 % more latency.
func excess(f compare.Finding) float64 {
	x := float64(f.Estimate)
	switch {
	case f.FromZero() && x > 0:
		return math.Inf(1)
	case !isNumber(x):
		return math.Inf(-1)
	case f.Tolerance > 0:
		x /= f.Tolerance
	}
	if f.Verdict == compare.Improved {
		return -x // the most improved is the news
	}
	return x
}

// gated are the findings of a verdict that decide, the worst first.
func (c *comparison) gated(v compare.Verdict) []compare.Finding {
	var out []compare.Finding
	for _, f := range ranked(c.Findings) {
		if f.Gated && ofFinding(f) == v {
			out = append(out, f)
		}
	}
	return out
}

// informing are the findings that decide nothing.
func (c *comparison) informing() []compare.Finding {
	var out []compare.Finding
	for _, f := range ranked(c.Findings) {
		if !f.Gated {
			out = append(out, f)
		}
	}
	return out
}

// failed is whether a verdict counts as a failure, as the command's exit code has
// it. A regression without pairs is not proven, and fails where what is
// inconclusive does; and where the comparison is not valid, nothing that it says
// of a metric is proven.
func (c *comparison) failed(v compare.Verdict) bool {
	if c.overall() == compare.Invalid {
		return false
	}
	switch v {
	case compare.Unstable:
		return true
	case compare.Regressed:
		if c.Exit == compare.ExitInconclusive {
			return c.inconclusiveFails
		}
		return !c.Advisory || c.Exit != compare.ExitFine
	case compare.Inconclusive:
		return c.inconclusiveFails
	}
	return false
}
