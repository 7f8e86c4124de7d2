package result

import "time"

// Metric is one figure of a stage in the form of the Go benchmark format.
type Metric struct {
	Unit   string // the name of the figure and its unit
	Better string // "lower" or "higher"

	// Of returns the figure; false where the stage has none: no percentile where
	// its samples do not reach so far, no overhead where it is not known what
	// each request waits for, no CPU time where the target's process is not
	// known or nothing was served, no allocations where it is not the generator's own.
	Of func(*Stage) (value float64, ok bool)
}

// Metrics are the figures that are printed as benchmark lines, in order.
var Metrics = []Metric{
	{"p50-ns", "lower", latencyAt(0.5)},
	{"p90-ns", "lower", latencyAt(0.9)},
	{"p99-ns", "lower", latencyAt(0.99)},
	{"overhead-p99-ns", "lower", overheadAt(0.99)},
	{"ok/s", "higher", func(s *Stage) (float64, bool) { return s.Goodput(), true }},
	{"rejected-ppm", "lower", func(s *Stage) (float64, bool) { return 1e6 * s.RejectedShare(), true }},
	{"cpu-ns/req", "lower", func(s *Stage) (float64, bool) { return nanoseconds(s.CPUPerServed()) }},
	{"allocs/req", "lower", (*Stage).AllocsPerServed},
}

func latencyAt(q float64) func(*Stage) (float64, bool) {
	return func(s *Stage) (float64, bool) {
		return float64(s.Latency.Quantile(q)), s.Latency.Resolved(q)
	}
}

func overheadAt(q float64) func(*Stage) (float64, bool) {
	return func(s *Stage) (float64, bool) {
		d, ok := s.Overhead(q)
		return float64(d), ok && s.Latency.Resolved(q)
	}
}

func nanoseconds(d time.Duration) (float64, bool) { return float64(d), d > 0 }
