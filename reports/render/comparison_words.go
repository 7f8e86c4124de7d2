package render

import (
	"math"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/units"
)

// A change is told in words, 12 % worse or 3.1 % better: whether more or less
// of a figure is better is nothing that a reader should have to look up.

// size tells how large a change is, without its direction: in percentage
// points where two shares are compared, else in percent.
func size(scale compare.Scale, x float64) string {
	if !isNumber(x) {
		return units.None
	}
	unit := " %"
	if scale == compare.Points {
		unit = " pp"
	}
	p := 100 * math.Abs(x)
	digits := 1
	switch {
	case p > mostTold:
		return ">" + number(mostTold) + unit
	case p == 0 || p >= 9.95:
		return number(math.Round(p)) + unit
	case p < 0.005:
		return "<0.01" + unit // something never reads as nothing
	case p < 0.095:
		digits = 2
	}
	return strconv.FormatFloat(p, 'f', digits, 64) + unit
}

// mostTold is how many percent are told as a number: beyond it they are no
// measurement any more, and would break every column.
const mostTold = 1e6

// allowed tells a tolerance, a margin or a rate that somebody chose, so
// without zeros behind it.
func allowed(scale compare.Scale, x float64) string {
	unit := " %"
	if scale == compare.Points {
		unit = " pp"
	}
	if 100*math.Abs(x) > mostTold {
		return ">" + number(mostTold) + unit
	}
	return number(100*x) + unit
}

// directed tells a change and its direction.
func directed(scale compare.Scale, x float64) string {
	switch s := size(scale, x); {
	case s == units.None:
		return s
	case x > 0:
		return s + " worse"
	case x < 0:
		return s + " better"
	}
	return "no change"
}

// changed tells the change of a finding.
func changed(f compare.Finding) string {
	switch {
	case f.Pairs == 0 && f.Estimate == 0:
		return units.None
	case f.FromZero():
		return fromZero(f)
	}
	return directed(f.Scale, float64(f.Estimate))
}

// fromZero tells a change that has no per cent: 0 → 3 allocs/op.
func fromZero(f compare.Finding) string {
	base, candidate := valueOf(float64(f.BaseValue), f.Unit), valueOf(float64(f.CandidateValue), f.Unit)
	s := base + " → " + candidate
	if base == number(float64(f.BaseValue)) && candidate == number(float64(f.CandidateValue)) {
		s += " " + shorten(escape.Line(f.Unit), 20) // the values have none
	}
	return s
}

// interval tells where the change of a finding lies. Where all of it is on
// the side of the estimate, that side is not told again.
func interval(f compare.Finding) string {
	lo, hi := float64(f.Lower), float64(f.Upper)
	one := func(x float64) string {
		if x == 0 {
			return "0"
		}
		return directed(f.Scale, x)
	}
	switch {
	case f.FromZero(), f.Lower.None() && f.Upper.None():
		return units.None
	case f.Lower.None() && hi < 0:
		return "at least " + one(hi)
	case f.Lower.None():
		return "up to " + one(hi)
	case f.Upper.None() && lo < 0:
		return "at most " + one(lo)
	case f.Upper.None():
		return "at least " + one(lo)
	case lo == hi:
		return "exact"
	case lo >= 0 && hi > 0 && f.Estimate >= 0:
		return size(f.Scale, lo) + " to " + size(f.Scale, hi)
	case hi <= 0 && lo < 0 && f.Estimate <= 0:
		return size(f.Scale, hi) + " to " + size(f.Scale, lo)
	}
	return one(lo) + " to " + one(hi)
}

// noise tells the standard deviation of a pair's change.
func noise(f compare.Finding) string {
	if !(f.Noise >= 0) || f.Pairs == 0 {
		return units.None
	}
	return size(f.Scale, f.Noise)
}

// valueOf tells a figure of a benchmark unit as people do: 203 ms and not
// 203411072 p99-ns. What the figure is of stands beside it.
func valueOf(v float64, unit string) string {
	if !isNumber(v) {
		return units.None
	}
	if v < 0 {
		return "-" + valueOf(-v, unit)
	}
	if v >= 1e15 || v > 0 && v < 1e-9 {
		return strconv.FormatFloat(v, 'g', 3, 64) // no figure of a server; but a column keeps its width
	}
	amount, per, isRate := strings.Cut(unit, "/")
	what := amount[strings.LastIndexByte(amount, '-')+1:]
	switch {
	case what == "ns":
		return units.Time.Text(v)
	case what == "ppm":
		return percent(v / 1e6)
	case what == "B" && per != "s":
		return units.Bytes.Text(v)
	case (what == "MB" || what == "B") && per == "s":
		return number(v) + " " + what + "/s"
	case isRate && per == "s":
		return number(v) + "/s"
	}
	return number(v)
}

// verdictWord is the verdict as it is told; one that is not known is not
// taken for good.
func verdictWord(v compare.Verdict) string {
	if severity(v) < 0 {
		return compare.Invalid.String()
	}
	return v.String()
}
