package capacity

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

// AddLimit adds to the record who set the pace at the lowest level that misses, or where
// there is none at the highest that meets, from the stages of the search.
func AddLimit(r *search.Record, stages []*result.Stage) {
	r.Limit, r.LimitAt = nil, 0
	level := cmp.Or(r.Answer.High, r.Answer.Low)
	counted := slices.DeleteFunc(slices.Clone(stages), func(s *result.Stage) bool { return s.Discarded() != "" })
	for _, w := range sweep.Of(counted) {
		for _, p := range w.Points {
			if float64(p.Level) == level && p.Valid() {
				r.Limit, r.LimitAt = &p.Limit, level
			}
		}
	}
}

// limit is a line that names it; "" where it is not known.
func limit(r *search.Record) string {
	if r.Limit == nil {
		return ""
	}
	return fmt.Sprintf("Limit at %s: %s", sweep.AtLevel(string(r.Load.Model()), int(r.LimitAt)), r.Limit.Explained())
}
