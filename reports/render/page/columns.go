package page

import (
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// column is a metric that the tables of a run show, and what there is to know of it.
type column struct {
	metric   string
	spare    int  // where text has no room, the highest goes first
	accepted bool // of a target that completes the work later, the time until it accepts
	shown    func(sweep.Point) bool
	legend   string
}

// columns are those behind the level, by the names that metrics have in package
// result. A column for which no stage has a value is left out.
var columns = []column{
	{metric: "ok/s"},
	{metric: "p50", accepted: true}, {metric: "p90", accepted: true}, {metric: "p99", accepted: true}, {metric: "p99.9", accepted: true},
	{metric: "completion-p50", legend: "completion: from the planned instant to the end of the work, over all accepted requests; work not completed when the stage ended counts as slowest. " +
		"Other latencies of such a target end when it accepts, and its CPU time, memory and threads exclude the workers."},
	{metric: "completion-p99"},
	{metric: "backlog", legend: "backlog: accepted, but not completed when the stage ended."},
	{metric: "lost", legend: "lost: accepted, but will never be completed."},
	{metric: "unknown", shown: func(p sweep.Point) bool { return p.HasCompletion() && p.Stage.Completion.Unknown > 0 },
		legend: "unknown: accepted, but nothing could say whether it was completed."},
	{metric: "duplicates", spare: 5, legend: "duplicates: delivered again, and recognised."},
	{metric: "adjusted-p99", legend: "adjusted p99: over all requests, where one that was rejected or failed counts as infinitely slow."},
	{metric: "rejected"},
	{metric: "failed"},
	// Accepting does not wait for the backend.
	{metric: "served-per-wait", spare: 2, shown: func(p sweep.Point) bool { return !p.HasCompletion() },
		legend: "served per wait: requests served during one backend wait."},
	{metric: "cpu", spare: 2, legend: "CPU per request: the target's CPU time per served request; it includes what rejecting others cost."},
	{metric: "memory", spare: 3},
	{metric: "threads", spare: 4},
}

// shown is a column with the metric that it shows.
type shown struct {
	column
	result.Metric
}

// columnsOf are the columns that have a value for any of the points.
func columnsOf(points []sweep.Point) []shown {
	var out []shown
	for _, c := range columns {
		m, _ := result.MetricNamed(c.metric)
		if m.Unit == units.Rate {
			m.Unit = units.Count // the heading says that it is a rate
		}
		for _, p := range points {
			if m.Read(p.Stage).Reason == "" && (c.shown == nil || c.shown(p)) {
				out = append(out, shown{c, m})
				break
			}
		}
	}
	return out
}

func (c shown) cell(p sweep.Point) string {
	if c.column.shown != nil && !c.column.shown(p) {
		return units.None
	}
	return c.Cell(p.Stage)
}

// tableOf has the columns behind those that are given. Their headings have two lines.
func tableOf(points []sweep.Point, first ...table.Column) (*table.Table, []shown) {
	columns := columnsOf(points)
	for _, c := range columns {
		head := c.Heading
		if c.accepted && sweep.HasCompletion(points) {
			head = "accepted " + head
		}
		if at := strings.LastIndexByte(head, ' '); at >= 0 {
			head = head[:at] + "\n" + head[at+1:]
		}
		first = append(first, table.Column{Head: head, Spare: 1 + c.spare})
	}
	return table.New(first...), columns
}

// legend explains the headings and marks of tables of these points.
func legend(points []sweep.Point) string {
	text := []string{"Percentiles are of ok requests, measured from the planned instant."}
	var thin, none, invalid bool
	var of []string
	for _, c := range columnsOf(points) {
		for _, p := range points {
			r := c.Read(p.Stage)
			thin = thin || r.Thin
			none = none || c.cell(p) == units.None
			invalid = invalid || !p.Valid()
		}
		of = append(of, c.legend)
	}
	for _, m := range []struct {
		has  bool
		text string
	}{
		{thin, "~: fewer than ten samples lie beyond."},
		{none, units.None + ": no value, or too few samples."},
		{invalid, "!: the stage is not valid."},
	} {
		if m.has {
			text = append(text, m.text)
		}
	}
	return strings.Join(strings.Fields(strings.Join(append(text, of...), " ")), " ")
}

// level is the level, marked where the stage is not valid.
func level(p sweep.Point) string {
	if !p.Valid() {
		return "! " + units.Int(p.Level)
	}
	return units.Int(p.Level)
}
