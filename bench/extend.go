package bench

import (
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// decide lets the stage run on where too much of it was disturbed.
func (f *fold) decide(end time.Duration) {
	p := f.r.plan
	if !p.extends() {
		return
	}
	disturbed, _ := f.disturbed(f.r.from, end)
	missing := p.Duration - (end - f.r.from - disturbed)
	if missing <= p.Duration/100 || f.inStep() { // such a stage has to be run again, however long it is
		return
	}
	if disturbed > p.Duration/2 { // the rest will be no better
		missing = p.longest()
	}
	if every := p.Load.BurstInterval; p.Load.Model() == load.Burst {
		missing = (missing + every - 1) / every * every
	}
	f.r.extend(min(end+missing, f.r.from+p.longest()))
}

// inStep reports whether a spell has brought clients into step so far: only where it is
// certain that requests wait for one another, for those that the spells held up are
// among the latencies.
func (f *fold) inStep() bool {
	rejects := slices.ContainsFunc(f.slices, func(s foldedSlice) bool { return s.Counts[result.Rejected] > 0 })
	return (rejects || f.r.plan.Wait > 0) && f.r.plan.inStep(f.longest, f.first(), rejects, f.r.plan.Wait)
}

// disturbed is how much of the time between two instants was disturbed, and by what. A
// wave is disturbed as one.
func (f *fold) disturbed(from, to time.Duration) (length time.Duration, by causes) {
	length, by = f.spans.within(from, to)
	if f.r.plan.Load.Model() != load.Burst || length == 0 {
		return length, by
	}
	length = 0
	every := f.r.plan.Load.BurstInterval
	first := (every - f.r.lead%every) % every // of the waves, after the beginning of the window
	for at := from; at < to; at += every {
		if f.spans.has(at + first) {
			length += min(every, to-at)
		}
	}
	return length, by
}
