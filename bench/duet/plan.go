package duet

import (
	"math/rand/v2"

	"github.com/a628bb15/onhold/reports/compare"
)

// pairPlan is what is drawn for one pair before anything of it is known.
type pairPlan struct {
	number  int
	attempt int // from 0: how often it was run before
	arms    []compare.Arm
	order   []compare.Arm          // in which the arms are launched
	layout  map[compare.Arm]uint64 // seed of the linker, for each arm one of its own
	place   map[compare.Arm]int    // which folder and name an arm gets
	seed    uint64                 // of the load: the same for all arms of the pair
}

// plan draws the pair of that number. It depends on the seed and the number
// alone, so a comparison that is continued draws the same.
func (s *session) plan(number int) pairPlan {
	arms := []compare.Arm{compare.Base, compare.Candidate}
	if s.Control {
		arms = append(arms, compare.Control)
	}
	return draw(s.Seed, number, 0, arms)
}

func draw(seed uint64, number, attempt int, arms []compare.Arm) pairPlan {
	r := rand.New(rand.NewPCG(seed, uint64(number)<<16|uint64(attempt)))
	p := pairPlan{number: number, attempt: attempt, arms: arms, layout: map[compare.Arm]uint64{}, place: map[compare.Arm]int{}}
	for _, i := range r.Perm(len(arms)) {
		p.order = append(p.order, arms[i])
	}
	for i, at := range r.Perm(len(arms)) {
		p.place[arms[i]] = at
	}
	p.seed = r.Uint64()
	// The layouts come from a stream of their own: a pair that is run again
	// keeps what was built for it.
	layouts := rand.New(rand.NewPCG(seed^0x6c61796f7574, uint64(number)))
	for _, arm := range arms {
		p.layout[arm] = uint64(layouts.Uint32())
	}
	return p
}

// again draws the same pair anew, after it was disturbed.
func (p pairPlan) again() pairPlan {
	// The seed of the load is as good a source as the session's.
	n := draw(p.seed, p.number, p.attempt+1, p.arms)
	n.layout = p.layout
	return n
}
