package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

// tooShort warns of a stage that is too short for a percentile that is required, of
// several the one that lacks most; empty where none is known to be.
func (s *session) tooShort() (warning string) {
	most := 1.0
	for _, t := range s.driven {
		for p := range (bench.Sweep{Plan: s.plan, Levels: s.levels}).Plans() {
			set := t.planned(p)
			have := plannedRate(set, p.Load) * p.Duration.Seconds()
			for _, r := range s.required {
				q, ok := units.ParsePercentile(r.Metric[strings.LastIndexByte(r.Metric, '-')+1:])
				if !ok || !r.About(set) || have == 0 {
					continue
				}
				need := series.Requests(q)
				if lacks := float64(need) / have; lacks > most {
					most = lacks
					longer := time.Duration(lacks*float64(p.Duration)).Truncate(time.Second) + time.Second
					warning = fmt.Sprintf("--require %s: %s takes %s requests, but %s at %s will have about %s in %v: give --duration %v or more",
						r, units.Percentile(q), units.Int(need), t.name, p.Load, units.Number(have), p.Duration, longer)
				}
			}
		}
	}
	return warning
}

// plannedRate is about how many requests per second there will be; 0 where that is not
// known.
func plannedRate(set result.Settings, l load.Load) float64 {
	switch l.Model() {
	case load.Closed:
		wait := set.Duration(result.KeyBackendLatency)
		busy := float64(l.Clients)
		if n := set.Int(result.KeyWorkers); n > 0 {
			busy = min(busy, float64(n))
		}
		if wait == 0 {
			return 0
		}
		return min(busy/wait.Seconds(), float64(l.Clients)/(wait+l.ThinkTime).Seconds())
	case load.Burst:
		return float64(l.Burst) / max(l.BurstInterval, 1).Seconds()
	case load.Ramp:
		return (l.Ramp.From + l.Ramp.To) / 2
	}
	return l.Rate
}
