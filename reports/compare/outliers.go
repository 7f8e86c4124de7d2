package compare

import (
	"fmt"
	"math"

	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/units"
)

// The bounds of a change describe the typical launch: they hardly move where one
// launch in ten is twice as slow. So outliers are counted, by a rule that is fixed
// in advance and treats all arms alike: a launch worse than the median launch of
// all arms by more than the tolerance, and by more than five robust standard
// deviations of all launches. Both are medians, so outliers do not widen their own
// limit, and the tolerance is the limit where a series hardly varies.
//
// If candidate and base are the same, each outlier of a pair is equally likely to
// be of any arm, which gives the exact chance of as many as the candidate has.
const (
	farOut = 5.0 // robust standard deviations beyond which a launch is an outlier
	seen   = 0.95
	// doubt is the chance, over all series of a comparison, that chance outliers keep
	// it from being called equal.
	doubt = 0.05
)

// madToSD converts a median absolute deviation of normal values to a standard
// deviation.
const madToSD = 1.4826

// Outliers are the launches of a series that are far worse than the typical one.
type Outliers struct {
	Beyond    Bound    `json:"beyond"` // how much worse than the median launch of all arms an outlier is at least, as in Finding.Estimate
	Base      Launches `json:"base"`
	Control   Launches `json:"control,omitzero"`
	Candidate Launches `json:"candidate"`
	Upper     float64  `json:"upper_95"`          // of the share of the candidate's launches that are outliers
	Chance    float64  `json:"p"`                 // probability of as many outliers of the candidate where nothing changed
	Alpha     float64  `json:"alpha"`             // Chance up to this proves an excess
	Found     float64  `json:"detectable_95"`     // share of outliers that this test proves in 95 % of comparisons where the base has none; 0: it can prove none
	Allowed   float64  `json:"allowed,omitempty"` // share that is allowed; 0: no limit
}

// Launches are those of one arm.
type Launches struct {
	N        int   `json:"launches"`
	Outliers int   `json:"outliers"`
	Pairs    []int `json:"pairs,omitempty"` // of the outliers
}

// Proven reports whether the candidate has more outliers than chance allows.
func (o *Outliers) Proven() bool {
	return o != nil && o.Alpha > 0 && exact.Compare(o.Chance, o.Alpha, 0) <= 0
}

// outliersOf counts the outliers of the first n pairs of a series, whose values
// are in order. The launches of the control count as the base's, where it has any.
func outliersOf(s Series, n int, alpha float64) *Outliers {
	m := s.Metric
	control := map[int]float64{}
	for _, p := range s.Control {
		if bad(p.Candidate) == "" {
			control[p.Number] = p.Candidate
		}
	}
	pairs := s.Pairs[:n]
	var all []float64
	for _, p := range pairs {
		all = append(all, p.Base, p.Candidate)
		if v, ok := control[p.Number]; ok {
			all = append(all, v)
		}
	}
	place := m.placing(all)
	for i, v := range all {
		all[i] = place(v)
	}
	center := middle(all)
	for i, x := range all {
		all[i] = math.Abs(x - center)
	}
	beyond := max(m.Scale.worse(m.Tolerance), farOut*madToSD*middle(all))
	o := &Outliers{Beyond: Bound(m.Scale.share(beyond)), Alpha: alpha, Allowed: m.MaxOutliers}
	count := func(l *Launches, pair int, v float64) (outlying int) {
		l.N++
		if exact.Compare(place(v)-center, beyond, 1) > 0 {
			l.Outliers++
			l.Pairs = append(l.Pairs, pair)
			return 1
		}
		return 0
	}
	var drawn []float64 // of each pair with outliers, the chance that one is the candidate's
	for _, p := range pairs {
		arms := 2
		outlying := count(&o.Base, p.Number, p.Base) + count(&o.Candidate, p.Number, p.Candidate)
		if v, ok := control[p.Number]; ok {
			arms++
			outlying += count(&o.Control, p.Number, v)
		}
		if outlying > 0 {
			drawn = append(drawn, float64(outlying)/float64(arms))
		}
	}
	o.Chance = exact.DrawnUpper(o.Candidate.Outliers, drawn)
	o.Upper = exact.ClopperPearsonUpper(o.Candidate.Outliers, n, seen)
	arms := 2.0
	if o.Control.N == n {
		arms = 3
	}
	if k := int(math.Ceil(math.Log(alpha)/-math.Log(arms) - 1e-9)); alpha > 0 && k <= n {
		o.Found = exact.ClopperPearsonUpper(k-1, n, seen)
	}
	return o
}

// placing converts values to the scale of the tests, on which more is worse. Zeros,
// which have no log, count as the smallest positive value.
func (m Metric) placing(all []float64) func(float64) float64 {
	sign := 1.0
	if m.Higher {
		sign = -1
	}
	if m.Scale == Points {
		return func(v float64) float64 { return sign * v * perMillion }
	}
	least := math.Inf(1)
	for _, v := range all {
		if v > 0 {
			least = min(least, v)
		}
	}
	if math.IsInf(least, 1) {
		least = 1
	}
	least = max(least, m.Floor)
	return func(v float64) float64 { return sign * math.Log(max(v, least)) }
}

// Summary states the counts and the bound.
func (o *Outliers) Summary() string {
	l := o.Candidate
	switch {
	case l.Outliers == 0:
		return fmt.Sprintf("0 of %d launches are outliers, at most %s of all (95 %% confidence)", l.N, units.Percent(o.Upper))
	case l.N == l.Outliers:
		return fmt.Sprintf("all %d launches are outliers", l.N)
	}
	return fmt.Sprintf("%d of %d launches are outliers, and %d of %d of the base; at most %s of all (95 %% confidence)",
		l.Outliers, l.N, o.Base.Outliers+o.Control.Outliers, o.Base.N+o.Control.N, units.Percent(o.Upper))
}
