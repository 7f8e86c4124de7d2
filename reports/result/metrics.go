package result

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/units"
)

// Metric is one figure of a stage: its names, how it is read and how it is printed.
// Tables, requirements, the gate and benchmark lines all use the metrics of this
// package; what they add is which of them they use, and for what.
type Metric struct {
	Name    string     // in requirements and the gate: p99, cpu
	Heading string     // of a table's column: CPU per request
	Unit    units.Unit // of its values
	Higher  bool       // more is better

	// Bench is the unit in Go benchmark lines, "" where it is on none; a value in
	// it is benchScale times the metric's.
	Bench      string
	benchScale float64
	different  func(*Stage) bool // of which stages it is on the lines; nil: all

	// Max is the largest value that is measured: a larger one is only known to be
	// larger. 0 where there is none.
	Max float64

	read func(*Stage) Reading
}

// Reading is the value that a stage has of a metric, or the reason why it has none.
type Reading struct {
	Value  float64 // infinite where it is only known to be above all that is measured
	Thin   bool    // fewer than ten samples lie beyond it
	Note   string  // printed in place of an infinite value
	Reason string  // why there is no value; "" where there is one
}

// Metrics are the metrics that have a name of their own. [MetricNamed] also knows
// every other percentile.
var Metrics = slices.Concat(stageMetrics, streamMetrics)

var stageMetrics = []Metric{
	benchmarked(percentile("", 0.5)),
	benchmarked(percentile("", 0.9)),
	benchmarked(percentile("", 0.99)),
	percentile("", 0.999),
	{Name: "max", Heading: "max", Unit: units.Time, Max: float64(HistHighest), read: latencyReading(1)},
	{Name: "mean", Heading: "mean", Unit: units.Time, read: func(s *Stage) Reading {
		latency := s.Shown().Latency
		return known(float64(latency.Mean()), latency.N() > 0, noneOK)
	}},
	percentile("adjusted-", 0.99),
	percentile("uncorrected-", 0.99),
	percentile("ttfb-", 0.5),
	whereDifferent(benchmarked(percentile("ttfb-", 0.99)), (*Stage).InParts),
	benchmarked(percentile("overhead-", 0.99)),
	{Name: "ok/s", Heading: "ok/s", Unit: units.Rate, Higher: true, Bench: "ok/s", benchScale: 1, read: func(s *Stage) Reading { return Reading{Value: s.Goodput()} }},
	{Name: "ok", Heading: "ok", Unit: units.Share, Higher: true, read: shareReading(func(c *Counts) int64 { return c[OK] })},
	{Name: "rejected", Heading: "rejected", Unit: units.Share, Bench: "rejected-ppm", benchScale: 1e6, read: shareReading(func(c *Counts) int64 { return c[Rejected] })},
	{Name: "failed", Heading: "failed", Unit: units.Share, read: shareReading((*Counts).Failed)},
	{Name: "served-per-wait", Heading: "served per wait", Unit: units.Ratio, Higher: true, read: func(s *Stage) Reading {
		wait := s.Settings.Duration(KeyBackendLatency)
		return known(s.Goodput()*wait.Seconds(), wait > 0, "the backend's latency is not known")
	}},
	{Name: "cpu", Heading: "CPU per request", Unit: units.Time, Bench: "cpu-ns/req", benchScale: 1, read: perServed(func(s *Stage) Reading {
		return known(float64(s.CPUPerServed()), s.CPUPerServed() > 0, "the target's CPU time is not known")
	})},
	{Name: "allocs", Heading: "allocations per request", Unit: units.Ratio, Bench: "allocs/req", benchScale: 1, read: perServed(func(s *Stage) Reading {
		return known(float64(s.Target.Allocs)/float64(s.Counts[OK]), s.Target.Allocs > 0, "the target's allocations are not known")
	})},
	{Name: "memory", Heading: "memory", Unit: units.Bytes, read: func(s *Stage) Reading {
		return known(float64(s.Target.RSSMax), s.Target.RSSMax > 0, "the target's memory is not known")
	}},
	{Name: "threads", Heading: "threads", Unit: units.Count, read: func(s *Stage) Reading {
		return known(float64(s.Target.ThreadsMax), s.Target.ThreadsMax > 0, "the target's threads are not known")
	}},
	percentile("completion-", 0.5),
	percentile("completion-", 0.99),
	{Name: "backlog", Heading: "backlog", Unit: units.Count, read: completionReading(false, func(q *Completion) int64 { return q.Backlog })},
	{Name: "lost", Heading: "lost", Unit: units.Count, read: completionReading(false, func(q *Completion) int64 { return q.Lost })},
	{Name: "unknown", Heading: "unknown", Unit: units.Count, read: completionReading(true, func(q *Completion) int64 { return q.Unknown })},
	{Name: "duplicates", Heading: "duplicates", Unit: units.Count, read: completionReading(true, func(q *Completion) int64 { return q.Duplicates })},
}

