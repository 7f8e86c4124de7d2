package sweep

import (
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// HasCompletion reports whether the stage has completion latencies: its target
// accepts requests and does the work later.
func (p Point) HasCompletion() bool { return p.Stage.Completion != nil }

// HasCompletion reports whether every stage has completion latencies.
func (w *Sweep) HasCompletion() bool { return HasCompletion(w.Points) }

// HasCompletion reports whether every one of the points has completion latencies.
func HasCompletion(points []Point) bool {
	return len(points) > 0 && !slices.ContainsFunc(points, func(p Point) bool { return !p.HasCompletion() })
}

// Completion is a quantile of the completion latency of all accepted requests as
// text; false where so much work was not completed that the quantile is infinite.
func Completion(q *result.Completion, at float64) (string, bool) {
	d, done := q.Quantile(at)
	if !done {
		return "", false
	}
	if q.Latency.Over() > 0 && d >= result.HistHighest {
		return ">" + units.Duration(result.HistHighest), true
	}
	return units.Duration(d), true
}

// Completions is the median and the p99 of the completion latency, as far as there
// are any: p50 1.2 s and p99 3 s.
func Completions(q *result.Completion) string {
	var said []string
	for _, at := range []float64{0.5, 0.99} {
		if text, done := Completion(q, at); done && q.Resolved(at) {
			said = append(said, units.Percentile(at)+" "+text)
		}
	}
	if len(said) == 0 {
		return "no percentile"
	}
	return strings.Join(said, " and ")
}
