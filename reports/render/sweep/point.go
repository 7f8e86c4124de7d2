package sweep

import (
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

const (
	tolerated   = 0.01 // the share of failures up to which a level counts as served
	fewFailures = 10   // fewer than this many failures may be chance
)

// Valid reports whether the stage says something about the target.
func (p Point) Valid() bool { return p.Stage.Valid() }

// Unserved is the share of arrivals that were not served, for whatever reason.
func (p Point) Unserved() float64 {
	if p.Stage.Counts.Planned() == 0 {
		return 0
	}
	return 1 - p.Stage.Share(result.OK)
}

// Served reports whether at most 1 % of the arrivals were not served.
func (p Point) Served() bool { return p.Unserved() <= tolerated }

// Failing reports whether more than 1 % of the arrivals were not served, and more
// than chance explains.
func (p Point) Failing() bool {
	c := p.Stage.Counts
	return !p.Served() && c.Planned()-c[result.OK] >= fewFailures
}

// Rejecting reports whether a request was rejected.
func (p Point) Rejecting() bool { return p.Stage.Counts[result.Rejected] > 0 }

// Goodput is the served requests per second; 0 for a stage without a length.
func (p Point) Goodput() float64 {
	if g := p.Stage.Goodput(); !math.IsNaN(g) && !math.IsInf(g, 0) {
		return g
	}
	return 0
}

// Carried is the highest of p99, p90 and p50 that the samples carry, and the
// latency at it; 0 where they carry none.
func (p Point) Carried() (q float64, d time.Duration) {
	for _, q := range []float64{0.99, 0.9, 0.5} {
		if !p.Stage.Latency.Thin(q) {
			return q, p.Stage.Latency.Quantile(q)
		}
	}
	return 0, 0
}

// LastServed is the highest valid level below the first one that is not served.
func LastServed(points []Point) (last Point, found bool) {
	for _, p := range points {
		if !p.Valid() {
			continue
		}
		if !p.Served() {
			break
		}
		if p.Stage.Latency.N() > 0 {
			last, found = p, true
		}
	}
	return last, found
}

// Quantile is a quantile of h as text; where it lies beyond what histograms
// resolve, the text says only that.
func Quantile(h *result.Hist, q float64) string {
	d := h.Quantile(q)
	if h.Over() > 0 && d >= result.HistHighest {
		return ">" + units.Duration(result.HistHighest)
	}
	return units.Duration(d)
}

// OrMore is a latency as text; the highest that histograms hold may stand for
// any above it.
func OrMore(d time.Duration) string {
	if d >= result.HistHighest {
		return units.Duration(result.HistHighest) + " or more"
	}
	return units.Duration(d)
}
