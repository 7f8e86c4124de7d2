package finding

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/units"
)

// Limits states who was the limit of each target at its highest valid level, with the
// figure: the second line of a title. It is "" where no stage is valid.
func Limits(sweeps []sweep.Sweep) string {
	var order []string
	names := map[string][]string{} // of the targets with the same limit
	sweeps = sweep.Whole(sweeps)
	for i := range sweeps {
		limit := sweeps[i].Limit()
		if limit != "" && names[limit] == nil {
			order = append(order, limit)
		}
		names[limit] = append(names[limit], sweeps[i].Subject(30))
	}
	for i, limit := range order {
		order[i] = fmt.Sprintf("%s: %s", units.List(names[limit]), limit)
	}
	if len(order) == 0 {
		return ""
	}
	return "Limit of " + strings.Join(order, "; ")
}
