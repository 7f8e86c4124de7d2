package compare

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
)

// Scale is how two values of a metric are compared.
type Scale string

// The scales.
const (
	Ratio  Scale = "ratio"  // by the log of their ratio
	Points Scale = "points" // by the difference of two shares
	Exact  Scale = "exact"  // by their ratio, of a figure that has no noise to speak of
)

// Metric is one figure that is compared, and which change of it matters.
type Metric struct {
	Name   string // short, for flags and tables: p99
	Unit   string // as in benchmark lines: p99-ns
	Higher bool   // more is better
	Scale  Scale

	// Margin is the change that is not worth a word; a regression is proven to
	// be worse than it. Tolerance is the change that must not pass. Of scale
	// ratio and exact they are shares of the base, of points differences of
	// shares.
	Margin, Tolerance float64

	// MaxOutliers is the share of the candidate's launches that may be outliers,
	// with 95 % confidence, where it is to pass; 0: nothing is asked.
	MaxOutliers float64

	Floor   float64 // values below count as this: their ratio would be noise; in the unit
	Gated   bool    // it decides; else it informs
	Unknown bool    // a unit that this package has no entry for
}

// Better is the direction as benchmark text has it.
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

// ofStages adds what the metric of a stage says of itself.
func ofStages(m Metric) Metric {
	of, ok := result.MetricNamed(m.Name)
	if !ok {
		panic("stages have no metric " + m.Name)
	}
	m.Unit, m.Higher = of.Bench, of.Higher
	return m
}

// MetricOf is the metric of a unit. One that is not known informs only; higher
// says that more of it is better.
func MetricOf(unit string, higher bool) Metric {
	for _, m := range Metrics {
		if m.Unit == unit {
			return m
		}
	}
	return Metric{Name: unit, Unit: unit, Higher: higher, Scale: Ratio, Margin: 0.01, Tolerance: 0.05, Unknown: true}
}

// Policy is what a user asks of the metrics beyond their defaults.
type Policy struct {
	Tolerance map[string]float64 // by a metric's name or unit
	Margin    map[string]float64
	Gate      []string // names or units of those that decide; none: the defaults

	MaxOutliers float64 // as in [Metric]
}

// Settings are the policy as settings, so that a record says by what it was
// decided.
func (p Policy) Settings() (out result.Settings) {
	for _, f := range []struct {
		key    string
		shares map[string]float64
	}{{"tolerance", p.Tolerance}, {"margin", p.Margin}} {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(f.shares)) {
			parts = append(parts, fmt.Sprintf("%s=%g", name, f.shares[name]))
		}
		out = append(out, result.Setting{Key: f.key, Value: strings.Join(parts, ",")})
	}
	outliers := ""
	if p.MaxOutliers > 0 {
		outliers = strconv.FormatFloat(p.MaxOutliers, 'g', -1, 64)
	}
	return append(out, result.Setting{Key: "gate", Value: strings.Join(p.Gate, ",")}, result.Setting{Key: "max-outliers", Value: outliers})
}

// PolicyOf reads what Settings wrote.
func PolicyOf(s result.Settings) (p Policy, err error) {
	if p.Tolerance, err = ParseShares(s.Get("tolerance")); err != nil {
		return p, err
	}
	if p.Margin, err = ParseShares(s.Get("margin")); err != nil {
		return p, err
	}
	if gate := s.Get("gate"); gate != "" {
		p.Gate = strings.Split(gate, ",")
	}
	if text := s.Get("max-outliers"); text != "" {
		if p.MaxOutliers, err = strconv.ParseFloat(text, 64); err != nil {
			return p, fmt.Errorf("max-outliers is %q, want a number", text)
		}
	}
	return p, p.Validate()
}

// Unmeasured are sentences on what was to decide and was not measured, on
// either side: what was not measured cannot pass. Missing no comparison may pass
// over; notes are on what some servers and systems cannot have.
func (p Policy) Unmeasured(all []Series) (missing, notes []string) {
	has := func(scenario, name string) bool {
		return slices.ContainsFunc(all, func(s Series) bool {
			return (scenario == "" || s.Scenario == scenario) && (s.Metric.Name == name || s.Metric.Unit == name)
		})
	}
	for _, name := range p.Gate {
		if !has("", name) {
			missing = append(missing, fmt.Sprintf("%s was to decide, and was not measured", name))
		}
	}
	for _, name := range p.named() {
		if !isName(name) && !has("", name) {
			missing = append(missing, fmt.Sprintf("there is a tolerance or margin for %s, and nothing measured has that unit", name))
		}
	}
	if len(p.Gate) > 0 {
		return missing, notes
	}
	var told []string
	for _, s := range all {
		if s.Metric.Unit != "ok/s" || slices.Contains(told, s.Scenario) { // what every stage of a load has
			continue
		}
		told = append(told, s.Scenario)
		if !has(s.Scenario, "p99") {
			missing = append(missing, fmt.Sprintf("p99 of %s: neither side has it, for too few requests were served; measure longer or at a higher level, or name what is to decide with --gate", s.Scenario))
		}
		if !has(s.Scenario, "cpu") {
			notes = append(notes, fmt.Sprintf("cpu of %s was not measured, and so decides nothing", s.Scenario))
		}
	}
	return missing, notes
}

