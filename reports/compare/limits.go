package compare

import (
	"cmp"
	"slices"

	"github.com/a628bb15/onhold/reports/result"
)

// SideLimit is who set the pace of one side under one load.
type SideLimit struct {
	Scenario string       `json:"scenario"`
	Arm      Arm          `json:"arm"`
	Limit    result.Limit `json:"limit"`
}

// addLimits adds who set the pace, by load and side, over the stages of all pairs.
func (r *Report) addLimits(stages []*result.Stage) {
	type side struct {
		scenario string
		arm      Arm
	}
	of := map[side][]*result.Stage{}
	var sides []side
	for _, s := range stages {
		k := side{ScenarioOf(s.TargetName(), s.Load(), s.Level()), Arm(s.Settings.Get(result.KeyArm))}
		if k.arm != Base && k.arm != Candidate || s.Discarded() != "" || !s.Valid() {
			continue
		}
		if of[k] == nil {
			sides = append(sides, k)
		}
		of[k] = append(of[k], s)
	}
	slices.SortStableFunc(sides, func(a, b side) int { return cmp.Compare(a.arm, b.arm) })
	for _, k := range sides {
		r.Limits = append(r.Limits, SideLimit{k.scenario, k.arm, result.Merge(of[k]).Limit(nil)})
	}
}
