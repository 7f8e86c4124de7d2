// Package units writes numbers as text and reads them: durations, counts, shares,
// rates and sizes. Everything that a person reads or writes as a number goes
// through it, so that the same value looks the same in every table, sentence,
// figure and flag.
//
// A [Unit] belongs to a figure: Text is for tables and sentences, Short for axes,
// Write and Parse are two directions of the form that flags have. The functions
// write single values: [Duration], [Int], [Number], [Percent], [Size], [Change].
package units

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Unit is the unit of a figure, which decides how its values are written and read.
// A unit that is none of the constants is written as a Count.
type Unit string

// The units.
const (
	Time  Unit = "time"  // nanoseconds
	Count Unit = "count" // a number of something
	Share Unit = "share" // 0 to 1
	Rate  Unit = "rate"  // per second
	Ratio Unit = "ratio" // one number per another
	Bytes Unit = "bytes"
)

// None stands in place of a number that does not exist or is not known.
const None = "–"

// step is one name of a unit and its size. The steps of a unit that are written
// come first, in falling order.
type step struct {
	size float64
	name string
	read bool // it is read, never written
}

// The steps of the units. Where one name ends in another, the longer one stands first.
var steps = map[Unit][]step{
	Time: {{1e9, "s", false}, {1e6, "ms", false}, {1e3, "µs", false}, {1, "ns", false}},
	Bytes: {
		{1 << 40, "TiB", false}, {1 << 30, "GiB", false}, {1 << 20, "MiB", false}, {1 << 10, "KiB", false},
		{1e12, "TB", true}, {1e9, "GB", true}, {1e6, "MB", true}, {1e3, "KB", true}, {1e3, "kB", true},
		{1, "B", false},
	},
	Count: {{1e15, "P", false}, {1e12, "T", false}, {1e9, "G", false}, {1e6, "M", false}, {1, "", false}}, // for axes
}

// scale is v in the largest unit in which it is at least 1 after rounding: 999.96 ms
// is 1 s and never 1000 ms.
func (u Unit) scale(v float64, round func(float64) float64) (float64, string) {
	var r float64
	var name string
	for _, s := range steps[u] {
		if s.read {
			continue
		}
		if r, name = round(v/s.size), s.name; r >= 1 {
			break
		}
	}
	return r, name
}

// Text writes v for tables and sentences, to three digits with its unit: 200 ms,
// 1.2 s, 40 MiB, 3.0 %, 1,234/s.
func (u Unit) Text(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return None
	case math.Abs(v) < 1e-12: // what arithmetic leaves of a zero
		v = 0
	case v < 0:
		return "−" + u.Text(-v)
	}
	switch u {
	case Time, Bytes:
		if v == 0 {
			return "0"
		}
		r, name := u.scale(v, threeDigits)
		return Number(r) + " " + name
	case Share:
		if v > 1 { // 190 % of a core
			return Number(100*v) + " %"
		}
		return Percent(v)
	case Rate:
		return Number(v) + "/s"
	}
	return Number(v)
}

// Short is Text for an axis: large counts and rates have a letter (2.3 M), and the
// "/s" of a rate is left to the axis's name.
func (u Unit) Short(v float64) string {
	switch {
	case u == Time || u == Bytes || math.IsNaN(v) || math.IsInf(v, 0):
		return u.Text(v)
	case v < 0:
		return "−" + u.Short(-v)
	case u == Share && v <= 1:
		return Percent(v)
	case u == Share:
		return Count.Short(100*v) + " %"
	case v > 0 && v < 0.001:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case v < 1e6:
		return Number(v)
	}
	r, letter := Count.scale(v, threeDigits)
	return Number(r) + " " + letter
}