// named are the names and units that have a tolerance or margin of their own.
func (p Policy) named() []string {
	names := slices.Concat(slices.Collect(maps.Keys(p.Tolerance)), slices.Collect(maps.Keys(p.Margin)))
	slices.Sort(names)
	return slices.Compact(names)
}

// isName reports whether a metric has that name.
func isName(name string) bool {
	return slices.ContainsFunc(Metrics, func(m Metric) bool { return m.Name == name })
}

// Apply is the metric as the policy has it. A margin that would not be below a
// tolerance that was asked for becomes a fifth of it.
func (p Policy) Apply(m Metric) Metric {
	if t, ok := lookup(p.Tolerance, m); ok {
		m.Tolerance = t
		m.Margin = min(m.Margin, t/5)
	}
	if g, ok := lookup(p.Margin, m); ok {
		m.Margin = g
	}
	m.MaxOutliers = p.MaxOutliers
	if len(p.Gate) > 0 {
		m.Gated = slices.Contains(p.Gate, m.Name) || slices.Contains(p.Gate, m.Unit)
	}
	return m
}

func lookup(m map[string]float64, of Metric) (float64, bool) {
	if v, ok := m[of.Name]; ok {
		return v, true
	}
	v, ok := m[of.Unit]
	return v, ok
}

// ParseShares reads what --tolerance and --margin hold: metrics and shares,
// like p99=5%,rejected=0.5%. A share is above 0 % and at most 1000 %.
func ParseShares(text string) (map[string]float64, error) {
	out := map[string]float64{}
	if strings.TrimSpace(text) == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		at := strings.LastIndexByte(part, '=')
		if at < 1 {
			return nil, fmt.Errorf("%q: want METRIC=SHARE, like p99=5%%", part)
		}
		name, value := part[:at], part[at+1:]
		number, isPercent := strings.CutSuffix(value, "%")
		v, err := strconv.ParseFloat(number, 64)
		if isPercent {
			v /= 100
		}
		if err != nil || math.IsNaN(v) || v <= 0 || v > 10 {
			return nil, fmt.Errorf("%q: want a share above 0%% and at most 1000%%, like 5%% or 0.05", part)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("%q: %s comes twice", part, name)
		}
		out[name] = v
	}
	return out, nil
}

// Validate says what is wrong with the policy for metrics that are known by
// name. A unit of somebody's own can be given too: units have a slash or a
// hyphen. Whether it was measured Unmeasured tells.
func (p Policy) Validate() error {
	check := slices.Clone(Metrics)
	for _, name := range append(p.named(), p.Gate...) {
		if isName(name) {
			continue
		}
		if !strings.ContainsAny(name, "/-") {
			return fmt.Errorf("there is no metric %q: want one of %s, or a unit such as ns/op", name, strings.Join(Names(), ", "))
		}
		check = append(check, MetricOf(name, false))
	}
	for _, m := range check {
		_, margin := lookup(p.Margin, m)
		switch m = p.Apply(m); {
		case m.Scale == Exact && margin:
			return fmt.Errorf("%s has no margin, for it has no noise to speak of: give its tolerance", m.Name)
		case m.Scale != Exact && m.Margin >= m.Tolerance:
			return fmt.Errorf("the margin of %s is %g %%, which is not below its tolerance of %g %%", m.Name, 100*m.Margin, 100*m.Tolerance)
		}
	}
	if !(p.MaxOutliers >= 0 && p.MaxOutliers < 1) {
		return fmt.Errorf("the most outliers are %g %%, want more than 0 and less than 100", 100*p.MaxOutliers)
	}
	return nil
}

// Names are the names of the metrics that are known.
func Names() []string {
	out := make([]string, len(Metrics))
	for i, m := range Metrics {
		out[i] = m.Name
	}
	return out
}
