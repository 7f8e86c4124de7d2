package compare

import "github.com/a628bb15/onhold/reports/result"

// Scale is how two values of a metric are compared.
type Scale string

// The scales.
const (
	Ratio  Scale = "ratio"  // by the log of their ratio
	Points Scale = "points" // by the difference of two shares
	Exact  Scale = "exact"  // by their ratio, of a figure that has no noise to speak of
)

// Metric is a figure that is compared, and which change of it matters.
type Metric struct {
	Name   string // short, for flags and tables: p99
	Unit   string // as in benchmark lines: p99-ns
	Higher bool   // more is better
	Scale  Scale

	// Margin is the change that does not matter: a regression is proven to be worse
	// than it. Tolerance is the change that must not pass. With scale ratio and exact
	// they are shares of the base, with points differences of shares.
	Margin, Tolerance float64

	// MaxOutliers is the largest share of the candidate's launches that may be
	// outliers, with 95 % confidence; 0: no limit.
	MaxOutliers float64

	Floor   float64 // values below count as this: their ratio would be noise; in the unit
	Gated   bool    // it decides the verdict; else it only informs
	Unknown bool    // [Metrics] has no entry for the unit
}

// Better is the direction as benchmark text has it: higher or lower.
func (m Metric) Better() string {
	if m.Higher {
		return "higher"
	}
	return "lower"
}

// Metrics are the metrics that have a policy, in the order in which they are reported:
// those of stages, and those of any Go benchmark.
var Metrics = []Metric{
	ofStages(Metric{Name: "p50", Scale: Ratio, Margin: 0.01, Tolerance: 0.05}),
	ofStages(Metric{Name: "p90", Scale: Ratio, Margin: 0.01, Tolerance: 0.05}),
	ofStages(Metric{Name: "p99", Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Gated: true}),
	ofStages(Metric{Name: "ttfb-p99", Scale: Ratio, Margin: 0.01, Tolerance: 0.05}),        // on lines only where replies come in parts
	ofStages(Metric{Name: "first-event-p50", Scale: Ratio, Margin: 0.01, Tolerance: 0.05}), // those of streams, where there are some
	ofStages(Metric{Name: "first-event-p99", Scale: Ratio, Margin: 0.01, Tolerance: 0.05}),
	ofStages(Metric{Name: "gap-p50", Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Floor: 100e3}),
	ofStages(Metric{Name: "gap-p99", Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Floor: 100e3}),
	ofStages(Metric{Name: "median-gap-p99", Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Floor: 100e3}),
	ofStages(Metric{Name: "events/s", Scale: Ratio, Margin: 0.01, Tolerance: 0.05}),
	ofStages(Metric{Name: "overhead-p99", Scale: Ratio, Margin: 0.02, Tolerance: 0.10, Floor: 200e3, Gated: true}),
	ofStages(Metric{Name: "cpu", Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Gated: true}),
	ofStages(Metric{Name: "ok/s", Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Gated: true}), // also for failures: no other metric sees them
	ofStages(Metric{Name: "rejected", Scale: Points, Margin: 0.001, Tolerance: 0.005, Gated: true}),
	ofStages(Metric{Name: "allocs", Scale: Exact, Tolerance: 0.005, Floor: 0.05, Gated: true}),
	{Name: "time", Unit: "ns/op", Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Gated: true},
	{Name: "throughput", Unit: "MB/s", Higher: true, Scale: Ratio, Margin: 0.01, Tolerance: 0.05},
	{Name: "bytes", Unit: "B/op", Scale: Exact, Tolerance: 0.005, Floor: 8},
	{Name: "allocs/op", Unit: "allocs/op", Scale: Exact, Tolerance: 0.005, Floor: 0.5, Gated: true},
}

// ofStages adds the unit and the direction of a [result.Metric].
func ofStages(m Metric) Metric {
	of, ok := result.MetricNamed(m.Name)
	if !ok {
		panic("stages have no metric " + m.Name)
	}
	m.Unit, m.Higher = of.Bench, of.Higher
	return m
}

// MetricOf is the metric of a unit. An unknown one only informs; higher says that more
// of it is better.
func MetricOf(unit string, higher bool) Metric {
	for _, m := range Metrics {
		if m.Unit == unit {
			return m
		}
	}
	return Metric{Name: unit, Unit: unit, Higher: higher, Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Unknown: true}
}
