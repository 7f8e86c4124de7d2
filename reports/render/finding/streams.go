package finding

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Streams states how long the slowest first events and gaps take at the lowest and at the
// highest level that is valid, or where there are too few the median ones. It is a
// question where neither is known of any target.
func Streams(sweeps []sweep.Sweep) string {
	for _, percentile := range []string{"p99", "p50"} {
		if found := streamsAt(sweeps, percentile); found != "" {
			return found
		}
	}
	return "How long do the first events and the gaps take?"
}

// streamsAt states a percentile of the first events and of the gaps; empty where that of
// first events is not known of any target.
func streamsAt(sweeps []sweep.Sweep, percentile string) string {
	first, _ := result.MetricNamed("first-event-" + percentile)
	gap, _ := result.MetricNamed("gap-" + percentile)
	reads := func(p sweep.Point) bool { return p.Valid() && first.Read(p.Stage).Reason == "" }
	var parts []string
	for i := range sweeps {
		w := &sweeps[i]
		low := slices.IndexFunc(w.Points, reads)
		if low < 0 {
			continue
		}
		high := len(w.Points) - 1
		for !reads(w.Points[high]) {
			high--
		}
		of := func(m result.Metric, takes string) string {
			if m.Read(w.Points[low].Stage).Reason != "" || m.Read(w.Points[high].Stage).Reason != "" {
				return ""
			}
			a, b := strings.Trim(m.Cell(w.Points[low].Stage), "~"), strings.Trim(m.Cell(w.Points[high].Stage), "~")
			switch {
			case low == high:
				return takes + b
			case a == b:
				return "stay at " + b
			}
			return fmt.Sprintf("go from %s to %s", a, b)
		}
		part := "at " + sweep.AtLevel(w.Load, w.Points[high].Level)
		if low != high {
			part = fmt.Sprintf("from %s to %s", units.Int(w.Points[low].Level), sweep.AtLevel(w.Load, w.Points[high].Level))
		}
		part += ", first events " + of(first, "take ")
		if gaps := of(gap, "take "); gaps != "" {
			part += " and gaps " + gaps
		}
		if len(sweeps) > 1 {
			part = w.ShortName(30) + ": " + part
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return words.UpperFirst(words.Join("; ", parts...)) + " (" + percentile + ")"
}
