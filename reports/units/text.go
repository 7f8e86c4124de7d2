package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration writes d to three digits with its unit: 200 ms, 1.2 s, 45 µs.
func Duration(d time.Duration) string { return Time.Text(float64(d)) }

// Size writes n bytes to three digits with their unit, in powers of 1024.
func Size(n int64) string { return Bytes.Text(float64(n)) }

// Int writes a whole number with thousands separators.
func Int[T int | int32 | int64](n T) string { return separated(strconv.FormatInt(int64(n), 10)) }

// Number writes v to three digits, from 100 on to the whole number, with thousands
// separators and without trailing zeros.
func Number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return None
	}
	s := plain(threeDigits(v))
	if strings.Contains(s, ".") {
		return s
	}
	return separated(s)
}

// Percent writes a share from 0 to 1. Something never reads as nothing, and something
// missing never reads as all: 0.04 %, 3.0 %, 50 %, 99.7 %.
func Percent(share float64) string {
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

// maxChange is the largest change, in percent, that is written as a number: a larger
// one is no measurement any more and would break every column.
const maxChange = 1e6

// Change writes the size of a change, a share, without its direction, in percent or
// in percentage points: 12 %, 3.1 %, 0.04 pp.
func Change(x float64, points bool) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return None
	}
	p, unit := 100*math.Abs(x), percentOrPoints(points)
	digits := 1
	switch {
	case p > maxChange:
		return ">" + Number(maxChange) + unit
	case p == 0 || p >= 9.95:
		return Number(math.Round(p)) + unit
	case p < 0.005:
		return "<0.01" + unit // something never reads as nothing
	case p < 0.095:
		digits = 2
	}
	return strconv.FormatFloat(p, 'f', digits, 64) + unit
}

// Limit writes a tolerance, a margin or an error rate that somebody chose: as Change,
// but without trailing zeros.
func Limit(x float64, points bool) string {
	p, unit := 100*x, percentOrPoints(points)
	if math.Abs(p) > maxChange {
		return ">" + Number(maxChange) + unit
	}
	return Number(p) + unit
}

func percentOrPoints(points bool) string {
	if points {
		return " pp"
	}
	return " %"
}

// RuleOfThree is the share that an event stays below with 95 % confidence if it did
// not happen in n tries.
func RuleOfThree(n int64) string {
	if n <= 3 {
		return "100 %"
	}
	p := 100 * 3 / float64(n)
	if p < 0.0001 {
		return "0.0001 %"
	}
	// Rounded up, because it is a bound, to two digits.
	scale := math.Pow(10, 1-math.Floor(math.Log10(p)))
	return plain(math.Ceil(p*scale-1e-9)/scale) + " %"
}

// Plural is a number with its noun: 1 pair, 2 pairs.
func Plural[T int | int64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", Int(n), noun)
}

// List joins words as a sentence does: a, b and c.
func List(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// threeDigits rounds v to three significant digits, and from 100 on to a whole number:
// a table that hides digits of a count is hard to check.
func threeDigits(v float64) float64 {
	if math.Abs(v) >= 100 {
		return math.Round(v)
	}
	return significant(v, 3)
}

// significant rounds v to so many significant digits; 0: not at all.
func significant(v float64, digits int) float64 {
	if digits == 0 || v == 0 || math.IsInf(v, 0) {
		return v
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// plain writes v without an exponent and without trailing zeros.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// separated puts a comma between the thousands of a whole number.
func separated(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
