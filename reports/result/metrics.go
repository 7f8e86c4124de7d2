package result

import "time"

// Metric is one figure of a stage in the form of the Go benchmark format.
type Metric struct {
	Unit   string // the name of the figure and its unit
	Better string // "lower" or "higher"

	// Of returns the figure; false where the stage has none: no percentile where
	// its samples do not reach so far, no CPU time where the target's process is
	// not known.
	Of func(*Stage) (value float64, ok bool)
}

// Metrics are the figures that are printed as benchmark lines, in order.
var Metrics = []Metric{
	{"p50-ns", "lower", latencyAt(0.5)},
	{"p90-ns", "lower", latencyAt(0.9)},
	{"p99-ns", "lower", latencyAt(0.99)},
	{"ok/s", "higher", func(s *Stage) (float64, bool) { return s.Goodput(), true }},
	{"rejected-ppm", "lower", func(s *Stage) (float64, bool) { return 1e6 * s.RejectedShare(), true }},
	{"cpu-ns/req", "lower", func(s *Stage) (float64, bool) { return nanoseconds(s.CPUPerRequest()) }},
}

func latencyAt(q float64) func(*Stage) (float64, bool) {
	return func(s *Stage) (float64, bool) {
		return float64(s.Latency.Quantile(q)), s.Latency.Resolved(q)
	}
}

func nanoseconds(d time.Duration) (float64, bool) { return float64(d), d > 0 }
