package duet

import (
	"fmt"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/result"
)

// disturbance is how the machine disturbed a stage or a launch, or what ended a run,
// as in the record. It is decided before any ratio is computed.
type disturbance struct {
	Time time.Time   `json:"time"`
	Pair int         `json:"pair"`
	Unit int         `json:"unit,omitempty"` // which stage or launch of the pair, from 1
	Arm  compare.Arm `json:"arm,omitempty"`  // whose stage or launch; "" where it belongs to none
	Kind kind        `json:"kind,omitempty"`
	Why  string      `json:"why"`
	Kept bool        `json:"kept,omitempty"` // the stage or launch counts all the same
	End  bool        `json:"end,omitempty"`  // it ended the comparison
	Stop bool        `json:"stop,omitempty"` // it ended that run; a later one can continue
}

// kind is the cause of a disturbance.
type kind string

const (
	kindSteal   kind = "steal"   // a hypervisor took CPU time away
	kindQuota   kind = "quota"   // a CPU quota stopped it
	kindClock   kind = "clock"   // the wall clock was set
	kindInvalid kind = "invalid" // a stage was not valid: it says nothing about the target
	kindFailed  kind = "failed"  // the benchmark failed, and was tried again
)

// Bounds beyond which a stage or a launch was disturbed.
const (
	// DefaultMaxSteal is the most CPU time that a hypervisor may take away, as a
	// share of the stage, from the CPUs of either side.
	DefaultMaxSteal = 0.01
	// stealTick is the kernel's unit of stolen time, for each CPU.
	stealTick = 10 * time.Millisecond
	// maxStep is the most by which the wall clock may differ from the monotonic one.
	maxStep = 20 * time.Millisecond
	// oneSided is the chance below which disturbances of one arm are not chance.
	oneSided = 0.01
)

// disturbed checks the stage of an arm. A stage that is not valid was disturbed: the
// generator was late, or short of CPU.
//
// Note: the kernel's pressure figures are not used. They count all processes that
// wait for a CPU, and a server that is pinned to one has such waits of its own.
func disturbed(arm compare.Arm, s *result.Stage, maxSteal float64) *disturbance {
	if !s.Valid() {
		return &disturbance{Kind: kindInvalid, Arm: arm, Why: fmt.Sprintf("a stage of the %s was not valid: %s", arm, s.Invalid[0])}
	}
	if t := s.Target.Throttled; t.Any() {
		return &disturbance{Kind: kindQuota, Arm: arm, Why: fmt.Sprintf("a CPU quota stopped the server of the %s %v", arm, t)}
	}
	if d := stolen(arm, s.Target, s.Length, maxSteal); d != nil {
		return d
	}
	return stolen(arm, s.Generator, s.Length, maxSteal)
}

// stolen checks the CPU time that a hypervisor took from the CPUs of a process. The
// kernel counts it in whole ticks for each CPU, so a difference of two readings is
// off by up to a tick for each. Only what is certain counts.
func stolen(arm compare.Arm, u result.Usage, of time.Duration, bound float64) *disturbance {
	certain := u.Steal - time.Duration(max(1, len(result.ParseCPUs(u.CPUs))))*stealTick
	share := certain.Seconds() / of.Seconds()
	if certain <= 0 || share <= bound {
		return nil
	}
	return &disturbance{Kind: kindSteal, Arm: arm, Why: fmt.Sprintf("the hypervisor took at least %.1f %% of a CPU away while the %s ran, above the bound of %g %%", 100*share, arm, 100*bound)}
}

// watch watches the wall clock, and the CPU quota of this process.
type watch struct {
	from      time.Time
	throttled result.Throttled
}

func startWatch() watch { return watch{time.Now(), host.SelfThrottled()} }

// disturbed is d, or what the watch saw where d is nil. Who names the processes
// that share the quota.
func (w watch) disturbed(d *disturbance, arm compare.Arm, who string) *disturbance {
	if d != nil {
		return d
	}
	now := time.Now()
	if step := now.Round(0).Sub(w.from.Round(0)) - now.Sub(w.from); step.Abs() > maxStep {
		return &disturbance{Kind: kindClock, Arm: arm, Why: "the wall clock was set"}
	}
	if t := host.SelfThrottled().Minus(w.throttled); t.Any() {
		return &disturbance{Kind: kindQuota, Arm: arm, Why: fmt.Sprintf("a CPU quota stopped %s %v", who, t)}
	}
	return nil
}

// unit is one stage or launch.
type unit struct{ pair, unit int }

func (d disturbance) at() unit { return unit{d.Pair, d.Unit} }

// lopsided reports that stages of base or candidate were repeated more often than
// chance allows: then the arm itself may be the cause, and leaving its bad stages
// out would hide that. "" where they were not.
//
// A stage counts once, however often it was repeated, because its repeats are not
// independent. One that was kept hides nothing. Steal does not count: it comes from
// outside, and the slower arm meets more of it because it runs for longer.
func lopsided(all []disturbance) string {
	repeated := map[unit]compare.Arm{}
	for _, d := range all {
		if d.Kind != kindSteal && d.Kind != kindClock {
			repeated[d.at()] = d.Arm
		}
	}
	for _, d := range all {
		if d.Kept {
			delete(repeated, d.at())
		}
	}
	count := map[compare.Arm]int{}
	for _, arm := range repeated {
		count[arm]++
	}
	b, c := count[compare.Base], count[compare.Candidate]
	// The chance of a split at least as uneven, where either side is as likely.
	if p := 2 * exact.BinomialUpper(max(b, c), b+c, 0.5); p < oneSided {
		return fmt.Sprintf("%d stages or launches of the base and %d of the candidate were disturbed and repeated, which is unlikely to be chance: one side may cause it", b, c)
	}
	return ""
}

// flaky reports benchmarks that failed and passed when they were tried again. Where
// only the candidate's did, the comparison is not valid.
func flaky(all []disturbance) (invalid, note string) {
	launches := map[compare.Arm]map[unit]bool{compare.Base: {}, compare.Candidate: {}}
	why := ""
	for _, d := range all {
		if d.Kind == kindFailed {
			launches[side(d.Arm)][d.at()] = true
			why = d.Why
		}
	}
	b, c := len(launches[compare.Base]), len(launches[compare.Candidate])
	text := fmt.Sprintf("benchmarks failed in %d launches of the base and %d of the candidate, and passed when they were tried again; the last: %s", b, c, why)
	switch {
	case b == 0 && c == 0:
		return "", ""
	case b == 0:
		return text, ""
	}
	return "", text
}

// kept reports how many stages and launches count although they were disturbed.
func kept(all []disturbance) string {
	units := map[unit]bool{}
	last := ""
	for _, d := range all {
		if d.Kept {
			units[d.at()] = true
			last = d.Why
		}
	}
	if len(units) == 0 {
		return ""
	}
	return fmt.Sprintf("%d stages or launches were disturbed and count all the same, because this machine disturbs so often; the effect is part of the noise and the bounds; the last: %s", len(units), last)
}

// repeats counts how often a stage or launch was repeated.
func repeats(all []disturbance) (n int) {
	for _, d := range all {
		if !d.Kept {
			n++
		}
	}
	return n
}

// remarks are the reasons why disturbances make a comparison not valid, and notes.
func remarks(all []disturbance) (invalid, notes []string) {
	failed, sometimes := flaky(all)
	return nonempty(lopsided(all), failed), nonempty(sometimes, kept(all))
}

func nonempty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}
