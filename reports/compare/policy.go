package compare

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Policy is what a user changes of the metrics' defaults.
type Policy struct {
	Tolerance map[string]float64 // by a metric's name or unit
	Margin    map[string]float64
	Gate      []string // names or units of the metrics that decide; none: the defaults

	MaxOutliers float64 // as in [Metric]
}

// Apply is the metric under the policy. A default margin that is not below a tolerance
// of the policy becomes a fifth of it.
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

func lookup(shares map[string]float64, of Metric) (float64, bool) {
	if v, ok := shares[of.Name]; ok {
		return v, true
	}
	v, ok := shares[of.Unit]
	return v, ok
}

// With is the policy with the fields of another in place of its own where these
// are set, the tolerances and margins metric by metric.
func (p Policy) With(other Policy) Policy {
	p.Tolerance, p.Margin = over(p.Tolerance, other.Tolerance), over(p.Margin, other.Margin)
	if len(other.Gate) > 0 {
		p.Gate = other.Gate
	}
	if other.MaxOutliers > 0 {
		p.MaxOutliers = other.MaxOutliers
	}
	return p
}

// over is shares with others in place of those of the same metrics, which may be
// named by their units.
func over(shares, others map[string]float64) map[string]float64 {
	out := map[string]float64{}
	maps.Copy(out, shares)
	for name := range others {
		maps.DeleteFunc(out, func(was string, _ float64) bool { return metricNamed(was).Name == metricNamed(name).Name })
	}
	maps.Copy(out, others)
	return out
}

// metricNamed is the metric of a name or unit.
func metricNamed(name string) Metric {
	for _, m := range Metrics {
		if name == m.Name || name == m.Unit {
			return m
		}
	}
	return MetricOf(name, false)
}

// Validate is an error where the policy names an unknown metric, or has a margin that
// is not below its tolerance. Units of other benchmarks are allowed: they contain a
// slash or a hyphen; [Policy.Unmeasured] reports those that were not measured.
func (p Policy) Validate() error {
	check := slices.Clone(Metrics)
	of := map[string]string{}
	for name := range p.Margin {
		of[name] = "Margin"
	}
	for name := range p.Tolerance {
		of[name] = "Tolerance"
	}
	for _, name := range p.Gate {
		of[name] = "Gate"
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if isName(name) {
			continue
		}
		if _, ofStages := result.MetricNamed(name); ofStages || !strings.ContainsAny(name, "/-") {
			var names []string
			for _, m := range Metrics {
				names = append(names, m.Name)
			}
			return &field.Error{Field: of[name], Value: name, Want: "a metric that is compared (" + strings.Join(names, ", ") + "), or a unit such as ns/op"}
		}
		check = append(check, MetricOf(name, false))
	}
	for _, m := range check {
		_, margin := lookup(p.Margin, m)
		switch m = p.Apply(m); {
		case m.Scale == Exact && margin:
			return fmt.Errorf("%s has no margin, because it has next to no noise: set its tolerance", m.Name)
		case m.Scale != Exact && m.Margin >= m.Tolerance:
			return fmt.Errorf("the margin of %s is %g %%, want less than its tolerance of %g %%", m.Name, 100*m.Margin, 100*m.Tolerance)
		}
	}
	if !(p.MaxOutliers >= 0 && p.MaxOutliers < 1) {
		return fmt.Errorf("MaxOutliers is %g %%, want 0 to less than 100 %%", 100*p.MaxOutliers)
	}
	return nil
}

// Unmeasured are sentences about metrics that should decide and were not measured, on
// either side. No comparison may pass over missing; notes are about figures that some
// servers and systems do not have.
func (p Policy) Unmeasured(all []Series) (missing, notes []string) {
	has := func(scenario, name string) bool {
		return slices.ContainsFunc(all, func(s Series) bool {
			return (scenario == "" || s.Scenario == scenario) && (s.Metric.Name == name || s.Metric.Unit == name)
		})
	}
	for _, name := range p.Gate {
		if !has("", name) {
			missing = append(missing, fmt.Sprintf("%s should decide, and was not measured", name))
		}
	}
	for _, name := range p.named() {
		if !isName(name) && !has("", name) {
			missing = append(missing, fmt.Sprintf("%s has a tolerance or margin, and was not measured", name))
		}
	}
	if len(p.Gate) > 0 {
		return missing, notes
	}
	seen := map[string]bool{}
	for _, s := range all {
		if s.Metric.Unit != "ok/s" || seen[s.Scenario] { // every stage of a load has it
			continue
		}
		seen[s.Scenario] = true
		if !has(s.Scenario, "p99") {
			missing = append(missing, fmt.Sprintf("p99 of %s: neither side has it, because too few requests were served: measure longer or at a higher level, or choose the metrics that decide", s.Scenario))
		}
		if !has(s.Scenario, "cpu") {
			notes = append(notes, fmt.Sprintf("cpu of %s was not measured and does not decide", s.Scenario))
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

// Settings are the policy as settings, so that a record contains the rules by which
// it was decided.
func (p Policy) Settings() result.Settings {
	shares := func(of map[string]float64) string {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(of)) {
			parts = append(parts, name+"="+strconv.FormatFloat(of[name], 'f', -1, 64))
		}
		return strings.Join(parts, ",")
	}
	outliers := ""
	if p.MaxOutliers > 0 {
		outliers = strconv.FormatFloat(p.MaxOutliers, 'g', -1, 64)
	}
	return result.Settings{
		{Key: "tolerance", Value: shares(p.Tolerance)}, {Key: "margin", Value: shares(p.Margin)},
		{Key: "gate", Value: strings.Join(p.Gate, ",")}, {Key: "max-outliers", Value: outliers},
	}
}

// PolicyOf reads what Settings wrote.
func PolicyOf(s result.Settings) (p Policy, err error) {
	if p.Tolerance, err = parseShares(s.Get("tolerance"), false); err != nil {
		return p, err
	}
	if p.Margin, err = parseShares(s.Get("margin"), false); err != nil {
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

// ParseShares reads metrics and their shares, such as p99=5%,rejected=0.5%. A share is
// above 0 % and at most 1000 %; above 100 % it needs the % sign.
func ParseShares(text string) (map[string]float64, error) { return parseShares(text, true) }

func parseShares(text string, typed bool) (map[string]float64, error) {
	out := map[string]float64{}
	if strings.TrimSpace(text) == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		at := strings.LastIndexByte(part, '=')
		if at < 1 {
			return nil, fmt.Errorf("%q: want METRIC=SHARE, such as p99=5%%", part)
		}
		name := part[:at]
		share, ok := units.ParseShare(part[at+1:])
		if !ok || share <= 0 || share > 10 {
			return nil, fmt.Errorf("%q: want a share above 0%% and at most 1000%%, such as 5%% or 0.05", part)
		}
		if typed && share > 1 && !strings.HasSuffix(part, "%") { // 5 would allow a change of 500 %
			return nil, fmt.Errorf("%q: a share without %% is at most 1; want %s%%, or %g%%", part, part[at+1:], 100*share)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("%q: %s is given twice", part, name)
		}
		out[name] = share
	}
	return out, nil
}