// Want describes what [Unit.Parse] reads, with an example.
func (u Unit) Want() string {
	switch u {
	case Time:
		return "a duration such as 250ms"
	case Share:
		return "a share from 0% to 100%, such as 1%"
	case Rate:
		return "a number per second such as 1000"
	case Ratio:
		return "a number such as 1.5"
	case Bytes:
		return "a size such as 64MiB or 64MB"
	}
	return "a whole number such as 1"
}

// Parse reads a value as it is written in flags, such as 250ms, 1%, 1000 or 64MiB.
// It is false where the text is not what Want describes. Times and sizes are above
// 0, the others 0 or more.
func (u Unit) Parse(text string) (float64, bool) {
	switch u {
	case Time:
		d, err := time.ParseDuration(text)
		return float64(d), err == nil && d > 0
	case Share:
		v, ok := ParseShare(text)
		return v, ok && strings.HasSuffix(text, "%") && v <= 1
	case Rate:
		return parseDecimal(strings.TrimSuffix(text, "/s"), 0)
	case Ratio:
		return parseDecimal(text, 0)
	case Bytes:
		for _, s := range steps[Bytes] {
			if number, ok := strings.CutSuffix(text, s.name); ok {
				v, ok := parseDecimal(strings.TrimSpace(number), 0)
				return v * s.size, ok && v > 0
			}
		}
		return 0, false
	}
	v, ok := parseDecimal(text, 0)
	return v, ok && v == math.Trunc(v)
}

// Write writes v as Parse reads it, to so many significant digits; 0: all.
func (u Unit) Write(v float64, digits int) string {
	round := func(v float64) float64 { return significant(v, digits) }
	switch u {
	case Time, Bytes:
		r, name := u.scale(v, round)
		return plain(r) + name
	case Share:
		percent, err := strconv.ParseFloat(plain(v)+"e2", 64) // 100*v would round: 0.7000000000000001%
		if err != nil {
			percent = 100 * v
		}
		return plain(round(percent)) + "%"
	}
	return plain(round(v))
}

// ParseShare reads a share of 0 or more: 5% or 0.05.
func ParseShare(text string) (float64, bool) {
	if number, percent := strings.CutSuffix(text, "%"); percent {
		return parseDecimal(number, -2)
	}
	return parseDecimal(text, 0)
}

// parseDecimal reads digits with or without a point, times ten to the power of
// exponent. A division afterwards would round once more: 0.7 % must be the same
// number as 7 of 1,000.
func parseDecimal(text string, exponent int) (float64, bool) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false // a sign, an exponent, NaN
	}
	v, err := strconv.ParseFloat(text+"e"+strconv.Itoa(exponent), 64)
	return v, err == nil
}

// ParsePercentile reads p99, p99.9 or, as people write it, p999, as 0.99 and 0.999.
func ParsePercentile(name string) (q float64, ok bool) {
	digits, ok := strings.CutPrefix(name, "p")
	if len(digits) > 2 && strings.Trim(digits, "9") == "" {
		digits = digits[:2] + "." + digits[2:]
	}
	whole, _, _ := strings.Cut(digits, ".")
	percent, known := parseDecimal(digits, 0)
	if !ok || !known || len(whole) > 2 || len(digits) > 8 || percent == 0 {
		return 0, false
	}
	return parseDecimal(digits, -2)
}

// Percentile is the name of the quantile q: p99, p99.9.
func Percentile(q float64) string {
	return "p" + strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.6f", 100*q), "0"), ".")
}

// Value is a number that may be missing: infinite, or not a number. JSON has a form for
// neither, so it is null there.
type Value float64

// None reports whether the number is missing.
func (v Value) None() bool { return math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) }

// MarshalJSON writes a number, or null.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.None() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(v))
}

// UnmarshalJSON reads what MarshalJSON writes; null becomes NaN.
func (v *Value) UnmarshalJSON(data []byte) error {
	n := math.NaN()
	if string(data) != "null" {
		if err := json.Unmarshal(data, &n); err != nil {
			return err
		}
	}
	*v = Value(n)
	return nil
}
