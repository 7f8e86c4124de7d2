package result

// Metric is one figure of a stage in the form of the Go benchmark format.
type Metric struct {
	Unit   string // as benchstat knows it: the name of the figure and its unit
	Better string // "lower" or "higher"
	Of     func(*Stage) float64
}

// Metrics are the figures that are printed as benchmark lines, in order.
var Metrics = []Metric{
	{"p50-ns", "lower", func(s *Stage) float64 { return float64(s.Latency.Quantile(0.5)) }},
	{"p90-ns", "lower", func(s *Stage) float64 { return float64(s.Latency.Quantile(0.9)) }},
	{"p99-ns", "lower", func(s *Stage) float64 { return float64(s.Latency.Quantile(0.99)) }},
	{"ok/s", "higher", func(s *Stage) float64 { return s.Goodput() }},
	{"rejected-ppm", "lower", func(s *Stage) float64 { return 1e6 * s.RejectedShare() }},
	{"cpu-ns/req", "lower", func(s *Stage) float64 { return float64(s.CPUPerRequest()) }},
}
