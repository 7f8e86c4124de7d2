package main

import (
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/model"
)

// coldStart warns of a warm-up that is shorter than theory asks for, at the stage
// where most is missing; empty where none is.
func (s *session) coldStart() string {
	var longest time.Duration
	var where string
	for _, t := range s.driven {
		for p := range (bench.Sweep{Plan: s.plan, Levels: s.levels}).Plans() {
			c, ok := model.Planned(t.planned(p))
			if !ok {
				continue
			}
			if need, ok := c.WarmUp(); ok && need > max(longest, p.Warmup) {
				longest = need
				where = fmt.Sprintf("%s at %s", t.name, p.Load)
			}
		}
	}
	if longest == 0 {
		return ""
	}
	return fmt.Sprintf("--warmup is %v, but theory asks for %v for %s: a server that starts empty rejects too few requests at first",
		s.plan.Warmup, longest.Round(10*time.Millisecond), where)
}
