package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// abortAfter is how much of a stage is measured before it may be aborted.
const abortAfter = time.Second

func abortFlag() cli.Flag {
	return listFlag(catRequire, "abort-on", "`CONDITIONS` end a stage, and skip the target's higher levels, as soon as one of these holds: 'rejected>50%'; the report is written all the same, and the exit code is 1")
}

// abortConditions are those of --abort-on, of metrics that are known while a stage runs.
func abortConditions(c *cli.Command) (all compare.Requirements, err error) {
	all, err = conditions(c, "abort-on")
	if err != nil {
		return nil, err
	}
	sample := result.NewStage()
	sample.Length = time.Second
	for range 100_000 {
		sample.Counts[result.OK]++
		sample.Latency.Record(time.Millisecond)
	}
	for _, r := range all {
		if m, _ := result.MetricNamed(r.Metric); m.Read(sample).Reason != "" {
			return nil, usageError("--abort-on=%s: %s is not known while a stage runs; want latency, or the share of rejected, failed or ok", r, r.Metric)
		}
	}
	return all, nil
}

// aborting watches a stage that may have to be aborted.
type aborting struct {
	on    compare.Requirements
	stage *result.Stage // what has ended so far
	why   string        // which condition holds; "" where none does
}

func newAborting(on compare.Requirements, settings result.Settings) *aborting {
	s := result.NewStage()
	s.Settings = settings
	return &aborting{on: on, stage: s}
}

// look reports whether a condition holds, and is certain enough.
func (a *aborting) look(l bench.Live) bool {
	a.stage.Counts.Add(l.Counts)
	l.Latency.AddTo(a.stage.Latency)
	a.stage.Length = l.To
	if l.To < abortAfter || l.Last {
		return false
	}
	for _, j := range a.on.Judge([]*result.Stage{a.stage}) {
		if j.Ruling == compare.Met && !j.Thin {
			a.why = fmt.Sprintf("%s: it was %s after %s", j.Requirement, j.Measured, l.To.Round(100*time.Millisecond))
			return true
		}
	}
	return false
}
