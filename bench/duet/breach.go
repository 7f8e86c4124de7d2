package duet

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// breach is how the machine disturbed a slice or a launch. It is found before
// any ratio is looked at.
type breach struct {
	arm  compare.Arm // in whose slice; "" where it belongs to none
	why  string
	pair int
	unit int // which slice or launch of the pair, from 1
}

// Bounds beyond which a slice was disturbed.
const (
	// DefaultMaxSteal is the most CPU time that a hypervisor may take away, as a
	// share of the slice, from the CPUs of either side.
	DefaultMaxSteal = 0.01
	// stealTick is the kernel's unit of stolen time: a single one says little of
	// a short slice.
	stealTick = 10 * time.Millisecond
	// maxStep is the most by which the wall clock may part from the steady one.
	maxStep = 20 * time.Millisecond
)

// disturbed looks at a slice of an arm. A stage that is not valid was disturbed:
// the generator was late, or short of CPU.
//
// Note: the kernel's pressure figures are not used. They count everybody who
// waits for a CPU, and a server that is pinned to one has such waits of its own.
func disturbed(arm compare.Arm, s *result.Stage, maxSteal float64) *breach {
	if !s.Valid {
		why := "no reason is told"
		if len(s.Warnings) > 0 {
			why = s.Warnings[0] // the reasons come first
		}
		return &breach{arm: arm, why: fmt.Sprintf("a slice of the %s was not valid: %s", arm, why)}
	}
	if t := s.Target.Throttled; t.Any() {
		return &breach{arm: arm, why: fmt.Sprintf("a CPU quota stopped the server of the %s %v", arm, t)}
	}
	return stolen(arm, max(s.Target.Steal, s.Generator.Steal), s.Length, maxSteal)
}

// stolen looks at the CPU time that a hypervisor took away.
func stolen(arm compare.Arm, steal, of time.Duration, bound float64) *breach {
	share := steal.Seconds() / of.Seconds()
	if steal <= stealTick || share <= bound {
		return nil
	}
	return &breach{arm: arm, why: fmt.Sprintf("the hypervisor took %.1f %% of a CPU away while the %s ran, above the bound of %g %%", 100*share, arm, 100*bound)}
}

// wall watches the wall clock.
type wall struct{ from time.Time }

func watchWall() wall { return wall{time.Now()} }

// stepped reports whether the wall clock was set meanwhile.
func (w wall) stepped() bool {
	now := time.Now()
	steady := now.Sub(w.from)
	return (now.Round(0).Sub(w.from.Round(0)) - steady).Abs() > maxStep
}

// lopsided says that the breaches fell on one of base and candidate more often
// than chance allows: then the arm itself may be what causes them, and leaving
// its bad pairs out would hide that. "" where they did not.
func lopsided(all []breach) string {
	count := map[compare.Arm]int{}
	for _, b := range all {
		count[b.arm]++
	}
	b, c := count[compare.Base], count[compare.Candidate]
	if p := tossed(max(b, c), b+c); p < oneSided {
		return fmt.Sprintf("disturbed slices fell on the base %d times and on the candidate %d times, which is hardly chance: one of them may cause it", b, c)
	}
	return ""
}

// tossed is the chance of at least k heads, or at least k tails, in n tosses.
func tossed(k, n int) float64 {
	p := 0.0
	for i := k; i <= n; i++ {
		lg := func(v int) float64 { r, _ := math.Lgamma(float64(v) + 1); return r }
		p += math.Exp(lg(n) - lg(i) - lg(n-i) - float64(n)*math.Ln2)
	}
	return min(1, 2*p)
}
