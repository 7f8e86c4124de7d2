package render

import (
	"fmt"
	"slices"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// What is shown of a target that accepts requests and does the work later: its
// second clock, wherever the first one stands.

func accepting(points []sweep.Point) bool {
	return slices.ContainsFunc(points, sweep.Point.HasCompletion)
}

// laterCounts are the columns of what became of accepted requests.
func laterCounts() []column {
	counted := func(head string, of func(*result.Completion) int64) column {
		return column{
			head: [2]string{"", head},
			cell: func(p sweep.Point) string {
				if !p.HasCompletion() {
					return unknown
				}
				return count(of(p.Stage.Completion))
			},
			known: sweep.Point.HasCompletion,
		}
	}
	return []column{
		counted("backlog", func(q *result.Completion) int64 { return q.Backlog }),
		counted("lost", func(q *result.Completion) int64 { return q.Lost }),
		unknowns(),
		counted("dupl.", func(q *result.Completion) int64 { return q.Duplicates }),
	}
}

// unknowns is the column of what nobody could say of; it is there where there is
// such a request.
func unknowns() column {
	of := func(p sweep.Point) int64 {
		if !p.HasCompletion() {
			return 0
		}
		return p.Stage.Completion.Unknown
	}
	return column{
		head: [2]string{"", "unknown"},
		cell: func(p sweep.Point) string {
			if !p.HasCompletion() {
				return unknown
			}
			return count(of(p))
		},
		known: func(p sweep.Point) bool { return of(p) > 0 },
	}
}

// processedColumn is a percentile of the second clock.
func processedColumn(q float64) column {
	return column{
		head: [2]string{"processed", percentile(q)},
		cell: func(p sweep.Point) string {
			if !p.HasCompletion() {
				return unknown
			}
			return processedCell(p.Stage.Completion, q)
		},
		known: sweep.Point.HasCompletion,
	}
}

// processedCell is quantileCell for the second clock, of all accepted requests:
// where the work of so many is undone that the percentile is among those, it is
// not known how long it would have taken.
func processedCell(queue *result.Completion, q float64) string {
	switch _, done := queue.Quantile(q); {
	case !queue.Resolved(q):
		return unknown
	case !done:
		return "undone"
	case queue.Thin(q):
		return "~" + processed(queue, q)
	}
	return processed(queue, q)
}

// processed tells a quantile that is not infinite, as quantile does.
func processed(queue *result.Completion, q float64) string {
	d, _ := queue.Quantile(q)
	if queue.Latency.Over() > 0 && d >= result.HistHighest {
		return ">" + duration(result.HistHighest)
	}
	return duration(d)
}

// brokerOf says of what the broker makes sure before it acknowledges.
func brokerOf(set result.Settings) string {
	store := set.Get(result.KeyBrokerStore)
	if store == "" {
		return ""
	}
	return fmt.Sprintf("broker store %s, sync %s", store, tidyDuration(set.Get(result.KeyBrokerSync)))
}

// accounts tells what became of the requests that were accepted.
func accounts(w *sweep.Sweep) string {
	all := result.NewCompletion()
	for _, p := range w.Points {
		if p.HasCompletion() {
			q := p.Stage.Completion
			all.Accepted += q.Accepted
			all.Backlog += q.Backlog
			all.Lost += q.Lost
			all.Unknown += q.Unknown
			all.Duplicates += q.Duplicates
			all.Latency.Merge(q.Latency)
		}
	}
	if !accepting(w.Points) {
		return ""
	}
	s := fmt.Sprintf("accepted %s, processed %s, backlog %s, lost %s, ", count(all.Accepted), count(all.Completed()), count(all.Backlog), count(all.Lost))
	if all.Unknown > 0 {
		s += fmt.Sprintf("unknown %s, ", count(all.Unknown))
	}
	s += "duplicates " + count(all.Duplicates)
	if about := brokerOf(w.Points[0].Stage.Settings); about != "" {
		s += "; " + about
	}
	return s + "."
}

// after says what became of the work at the highest level, as the end of a
// clause about accepting; "" where there is no second clock, or little to say.
func after(valid []sweep.Point) string {
	last := valid[len(valid)-1]
	if !last.HasCompletion() {
		return ""
	}
	var lost, unknown int64
	for _, p := range valid {
		if p.HasCompletion() {
			lost += p.Stage.Completion.Lost
			unknown += p.Stage.Completion.Unknown
		}
	}
	queue := last.Stage.Completion
	switch q, _ := last.Carried(); {
	case lost > 0:
		return fmt.Sprintf(", and loses %s of them", count(lost))
	case unknown > 0:
		return fmt.Sprintf(", and of %s of them nobody knows what became", count(unknown))
	case queue.Backlog > 0:
		return fmt.Sprintf(", and leaves %s of %s undone", count(queue.Backlog), count(queue.Accepted))
	case q > 0 && !queue.Thin(q):
		if d, done := queue.Quantile(q); done {
			return fmt.Sprintf(", done within %s (%s)", atMost(d), percentile(q))
		}
	}
	return ""
}