// percentiles are the kinds of percentiles. A metric's name is the prefix and then
// p99, p99.9 or any other.
var percentiles = []struct {
	prefix string
	read   func(q float64) func(*Stage) Reading
}{
	{"adjusted-", adjustedReading},
	{"uncorrected-", func(q float64) func(*Stage) Reading {
		return func(s *Stage) Reading { return histReading(s.Shown().Uncorrected, q) }
	}},
	{"ttfb-", func(q float64) func(*Stage) Reading {
		return func(s *Stage) Reading {
			t := s.Shown()
			if t.FirstByte.N() == 0 && t.Latency.N() > 0 {
				return Reading{Reason: "the driver does not see the first byte of a reply"}
			}
			return histReading(t.FirstByte, q)
		}
	}},
	{"first-event-", eventReading(func(s *Streams) *Hist { return s.FirstEvent }, noEvent)},
	{"median-gap-", eventReading(func(s *Streams) *Hist { return s.MedianGap }, "no stream had two gaps")},
	{"gap-", eventReading(func(s *Streams) *Hist { return s.Gap }, "no stream had a gap")},
	{"overhead-", overheadReading},
	{"completion-", completedReading},
	{"", latencyReading},
}

// MetricNamed is the metric of that name; false where there is none.
func MetricNamed(name string) (Metric, bool) {
	for _, m := range Metrics {
		if m.Name == name {
			return m, true
		}
	}
	for _, p := range percentiles {
		rest, ok := strings.CutPrefix(name, p.prefix)
		if !ok {
			continue
		}
		if q, ok := units.ParsePercentile(rest); ok {
			m := percentile(p.prefix, q)
			m.Name = name // p999 is p99.9, as it was written
			return m, true
		}
	}
	return Metric{}, false
}

// MetricNames are the names of [Metrics].
func MetricNames() []string {
	names := make([]string, len(Metrics))
	for i, m := range Metrics {
		names[i] = m.Name
	}
	return names
}

// percentile is the metric of a kind of percentile and its quantile.
func percentile(prefix string, q float64) Metric {
	for _, p := range percentiles {
		if p.prefix == prefix {
			name := prefix + units.Percentile(q)
			return Metric{Name: name, Heading: strings.ReplaceAll(name, "-", " "), Unit: units.Time, Max: float64(HistHighest), read: p.read(q)}
		}
	}
	panic("no percentile " + prefix)
}

// benchmarked is a time that is on benchmark lines.
func benchmarked(m Metric) Metric {
	m.Bench, m.benchScale = m.Name+"-ns", 1
	return m
}

// whereDifferent is a metric that is on the benchmark lines of some stages only: of
// the others it says nothing that another one does not.
func whereDifferent(m Metric, differs func(*Stage) bool) Metric {
	m.different = differs
	return m
}

// Read is the value that the stage has of the metric.
func (m Metric) Read(s *Stage) Reading { return m.read(s) }

// BenchValue is the value on a benchmark line, in the unit Bench. It is false where
// the metric is on none, or the stage has no value.
func (m Metric) BenchValue(s *Stage) (float64, bool) {
	r := m.read(s)
	if m.Bench == "" || r.Reason != "" || m.different != nil && !m.different(s) {
		return 0, false
	}
	if math.IsInf(r.Value, 1) && m.Max > 0 {
		r.Value = m.Max
	}
	return r.Value * m.benchScale, true
}

// Better is the direction as benchmark text has it: higher or lower.
func (m Metric) Better() string {
	if m.Higher {
		return "higher"
	}
	return "lower"
}

