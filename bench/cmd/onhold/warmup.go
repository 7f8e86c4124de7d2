package main

import (
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/model"
)

// coldStart tells of a warm-up that is shorter than theory asks for, of the stage
// that it is shortest for; "" where none is.
func (s *session) coldStart() string {
	var longest time.Duration
	var where string
	for _, sub := range s.subjects {
		for p := range (bench.Sweep{Plan: s.plan, Levels: s.levels}).Plans() {
			c, ok := model.Planned(sub.planned(p))
			if !ok {
				continue
			}
			if need, ok := c.WarmUp(); ok && need > max(longest, p.Warmup) {
				longest = need
				where = fmt.Sprintf("%s at %s", sub.name(), p.Load)
			}
		}
	}
	if longest == 0 {
		return ""
	}
	return fmt.Sprintf("--warmup is %v, and theory asks for %v of %s: an empty server that is not yet full rejects too little",
		s.plan.Warmup, longest.Round(10*time.Millisecond), where)
}
