package duet

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// breach is how the machine disturbed a slice or a launch. It is found before
// any ratio is looked at.
type breach struct {
	kind kind
	arm  compare.Arm // in whose slice; "" where it belongs to none
	why  string
	pair int
	unit int  // which slice or launch of the pair, from 1
	kept bool // it counts all the same
}

// kind is what disturbed it.
type kind string

const (
	kindSteal    kind = "steal"    // a hypervisor took CPU time away
	kindQuota    kind = "quota"    // a CPU quota stopped it
	kindClock    kind = "clock"    // the wall clock was set
	kindUnusable kind = "unusable" // a slice that was not valid: its figures say nothing of the target
	kindFailed   kind = "failed"   // the benchmark failed, and was tried again
)

// Bounds beyond which a slice was disturbed.
const (
	// DefaultMaxSteal is the most CPU time that a hypervisor may take away, as a
	// share of the slice, from the CPUs of either side.
	DefaultMaxSteal = 0.01
	// stealTick is the unit in which the kernel shows stolen time, for each CPU.
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
	if !s.Valid() {
		return &breach{kind: kindUnusable, arm: arm, why: fmt.Sprintf("a slice of the %s was not valid: %s", arm, s.Invalid[0])}
	}
	if t := s.Target.Throttled; t.Any() {
		return &breach{kind: kindQuota, arm: arm, why: fmt.Sprintf("a CPU quota stopped the server of the %s %v", arm, t)}
	}
	if b := stolen(arm, s.Target, s.Length, maxSteal); b != nil {
		return b
	}
	return stolen(arm, s.Generator, s.Length, maxSteal)
}

// stolen looks at the CPU time that a hypervisor took from the CPUs of a
// process. The kernel shows it for each CPU in whole ticks, so a difference of
// two readings is up to a tick off for each: what is certain counts, and that is
// nothing of one tick in a launch of a third of a second.
func stolen(arm compare.Arm, u result.Usage, of time.Duration, bound float64) *breach {
	certain := u.Steal - time.Duration(max(1, host.CountCPUs(u.CPUs)))*stealTick
	share := certain.Seconds() / of.Seconds()
	if certain <= 0 || share <= bound {
		return nil
	}
	return &breach{kind: kindSteal, arm: arm, why: fmt.Sprintf("the hypervisor took at least %.1f %% of a CPU away while the %s ran, above the bound of %g %%", 100*share, arm, 100*bound)}
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

// unit is one slice or launch.
type unit struct{ pair, unit int }

// lopsided says that slices of one of base and candidate were run again more
// often than chance allows: then the arm itself may be what causes it, and
// leaving its bad slices out would hide that. "" where they were not.
//
// A slice counts once, however often it was run again: its retries are not
// independent. One that was kept in the end hides nothing. Steal does not count:
// it comes from outside, and the slower arm meets more of it because it runs for
// longer.
func lopsided(all []breach) string {
	again := map[unit]compare.Arm{}
	for _, b := range all {
		if b.kind != kindSteal && b.kind != kindClock {
			again[unit{b.pair, b.unit}] = b.arm
		}
	}
	for _, b := range all {
		if b.kept {
			delete(again, unit{b.pair, b.unit})
		}
	}
	count := map[compare.Arm]int{}
	for _, arm := range again {
		count[arm]++
	}
	b, c := count[compare.Base], count[compare.Candidate]
	if p := tossed(max(b, c), b+c); p < oneSided {
		return fmt.Sprintf("%d slices of the base and %d of the candidate were disturbed and run again, which is hardly chance: one of them may cause it", b, c)
	}
	return ""
}

// flaky says of benchmarks that failed, and did not when they were tried again:
// where only the candidate's did, that is not valid, for the candidate may fail
// where the base does not.
func flaky(all []breach) (invalid, note string) {
	launches := map[compare.Arm]map[unit]bool{compare.Base: {}, compare.Candidate: {}}
	why := ""
	for _, b := range all {
		if b.kind == kindFailed {
			launches[side(b.arm)][unit{b.pair, b.unit}] = true
			why = b.why
		}
	}
	b, c := len(launches[compare.Base]), len(launches[compare.Candidate])
	switch {
	case b == 0 && c == 0:
		return "", ""
	case b == 0:
		return fmt.Sprintf("benchmarks failed in %d launches of the candidate and in none of the base, and not when they were tried again; the last: %s", c, why), ""
	}
	return "", fmt.Sprintf("benchmarks failed in %d launches of the base and %d of the candidate, and not when they were tried again; the last: %s", b, c, why)
}

// kept says how many slices count although the machine disturbed them.
func kept(all []breach) string {
	units := map[unit]bool{}
	last := ""
	for _, b := range all {
		if b.kept {
			units[unit{b.pair, b.unit}] = true
			last = b.why
		}
	}
	if len(units) == 0 {
		return ""
	}
	return fmt.Sprintf("%d slices or launches were disturbed, and count all the same, as the machine disturbs so often: what that adds is in the noise and the bounds; the last as %s", len(units), last)
}

// rerun is how often a slice was run again.
func rerun(all []breach) (n int) {
	for _, b := range all {
		if !b.kept {
			n++
		}
	}
	return n
}

// remarks are what the breaches make of a comparison: why it is not valid, and
// what else a reader must know.
func remarks(all []breach) (invalid, notes []string) {
	failed, sometimes := flaky(all)
	for _, why := range []string{lopsided(all), failed} {
		if why != "" {
			invalid = append(invalid, why)
		}
	}
	for _, note := range []string{sometimes, kept(all)} {
		if note != "" {
			notes = append(notes, note)
		}
	}
	return invalid, notes
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
