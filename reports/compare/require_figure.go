package compare

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// requireFigure is a figure of a stage that something can be required of.
type requireFigure struct {
	name string
	unit *requireUnit
	of   func(*result.Stage) requireReading
}

// requireReading is what a stage says of a figure.
type requireReading struct {
	value float64 // in the figure's unit; infinite where all that is known is that it is beyond all bounds
	thin  bool    // fewer than ten samples lie beyond it
	none  string  // why there is no value; empty where there is one
	say   string  // in place of the value, where it is infinite
}

// requireFigures are those beside the percentiles.
var requireFigures = []requireFigure{
	{"max", latencyUnit, func(s *result.Stage) requireReading { return latencyReading(s.Latency, 1) }},
	{"mean", durationUnit, func(s *result.Stage) requireReading {
		if s.Latency.N() == 0 {
			return requireReading{none: noneOK}
		}
		return requireReading{value: float64(s.Latency.Mean())}
	}},
	{"rejected", shareUnit, shareReading(func(c *result.Counts) int64 { return c[result.Rejected] })},
	{"errors", shareUnit, shareReading((*result.Counts).Failed)},
	{"ok", shareUnit, shareReading(func(c *result.Counts) int64 { return c[result.OK] })},
	{"ok/s", rateUnit, func(s *result.Stage) requireReading { return requireReading{value: s.Goodput()} }},
	{"cpu", durationUnit, func(s *result.Stage) requireReading {
		if s.Counts[result.OK] == 0 {
			return requireReading{none: noneOK}
		}
		return knownReading(float64(s.CPUPerServed()), "the target's CPU time is not known")
	}},
	{"backlog", countUnit, queueReading(func(q *result.Queue) int64 { return q.Backlog })},
	{"lost", countUnit, queueReading(func(q *result.Queue) int64 { return q.Lost })},
	{"unknown", countUnit, queueReading(func(q *result.Queue) int64 { return q.Unknown })},
	{"rss", sizeUnit, func(s *result.Stage) requireReading {
		return knownReading(float64(s.Target.RSSMax), "the target's memory is not known")
	}},
}

// noneOK is why there is no latency.
const noneOK = "no request was ok"

// RequirementMetrics are the metrics that something can be required of. Any
// other percentile goes as well: p95, or p99.99.
func RequirementMetrics() []string {
	names := []string{"p50", "p90", "p99", "p99.9", "adjusted-p99", "service-p99"}
	for _, f := range requireFigures {
		names = append(names, f.name)
	}
	return names
}

// requireFigureOf is the figure of that name; false where there is none.
func requireFigureOf(name string) (requireFigure, bool) {
	for _, f := range requireFigures {
		if f.name == name {
			return f, true
		}
	}
	of := func(q float64) func(*result.Stage) requireReading {
		return func(s *result.Stage) requireReading { return latencyReading(s.Latency, q) }
	}
	percentile := name
	if rest, ok := strings.CutPrefix(name, "adjusted-"); ok {
		percentile, of = rest, adjustedReading
	} else if rest, ok := strings.CutPrefix(name, "service-"); ok {
		percentile, of = rest, func(q float64) func(*result.Stage) requireReading {
			return func(s *result.Stage) requireReading { return latencyReading(s.Service, q) }
		}
	}
	q, ok := parsePercentile(percentile)
	if !ok {
		return requireFigure{}, false
	}
	return requireFigure{name, latencyUnit, of(q)}, true
}

