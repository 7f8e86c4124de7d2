package verdict

import (
	"math"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// A change is "12 % worse" or "3.1 % better": no reader should have to look up
// whether more or less of a metric is better.

// size is how large a change is, without its direction.
func size(scale compare.Scale, x float64) string { return units.Change(x, scale == compare.Points) }

// limit is a tolerance, a margin or a rate that somebody chose.
func limit(scale compare.Scale, x float64) string { return units.Limit(x, scale == compare.Points) }

// directed is a change with its direction.
func directed(scale compare.Scale, x float64) string {
	switch {
	case x > 0:
		return size(scale, x) + " worse"
	case x < 0:
		return size(scale, x) + " better"
	case x == 0:
		return "no change"
	}
	return units.None
}

func measured(f compare.Finding) bool { return f.Pairs != 0 || f.Estimate != 0 }

// unbounded reports whether nothing is known of where the change lies.
func unbounded(f compare.Finding) bool { return f.FromZero() || f.Lower.None() && f.Upper.None() }

// exactly reports whether the change has no noise.
func exactly(f compare.Finding) bool { return !f.Lower.None() && f.Lower == f.Upper }

func changed(f compare.Finding) string {
	switch {
	case !measured(f):
		return units.None
	case f.FromZero():
		return fromZero(f)
	}
	return directed(f.Scale, float64(f.Estimate))
}

// fromZero is a change that has no percentage: 0 → 3 allocs/op.
func fromZero(f compare.Finding) string {
	s := valueOf(float64(f.BaseValue), f.Unit) + " → " + valueOf(float64(f.CandidateValue), f.Unit)
	if named, _, suffix := unitOf(f.Unit); named == units.Count && suffix == "" {
		s += " " + words.Shorten(escape.Line(f.Unit), 20) // the values have no unit
	}
	return s
}

// interval is where the change of a finding lies. Where all of it is on the side of
// the estimate, that side is not repeated.
func interval(f compare.Finding) string {
	lo, hi := float64(f.Lower), float64(f.Upper)
	one := func(x float64) string {
		if x == 0 {
			return "0"
		}
		return directed(f.Scale, x)
	}
	switch {
	case unbounded(f):
		return units.None
	case exactly(f):
		return "exact"
	case f.Lower.None() && hi < 0:
		return "at least " + one(hi)
	case f.Lower.None():
		return "up to " + one(hi)
	case f.Upper.None() && lo < 0:
		return "at most " + one(lo)
	case f.Upper.None():
		return "at least " + one(lo)
	case lo >= 0 && hi > 0 && f.Estimate >= 0:
		return size(f.Scale, lo) + " to " + size(f.Scale, hi)
	case hi <= 0 && lo < 0 && f.Estimate <= 0:
		return size(f.Scale, hi) + " to " + size(f.Scale, lo)
	}
	return one(lo) + " to " + one(hi)
}

func noise(f compare.Finding) string {
	if !(f.Noise >= 0) || f.Pairs < 2 {
		return units.None
	}
	return size(f.Scale, f.Noise)
}

// typical is a value of a finding; one that was never measured has none.
func typical(f compare.Finding, v compare.Bound) string {
	if f.Pairs == 0 && v == 0 {
		return units.None
	}
	return valueOf(float64(v), f.Unit)
}

// outliers is how many of the candidate's launches are far worse than the typical
// one. Where the typical launch itself is proven worse, the number says nothing, and
// there is none.
func outliers(f compare.Finding) string {
	switch {
	case f.Outliers == nil:
		return units.None
	case !f.Lower.None() && float64(f.Lower) > f.Margin, f.FromZero() && ofFinding(f) == compare.Regressed:
		return ""
	}
	return units.Int(f.Outliers.Candidate.Outliers) + " of " + units.Int(f.Outliers.Candidate.N)
}

// unitOf is how values in a unit of benchmark text are printed: in which unit, times
// which scale, with which suffix.
func unitOf(unit string) (u units.Unit, scale float64, suffix string) {
	amount, per, isRate := strings.Cut(unit, "/")
	switch what := amount[strings.LastIndexByte(amount, '-')+1:]; {
	case what == "ns":
		return units.Time, 1, ""
	case what == "ppm":
		return units.Share, 1e-6, ""
	case what == "B" && per != "s":
		return units.Bytes, 1, ""
	case (what == "MB" || what == "B") && per == "s":
		return units.Count, 1, " " + what + "/s"
	case isRate && per == "s":
		return units.Rate, 1, ""
	}
	return units.Count, 1, ""
}

// valueOf is a value in a unit of benchmark text as people write it: 203 ms in place
// of 203411072 p99-ns.
func valueOf(v float64, unit string) string {
	if size := math.Abs(v); size >= 1e15 && !math.IsInf(v, 0) || size > 0 && size < 1e-9 {
		return strconv.FormatFloat(v, 'g', 3, 64) // no value of a server; but a column keeps its width
	}
	u, scale, suffix := unitOf(unit)
	return u.Text(v*scale) + suffix
}
