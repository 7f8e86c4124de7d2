package render

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// unitStep is one step of a ladder of units: from is the least amount, in the
// ladder's base, that is told in it.
type unitStep struct {
	from float64
	name string
}

var (
	timeUnits = []unitStep{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}
	byteUnits = []unitStep{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}}
)

// duration tells d to three digits with its unit: 200 ms, 1.2 s, 45 µs.
func duration(d time.Duration) string { return withUnit(float64(d), timeUnits) }

// byteSize tells n to three digits with its unit, in powers of 1024.
func byteSize(n int64) string { return withUnit(float64(n), byteUnits) }

// withUnit chooses the unit after rounding to three digits: 999.96 ms is 1 s
// and never 1000 ms.
func withUnit(v float64, ladder []unitStep) string {
	if v <= 0 {
		return "0"
	}
	for i, u := range ladder {
		r := threeDigits(v / u.from)
		if r >= 1 || i == len(ladder)-1 {
			return number(r) + " " + u.name
		}
	}
	return "" // a ladder is never empty
}

// threeDigits rounds v to three significant digits; from 1,000 on to a whole
// number, because a table that hides digits of a count is hard to check.
func threeDigits(v float64) float64 {
	if v >= 100 || v == 0 {
		return math.Round(v)
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// number writes v with thousands separators and no trailing zeros, to three
// digits or to the whole number.
func number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	s := strconv.FormatFloat(threeDigits(v), 'f', -1, 64)
	whole, rest, _ := strings.Cut(s, ".")
	if rest != "" {
		return whole + "." + rest
	}
	return thousands(whole)
}

func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// count writes a whole number with thousands separators.
func count(n int64) string { return thousands(strconv.FormatInt(n, 10)) }

// percent tells a share 0..1 so that something never reads as nothing, and
// something missing never reads as the whole: 0.04 %, 3.0 %, 50 %, 99.7 %.
func percent(share float64) string {
	p := 100 * share
	digits := 0
	switch {
	case p == 0 || p == 100:
	case p < 0.1 || p > 99.9:
		digits = 2
	case p < 10 || p > 99:
		digits = 1
	}
	switch s := strconv.FormatFloat(p, 'f', digits, 64); {
	case p > 0 && s == "0.00":
		return "<0.01 %"
	case p < 100 && s == "100.00":
		return ">99.99 %"
	default:
		return s + " %"
	}
}

// seldom is the share that an event which never came in n tries stays below,
// with 95 % confidence: the rule of three.
func seldom(n int64) string {
	if n <= 3 {
		return "100 %"
	}
	p := 100 * 3 / float64(n)
	if p < 0.0001 {
		return "0.0001 %"
	}
	// Rounded up, because it is a bound, to two digits: more would be vanity.
	scale := math.Pow(10, 1-math.Floor(math.Log10(p)))
	p = math.Ceil(p*scale-1e-9) / scale
	return strconv.FormatFloat(p, 'f', -1, 64) + " %"
}

// and joins names as a sentence does: a, b and c.
func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// shorten cuts the middle out of s where it has more than most characters: of
// a URL, host and path's end both tell.
func shorten(s string, most int) string {
	if len(s) <= most || most < 3 {
		return s
	}
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	head := (most - 1) / 2
	return string(r[:head]) + "…" + string(r[len(r)-(most-1-head):])
}
