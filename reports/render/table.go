package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// column is one column of the tables, for text and Markdown alike.
type column struct {
	head [2]string // two lines, to keep columns narrow
	cell func(sweep.Point) string
	// known is false where a stage does not tell; a column that no stage of a
	// target tells is left out. nil where every stage does.
	known func(sweep.Point) bool
	// accepted is whether the time ends when a target accepts that does the work
	// later, and is to say so.
	accepted bool
}

const unknown = "–"

// tableColumns are the columns behind the level.
var tableColumns = slices.Concat([]column{
	{head: [2]string{"", "ok/s"}, cell: func(p sweep.Point) string { return number(p.Goodput()) }},
	quantileColumn(0.5), quantileColumn(0.9), quantileColumn(0.99), quantileColumn(0.999),
	processedColumn(0.5), processedColumn(0.99),
}, laterCounts(), []column{
	{head: [2]string{"adjusted", "p99"}, cell: adjusted},
	{head: [2]string{"turned", "away"}, cell: func(p sweep.Point) string { return share(p, p.Stage.RejectedShare()) }},
	{head: [2]string{"other", "failed"}, cell: func(p sweep.Point) string {
		return share(p, finite(float64(p.Stage.Counts.Failed())/float64(p.Stage.Counts.Planned())))
	}},
	{
		head: [2]string{"served", "a wait"},
		cell: func(p sweep.Point) string {
			n, ok := p.Stage.ServedPerWait()
			if !ok || p.HasCompletion() { // it is accepted, without the wait
				return unknown
			}
			return number(finite(n))
		},
		known: func(p sweep.Point) bool { _, ok := p.Stage.ServedPerWait(); return ok && !p.HasCompletion() },
	},
	{
		head: [2]string{"CPU per", "served"},
		cell: func(p sweep.Point) string {
			return orUnknown(p.Stage.CPUPerServed() > 0, duration(p.Stage.CPUPerServed()))
		},
		known: func(p sweep.Point) bool { return p.Stage.CPUPerServed() > 0 },
	},
	{
		head: [2]string{"", "memory"},
		cell: func(p sweep.Point) string {
			return orUnknown(p.Stage.Target.RSSMax > 0, byteSize(p.Stage.Target.RSSMax))
		},
		known: func(p sweep.Point) bool { return p.Stage.Target.RSSMax > 0 },
	},
	{
		head: [2]string{"", "threads"},
		cell: func(p sweep.Point) string {
			return orUnknown(p.Stage.Target.ThreadsMax > 0, count(p.Stage.Target.ThreadsMax))
		},
		known: func(p sweep.Point) bool { return p.Stage.Target.ThreadsMax > 0 },
	},
})

// legend says what the headings and marks of a written table are too short
// for, and nothing of those that it does not have.
func legend(table string) string {
	text := []string{"Percentiles are of ok requests, from the planned instant."}
	for _, l := range []struct{ mark, text string }{
		{"~", "~: fewer than ten samples lie beyond."},
		{unknown, unknown + ": none, or not known."},
		{"adjusted", "Adjusted p99: of all requests, a failed one counted as infinitely slow."},
		{"processed", "Processed: from the planned instant until the work was done, of all accepted, those undone at the end counted as slowest; the other times of a target that has this are until it accepted, and its CPU time, memory and threads are without those who do the work. Backlog: accepted, and not done at the end. Lost: accepted, and never to be done. Dupl.: came once more, and were recognised."},
		{"unknown", "Unknown: accepted, and nobody could be asked what became of it."},
		{"a wait", "Served a wait: requests served during one backend wait."},
		{"CPU per", "CPU per served: the target's CPU time per request served, so that what it spends on rejecting others is in it."},
		{"! ", "!: stage not valid."},
	} {
		if strings.Contains(table, l.mark) {
			text = append(text, l.text)
		}
	}
	return strings.Join(text, " ")
}

func orUnknown(known bool, cell string) string {
	if known {
		return cell
	}
	return unknown
}

func quantileColumn(q float64) column {
	return column{head: [2]string{"", percentile(q)}, accepted: true, cell: func(p sweep.Point) string { return quantileCell(p.Stage.Latency, q) }}
}

func quantileCell(h *result.Hist, q float64) string {
	switch {
	case !h.Resolved(q):
		return unknown
	case h.Thin(q):
		return "~" + quantile(h, q)
	}
	return quantile(h, q)
}

// adjusted tells the deadline-adjusted p99, in which failures are slowest.
func adjusted(p sweep.Point) string {
	const q = 0.99
	n := p.Stage.Counts.Planned()
	d, ok := p.Stage.Adjusted(q)
	beyond := float64(n)*(1-q) + 1e-9
	switch {
	case n == 0:
		return unknown
	case !ok:
		return fmt.Sprintf("∞ (%s failed)", percent(p.Unserved()))
	case beyond < 1:
		return unknown
	case d >= result.HistHighest:
		return ">" + duration(result.HistHighest)
	case beyond < 10:
		return "~" + duration(d)
	}
	return duration(d)
}

func share(p sweep.Point, share float64) string {
	switch {
	case p.Stage.Counts.Planned() == 0:
		return unknown
	case share == 0:
		return "0"
	}
	return percent(share)
}

// columnsOf leaves out the columns that none of the points tells.
func columnsOf(points []sweep.Point) []column {
	var kept []column
	for _, c := range tableColumns {
		known := c.known == nil
		for _, p := range points {
			known = known || c.known(p)
		}
		if c.accepted && sweep.HasCompletion(points) {
			c.head[0] = "accepted"
		}
		if known {
			kept = append(kept, c)
		}
	}
	return kept
}

// level tells the level, marked where the stage is not valid.
func level(p sweep.Point) string {
	if !p.Valid() {
		return "! " + count(int64(p.Level))
	}
	return count(int64(p.Level))
}