// Cell is the stage's value as tables print it: 200 ms, ~1.2 s where fewer than ten
// samples lie beyond it, >60 s, – where there is none.
func (m Metric) Cell(s *Stage) string {
	r := m.read(s)
	switch {
	case r.Reason != "":
		return units.None
	case r.Note != "":
		return r.Note
	case r.Thin:
		return "~" + m.Unit.Text(r.Value)
	}
	return m.Unit.Text(r.Value)
}

const (
	noneOK    = "no request was ok"
	noArrival = "there was no arrival"
)

// known is a value where ok, else the reason why there is none.
func known(v float64, ok bool, reason string) Reading {
	if !ok {
		return Reading{Reason: reason}
	}
	return Reading{Value: v}
}

// ranked is d, the quantile q of n values, of which over were above all that
// histograms hold.
func ranked(d float64, q float64, n, over int64) Reading {
	beyond := beyond(q, n)
	switch {
	case q < 1 && beyond < 1:
		return Reading{Reason: fmt.Sprintf("%d samples are too few: it takes %.0f", n, math.Ceil(1/(1-q)-1e-6))}
	case over > 0 && d >= float64(HistHighest):
		return Reading{Value: math.Inf(1), Note: ">" + units.Duration(HistHighest)}
	}
	return Reading{Value: d, Thin: q < 1 && beyond < 10}
}

func histReading(h *Hist, q float64) Reading {
	if h.N() == 0 {
		return Reading{Reason: noneOK}
	}
	return ranked(float64(h.Quantile(q)), q, h.N(), h.Over())
}

func latencyReading(q float64) func(*Stage) Reading {
	return func(s *Stage) Reading { return histReading(s.Shown().Latency, q) }
}

// adjustedReading is of all arrivals, of which those that were not ok are slowest.
func adjustedReading(q float64) func(*Stage) Reading {
	return func(s *Stage) Reading {
		d, finite := s.Adjusted(q)
		t := s.Shown()
		switch {
		case t.Counts.Planned() == 0:
			return Reading{Reason: noArrival}
		case !finite: // that much is certain, however few there were
			return Reading{Value: math.Inf(1), Note: fmt.Sprintf("∞ (%s not ok)", units.Percent(1-s.Share(OK)))}
		}
		return ranked(float64(d), q, t.Counts.Planned(), t.Latency.Over())
	}
}

func overheadReading(q float64) func(*Stage) Reading {
	return func(s *Stage) Reading {
		r := histReading(s.Shown().Latency, q)
		d, ok := s.Overhead(q)
		switch {
		case r.Reason != "":
			return r
		case !ok:
			return Reading{Reason: "how long each request waits is not known"}
		case !math.IsInf(r.Value, 1):
			r.Value = float64(d)
		}
		return r
	}
}

const completesFirst = "the target completes the work before it replies"

// completedReading is of all accepted requests, of which those that were not
// completed are slowest.
func completedReading(q float64) func(*Stage) Reading {
	return func(s *Stage) Reading {
		if s.Completion == nil {
			return Reading{Reason: completesFirst}
		}
		d, finite := s.Completion.Quantile(q)
		switch n := s.Completion.Accepted; {
		case n == 0:
			return Reading{Reason: noneOK}
		case !finite:
			return Reading{Value: math.Inf(1), Note: fmt.Sprintf("∞ (%s not completed)", units.Percent(1-float64(s.Completion.Completed())/float64(n)))}
		default:
			return ranked(float64(d), q, n, s.Completion.Latency.Over())
		}
	}
}

// completionReading is a count of accepted requests. Where it is not certain, a
// request whose end is unknown may belong to it.
func completionReading(certain bool, count func(*Completion) int64) func(*Stage) Reading {
	return func(s *Stage) Reading {
		switch q := s.Completion; {
		case q == nil:
			return Reading{Reason: completesFirst}
		case q.Unknown > 0 && !certain:
			return Reading{Reason: fmt.Sprintf("of %d accepted requests it is unknown what became of them", q.Unknown)}
		default:
			return Reading{Value: float64(count(q))}
		}
	}
}

func shareReading(count func(*Counts) int64) func(*Stage) Reading {
	return func(s *Stage) Reading {
		counts := s.Shown().Counts
		return known(float64(count(&counts))/float64(counts.Planned()), counts.Planned() > 0, noArrival)
	}
}

func perServed(read func(*Stage) Reading) func(*Stage) Reading {
	return func(s *Stage) Reading {
		if s.Counts[OK] == 0 {
			return Reading{Reason: noneOK}
		}
		return read(s)
	}
}