// parsePercentile reads p99, p99.9 or, as people write it, p999.
func parsePercentile(name string) (q float64, ok bool) {
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

// latencyReading is the quantile q of times of requests that were ok.
func latencyReading(h *result.Hist, q float64) requireReading {
	n := h.N()
	d := h.Quantile(q)
	switch {
	case n == 0:
		return requireReading{none: noneOK}
	case q < 1 && !h.Resolved(q):
		return requireReading{none: tooFew(n, q)}
	case h.Over() > 0 && d >= result.HistHighest:
		return beyondHighest()
	}
	return requireReading{value: float64(d), thin: q < 1 && h.Thin(q)}
}

// adjustedReading is the quantile q of all arrivals, where those that failed
// are slowest.
func adjustedReading(q float64) func(*result.Stage) requireReading {
	return func(s *result.Stage) requireReading {
		n := s.Counts.Planned()
		beyond := float64(n)*(1-q) + 1e-9
		d, finite := s.Adjusted(q)
		switch {
		case n == 0:
			return requireReading{none: "there was no arrival"}
		case !finite: // so much is certain, however few there were
			return requireReading{value: math.Inf(1), say: fmt.Sprintf("∞ (%s failed)", shareUnit.tell(1-s.Share(result.OK), 3))}
		case beyond < 1:
			return requireReading{none: tooFew(n, q)}
		case s.Latency.Over() > 0 && d >= result.HistHighest:
			return beyondHighest()
		}
		return requireReading{value: float64(d), thin: beyond < 10}
	}
}

func beyondHighest() requireReading {
	return requireReading{value: math.Inf(1), say: fmt.Sprintf("above %v", result.HistHighest)}
}

func tooFew(n int64, q float64) string {
	return fmt.Sprintf("%d samples are too few: it takes %.0f", n, math.Ceil(1/(1-q)-1e-6))
}

func shareReading(count func(*result.Counts) int64) func(*result.Stage) requireReading {
	return func(s *result.Stage) requireReading {
		planned := s.Counts.Planned()
		if planned == 0 {
			return requireReading{none: "there was no arrival"}
		}
		return requireReading{value: float64(count(&s.Counts)) / float64(planned)}
	}
}

// queueReading is a count of the accepted requests of a target that works later.
// What is unknown is not known to be lost or waiting, and not known not to be.
func queueReading(count func(*result.Queue) int64) func(*result.Stage) requireReading {
	return func(s *result.Stage) requireReading {
		q := s.Queue
		switch {
		case q == nil:
			return requireReading{none: "the target does the work before it answers"}
		case q.Unknown > 0 && count(q) != q.Unknown:
			return requireReading{none: fmt.Sprintf("of %d accepted requests it is unknown what became of them", q.Unknown)}
		}
		return requireReading{value: float64(count(q))}
	}
}

func knownReading(value float64, unknown string) requireReading {
	if value <= 0 {
		return requireReading{none: unknown}
	}
	return requireReading{value: value}
}

// requireUnit reads and tells the values of figures.
type requireUnit struct {
	want  string // what can be written, for messages
	parse func(text string) (float64, bool)
	tell  func(v float64, digits int) string // to so many significant digits; 0: all that there are
}

var (
	durationUnit = &requireUnit{"a duration such as 250ms", parsePositive, tellDuration}
	latencyUnit  = &requireUnit{
		fmt.Sprintf("a duration such as 250ms, and at most %v", result.HistHighest),
		func(text string) (float64, bool) {
			v, ok := parsePositive(text)
			return v, ok && v <= float64(result.HistHighest) // above it, histograms tell nothing apart
		},
		tellDuration,
	}
	shareUnit = &requireUnit{
		"a share from 0% to 100%, such as 1%",
		func(text string) (float64, bool) {
			number, percent := strings.CutSuffix(text, "%")
			v, ok := parseDecimal(number, -2)
			return v, ok && percent && v <= 1
		},
		func(v float64, digits int) string { return tellNumber(100*v, digits) + "%" },
	}
	rateUnit = &requireUnit{
		"a number a second such as 1000",
		func(text string) (float64, bool) { return parseDecimal(text, 0) },
		tellNumber,
	}
	countUnit = &requireUnit{
		"a whole number such as 1",
		func(text string) (float64, bool) {
			v, ok := parseDecimal(text, 0)
			return v, ok && v == math.Trunc(v)
		},
		tellNumber,
	}
	sizeUnit = &requireUnit{"a size such as 64MiB or 64MB", parseSize, tellSize}
)

func parsePositive(text string) (float64, bool) {
	d, err := time.ParseDuration(text)
	return float64(d), err == nil && d > 0
}

func tellDuration(v float64, digits int) string { return time.Duration(toDigits(v, digits)).String() }

// parseDecimal reads digits with or without a point, times ten to the power of
// shift. The shift is part of what is read, and no division behind it: 0.7 %
// must be the very number that 7 of 1,000 are.
func parseDecimal(text string, shift int) (float64, bool) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false // a sign, an exponent, NaN
	}
	v, err := strconv.ParseFloat(text+"e"+strconv.Itoa(shift), 64)
	return v, err == nil
}

func tellNumber(v float64, digits int) string {
	return strconv.FormatFloat(toDigits(v, digits), 'f', -1, 64)
}

// requireSizes are the units of a size; those that are a part of others' names
// stand behind them.
var requireSizes = []struct {
	name string
	size float64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1},
}

func parseSize(text string) (float64, bool) {
	for _, u := range requireSizes {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			v, ok := parseDecimal(strings.TrimSpace(number), 0)
			return v * u.size, ok && v > 0
		}
	}
	return 0, false
}

func tellSize(v float64, digits int) string {
	for _, u := range requireSizes[:3] {
		if v >= u.size {
			return tellNumber(v/u.size, digits) + u.name
		}
	}
	return tellNumber(v, digits) + "B"
}

// toDigits rounds to so many significant digits, and where digits is 0 not at all.
func toDigits(v float64, digits int) float64 {
	if digits == 0 || math.IsInf(v, 0) {
		return v
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil {
		return v
	}
	return r
}
