package duet

import (
	"math/rand/v2"

	"github.com/a628bb15/onhold/reports/compare"
)

// pairPlan is what is drawn for one pair.
type pairPlan struct {
	number int
	arms   []compare.Arm
	order  []compare.Arm          // in which the arms are launched
	layout map[compare.Arm]uint64 // seed of the linker
	place  map[compare.Arm]int    // which path an arm gets
	seed   uint64                 // of the load, the same for all arms
}

// plan draws the pair of that number. It depends on the seed and the number only, so
// a comparison that is continued draws the same.
func (s *session) plan(number int) pairPlan {
	return draw(s.Seed, number, s.arms())
}

func draw(seed uint64, number int, arms []compare.Arm) pairPlan {
	r := rand.New(rand.NewPCG(seed, uint64(number)))
	p := pairPlan{number: number, arms: arms, layout: map[compare.Arm]uint64{}, place: map[compare.Arm]int{}}
	for _, i := range r.Perm(len(arms)) {
		p.order = append(p.order, arms[i])
	}
	for i, at := range r.Perm(len(arms)) {
		p.place[arms[i]] = at
	}
	p.seed = r.Uint64()
	for _, arm := range arms {
		p.layout[arm] = max(uint64(r.Uint32()), canonicalLayout+1)
	}
	return p
}
