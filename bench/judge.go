package bench

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// MaxGeneratorCPU is the share of the CPU time it may use above which the
// generator, not the server, may have set the pace.
const MaxGeneratorCPU = 0.8

// maxLittleError is by how much Little's law may fail: the recorded times are
// exact, so more than rounding means that arrivals were lost or counted twice.
const maxLittleError = 0.02

// minLag is the lag that every stage may have.
const minLag = time.Millisecond

// lagBound is the most that the lag of an open load may be for the stage to be valid:
// MaxLag, or where that is 0 the larger of 1 ms and 1 % of the median uncorrected latency.
func (p Plan) lagBound(median time.Duration) time.Duration {
	return cmp.Or(p.MaxLag, max(median/100, minLag))
}

// pace is the median time that lag is measured by: that to the first event where replies
// are streams, of which each lasts as long as it lasts.
func pace(t result.Totals) time.Duration {
	if t.Streams != nil && t.Streams.FirstEvent.N() > 0 {
		return t.Streams.FirstEvent.Quantile(0.5)
	}
	return t.Uncorrected.Quantile(0.5)
}

// lagQuantile is the quantile of lag that is compared with the bound: the
// 99th percentile, or the highest that has ten samples beyond it; one
// delay among a few arrivals does not decide about the stage.
func lagQuantile(n int64) float64 {
	return max(0.5, min(0.99, 1-10/float64(max(n, 1))))
}

// judge decides whether the stage is valid and, where it is not, why.
func judge(m merged, p Plan, meterErr error) {
	s := m.stage
	planned := s.Counts.Planned()
	if planned == 0 {
		s.Invalidate("%s", nothingMeasured(m, p))
		throttled(s)
		if meterErr != nil {
			s.Invalidate("the target's process could not be measured: %v", meterErr)
		}
		slowed(s)
		return
	}
	if n := s.Counts[result.Unsent]; n > 0 {
		s.Invalidate("the generator could not send %d of %d arrivals: %s", n, planned, m.whys[result.Unsent])
	}
	throttled(s)
	busy(s, p)
	if meterErr != nil {
		s.Invalidate("the target's process could not be measured: %v", meterErr)
	}
	complete(m, p)
	completed(m, p)
	little(m)
	folded(m)
	// Last, for they must know whether they are the only reason.
	if p.Load.Model().Open() {
		punctual(m, p)
	} else {
		undelayed(m, p)
	}
	disturbed(m, p)
	inStep(m, p)
	slowed(s)
	if median := s.Latency.Quantile(0.5); s.Latency.N() > 0 && median < p.Wait-p.Wait/100 {
		s.Warn("the median latency is %v, below the %v that each request is said to wait for behind the server", median, p.Wait)
	}
	type named struct {
		name string
		hist *result.Hist
	}
	hists := []named{{"latencies", s.Latency}, {"uncorrected latencies", s.Uncorrected}, {"times to the first byte", s.FirstByte}, {"times to rejection", s.Rejected}, {"lags", s.Lag}}
	if s.Completion != nil {
		hists = append(hists, named{"completion latencies", s.Completion.Latency})
	}
	if t := s.Streams; t != nil {
		hists = append(hists, named{"times to the first event", t.FirstEvent}, named{"gaps between events", t.Gap}, named{"median gaps of streams", t.MedianGap})
		if over := t.Length.Over(); over > 0 {
			s.Warn("%d streams are longer than %v: they are counted without their length", over, result.LongHighest)
		}
	}
	for _, h := range hists {
		if over := h.hist.Over(); over > 0 {
			s.Warn("%d %s are above %v: they are counted without their value", over, h.name, result.HistHighest)
		}
	}
	if s.Resent > 0 {
		s.Warn("%d requests were sent again on another connection or stream, once, as the server said that it had not looked at them (GOAWAY or REFUSED_STREAM). Their latency includes the first attempt", s.Resent)
	}
	if s.Unsolicited > 0 {
		s.Warn("the server sent bytes that are no reply to any request, %d times. These connections were closed, and their clients made a new one for each further request. Such bytes that came after the next request was sent were taken for its reply", s.Unsolicited)
	}
	endings(m)
}

// endings shows how arrivals failed.
func endings(m merged) {
	s, planned := m.stage, m.stage.Counts.Planned()
	for _, o := range []result.Outcome{result.Refused, result.Reset, result.Timeout, result.Error, result.Unfinished} {
		if n := s.Counts[o]; n > 0 && m.whys[o] != "" {
			s.Warn("%d of %d arrivals ended in %s, for example: %s", n, planned, o, m.whys[o])
		}
	}
}

// maxThrottled is the share of the window for which CPU quotas may stop the
// generator: a tenth of what lies above the 99th percentile. Lag does not show
// such a stop where clients wait for their replies.
const maxThrottled = 0.001

// throttled compares the time for which CPU quotas stopped the generator with its
// bound.
func throttled(s *result.Stage) {
	t, share := s.Generator.Throttled, s.Generator.Throttled.Time.Seconds()/s.Length.Seconds()
	// The kernel counts the time of a stop when that ends, and may not have yet.
	if share > maxThrottled || t.Any() && t.Time == 0 {
		s.Invalidate("%s stopped the generator %v (%.2g %% of the window, above the bound of %g %%): raise the quota of its control group, or lower the level",
			quotaOf(s.Generator), t, 100*share, 100*maxThrottled)
	}
}

// slowed warns of quotas that do not make the stage invalid: those of the target
// belong to what is measured.
func slowed(s *result.Stage) {
	if t := s.Generator.Throttled; t.Any() && t.Time > 0 && t.Time.Seconds() <= maxThrottled*s.Length.Seconds() {
		s.Warn("%s stopped the generator %v, within the bound of %g %% of the window", quotaOf(s.Generator), t, 100*maxThrottled)
	}
	if t := s.Target.Throttled; t.Any() {
		s.Warn("%s stopped the target %v: its latencies include that time", quotaOf(s.Target), t)
	}
}

func quotaOf(u result.Usage) string {
	if u.Quota == 0 {
		return "a CPU quota"
	}
	return fmt.Sprintf("a CPU quota of %.4g CPUs", u.Quota)
}

// nothingMeasured is why no arrival fell into the window: the clients still waited
// for the replies to those before it or, in open loads, none was due.
func nothingMeasured(m merged, p Plan) string {
	text := fmt.Sprintf("no arrival fell into the measured window of %v", p.Duration)
	var most result.Outcome
	var ended int64
	for _, o := range result.Outcomes {
		n := m.before.counts[o]
		ended += n
		if n > m.before.counts[most] {
			most = o
		}
	}
	switch {
	case ended == 0:
		return text + ": measure for longer"
	case most != result.OK:
		why := m.before.whys[most]
		if why != "" {
			why = ", for example: " + why
		}
		return fmt.Sprintf("%s: of %d before it %d ended in %s%s", text, ended, m.before.counts[most], most, why)
	case p.Load.ThinkTime > 0:
		return fmt.Sprintf("%s: the clients waited for the replies to the %d before it and then for their think time of %v: measure for longer", text, ended, p.Load.ThinkTime)
	}
	return fmt.Sprintf("%s: the replies to the %d before it took longer than that: measure for longer", text, ended)
}

// busy compares the generator's CPU time, and that of each of its event loops, with
// the bound. Spinning on purpose does not count.
func busy(s *result.Stage, p Plan) {
	used, who := s.Generator.CPU, "the generator"
	if p.inProcess() && len(s.Generator.Loops) == 0 {
		who = "the generator and the target, both in this process,"
	}
	for i, l := range s.Generator.Loops {
		used -= l.Spun
		if share := l.Busy().Seconds() / s.Length.Seconds(); share > MaxGeneratorCPU {
			s.Invalidate("loop %d of %d of the generator was busy for %.0f %% of the time, above the bound of %.0f %%: lower the level, or give it more Threads and cores",
				i+1, len(s.Generator.Loops), 100*share, 100*MaxGeneratorCPU)
			return // one reason is enough: that of the process follows
		}
	}
	if may := time.Duration(s.Generator.MayUse(host.CPUs()) * float64(s.Length)); used > time.Duration(MaxGeneratorCPU*float64(may)) {
		s.Invalidate("%s used %.0f %% of the CPU time it may use, above the bound of %.0f %%: lower the level or give it more cores",
			who, 100*used.Seconds()/may.Seconds(), 100*MaxGeneratorCPU)
	}
}

// folded checks that all arrivals are in slices.
func folded(m merged) {
	if m.dropped > 0 {
		m.stage.Invalidate("%d arrivals are in no slice: the machine left the generator no time to note them; lower the level, or give it more cores", m.dropped)
	}
	if m.droppedEvents > 0 && m.disturbed > 0 {
		m.stage.Warn("%d events are in the percentiles even where the machine disturbed them: it left the generator no time to note them", m.droppedEvents)
	}
}

// disturbed reports how much of the window the machine disturbed. Where less than half
// of the planned duration is left, the stage says too little.
func disturbed(m merged, p Plan) {
	s := m.stage
	if m.disturbed == 0 {
		return
	}
	cause := m.causes.text(s.Generator.Steal)
	if m.causes.most() == host.Others {
		cause += s.NameOthers()
	}
	if left := s.Length - m.disturbed; left < min(p.Duration, s.Length)/2 {
		alone := s.Valid() || s.Disturbed
		s.Invalidate("the machine disturbed %s of the %s of the window (%s), which leaves less than half of the planned %s: stop other work on this machine, or measure for longer", units.Duration(m.disturbed), units.Duration(s.Length), cause, units.Duration(p.Duration))
		// Where it ran on for as long as it may, it would do so again.
		s.Disturbed = alone && !(p.extends() && s.Length >= p.longest())
		return
	}
	if m.disturbed > s.Length/100 || s.Length > p.Duration {
		s.Warn("the machine disturbed %s of the %s of the window (%s): percentiles, shares and rates leave that out", units.Duration(m.disturbed), units.Duration(s.Length), cause)
	}
}

// maxInStep is the share of the clients of a closed load above which a spell that held
// them up changes what is reported: in a full pool with a constant service time they
// stay in step. By simulation of pools with 1.25 to 10 clients a worker: a quarter
// changes no percentile by more than 2 %, a half changes some by 8 %, all of them by 30 %.
const maxInStep = 1.0 / 3

// inStep finds clients that a spell brought into step, where they wait for one another:
// leaving out the spell does not undo that.
func inStep(m merged, p Plan) {
	s, shown := m.stage, m.stage.Shown()
	wait, _ := s.Wait()
	if !p.inStep(m.longest, shown.Uncorrected, shown.Counts[result.Rejected] > 0, wait) {
		return
	}
	median := shown.Uncorrected.Quantile(0.5)
	alone := s.Valid() || s.Disturbed
	s.Invalidate("the machine held up %.0f %% of the clients at once (for %v), which brings them into step at a server that is full: the stage has to be run again", 100*min(1, m.longest.Seconds()/median.Seconds()), m.longest.Round(time.Millisecond))
	s.Disturbed = alone
}

// inStep reports whether a spell of that length brings clients into step: one above
// maxInStep, where requests wait for one another. That they do is known from rejections,
// and from latencies above the wait, or that differ where that is not known.
func (p Plan) inStep(longest time.Duration, uncorrected interface {
	Quantile(q float64) time.Duration
}, rejects bool, wait time.Duration) bool {
	median := uncorrected.Quantile(0.5)
	if p.Load.Model() != load.Closed || longest <= time.Duration(maxInStep*float64(median)) || median == 0 {
		return false
	}
	if wait > 0 {
		return rejects || median > wait*11/10
	}
	return rejects || uncorrected.Quantile(0.9) > uncorrected.Quantile(0.1)*3/2
}

// punctual compares the generator's lag with its bound, in loads that follow a schedule.
func punctual(m merged, p Plan) {
	s, shown := m.stage, m.stage.Shown()
	q := lagQuantile(shown.Lag.N())
	bound := p.lagBound(pace(shown))
	lag := shown.Lag.Quantile(q)
	switch {
	case lag > bound && m.waited > 0 && s.Settings.Get(result.KeyConnections) != "":
		s.Invalidate("%d arrivals waited for a stream: all that the server and the plan allow were taken. Allow more streams or connections (p%.3g of the lag is %v, the bound is %v)",
			m.waited, 100*q, lag.Round(10*time.Microsecond), bound.Round(10*time.Microsecond))
	case lag > bound && m.waited > 0:
		s.Invalidate("%d arrivals waited for one of the %d connections that the stage may have: allow more (p%.3g of the lag is %v, the bound is %v)",
			m.waited, p.MaxConnections, 100*q, lag.Round(10*time.Microsecond), bound.Round(10*time.Microsecond))
	case lag > bound:
		alone := s.Valid()
		s.Invalidate("the generator was late: p%.3g of its lag is %v, above the bound of %v%s", 100*q, lag.Round(10*time.Microsecond), bound.Round(10*time.Microsecond), blame(s))
		s.Disturbed = alone && stolen(s)
	}
}

// Bounds of what the generator's delay may change where there is no schedule to keep.
//
// The clients of a burst share one instant, but one loop takes 6 to 9 µs to send a
// request: the last of 1,001 leaves 6 to 9 ms after the first, which is 3 to 5 % of
// 200 ms on any machine, however quiet.
const (
	maxShift      = 0.02                  // of a percentile of latency
	maxBurstShift = 0.1                   // likewise, in a burst
	maxSlowing    = 0.01                  // of a client's cycle, that its requests are late on average
	minShift      = 20 * time.Microsecond // what is less does not count
)

// undelayed checks what the generator's delay changed, in loads whose requests follow
// the replies, and in bursts. That replies were read late does not show there, but by
// no more than the shortest spell that is left out.
func undelayed(m merged, p Plan) {
	s, shown := m.stage, m.stage.Shown()
	us := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	late := func(format string, args ...any) {
		alone := s.Valid()
		s.Invalidate(format+"%s", append(args, blame(s))...)
		s.Disturbed = alone && stolen(s)
	}
	burst := p.Load.Model() == load.Burst
	share := maxShift
	if burst {
		share = maxBurstShift
	}
	if shown.Streams != nil { // a shift of long latencies would hide that of first events
		q := lagQuantile(shown.Lag.N())
		bound := cmp.Or(p.MaxLag, max(time.Duration(share*float64(pace(shown))), minLag))
		if lag := shown.Lag.Quantile(q); lag > bound {
			late("the generator was late: p%.3g of its lag is %v, above the bound of %v for streams", 100*q, us(lag), us(bound))
			return
		}
	}
	for _, q := range []float64{0.999, 0.99, 0.9, 0.5} {
		if shown.Latency.Thin(q) {
			continue
		}
		latency, uncorrected := shown.Latency.Quantile(q), shown.Uncorrected.Quantile(q)
		bound := cmp.Or(p.MaxLag, max(time.Duration(share*float64(uncorrected)), minShift))
		switch shift := latency - uncorrected; {
		case shift <= bound:
			continue
		case burst && m.waited > 0:
			s.Invalidate("%d arrivals waited for their client's reply to the wave before: use a longer burst interval (it adds %v to p%.3g, the bound is %v)",
				m.waited, us(shift), 100*q, us(bound))
		default:
			late("the generator was late: its lag adds %v to p%.3g of the latency, above the bound of %v", us(shift), 100*q, us(bound))
		}
		return
	}
	if planned := shown.Counts.Planned(); !burst && planned > 0 {
		cycle := float64(p.Clients()) * float64(shown.Length) / float64(planned)
		if lag, bound := shown.Lag.Mean(), cmp.Or(p.MaxLag, max(time.Duration(maxSlowing*cycle), minShift)); lag > bound {
			late("the generator was late: its mean lag of %v lowers the load, above the bound of %v", us(lag), us(bound))
		}
	}
}

// stolen reports whether the hypervisor took the generator's CPUs away for
// more than 1 % of the window.
func stolen(s *result.Stage) bool { return s.Generator.Steal > s.Length/100 }

// blame names the hypervisor where it was a cause, and else what to do.
func blame(s *result.Stage) string {
	if stolen(s) {
		return " (the machine took its CPU away for " + s.Generator.Steal.Round(time.Millisecond).String() + ": steal)"
	}
	return ": lower the level, or stop other work on this machine" + s.NameOthers()
}

// complete checks that every arrival that was begun has exactly one outcome and,
// in loads that follow a schedule, that it planned as many.
func complete(m merged, p Plan) {
	s := m.stage
	outcomes := s.Counts.Planned()
	if m.begun != outcomes {
		s.Invalidate("%d arrivals were begun, but %d have an outcome: a fault of the driver", m.begun, outcomes)
	}
	if t := s.Streams; t != nil && t.FirstEvent.N() != t.Length.N() {
		s.Invalidate("%d streams had a first event, but %d have a length: a fault of the driver", t.FirstEvent.N(), t.Length.N())
	}
	if p.Load.Model() == load.Closed {
		return
	}
	scheduled := p.Planned(s.Length, m.most)
	if scheduled != outcomes {
		s.Invalidate("the schedule has %d arrivals in the window, but %d have an outcome: a fault of the driver", scheduled, outcomes)
	}
}

// completed reports what became of accepted requests that were not completed.
func completed(m merged, p Plan) {
	s, q := m.stage, m.stage.Completion
	if q == nil {
		return
	}
	if q.Accepted != s.Counts[result.OK] || q.Accepted != q.Completed()+q.Backlog+q.Lost+q.Unknown {
		s.Invalidate("%d requests are ok, %d were accepted, of which %d are complete, %d in the backlog, %d lost and %d unknown: a fault of the driver",
			s.Counts[result.OK], q.Accepted, q.Completed(), q.Backlog, q.Lost, q.Unknown)
	}
	if m.completionErr != nil {
		s.Invalidate("%v", m.completionErr)
	} else if q.Lost > 0 {
		s.Warn("%d of %d accepted requests are LOST: they are not complete, and no longer queued anywhere", q.Lost, q.Accepted)
	}
	if q.Backlog > 0 {
		s.Warn("%d of %d accepted requests were still queued %v after the window: they count as slower than all completed ones; a longer drain timeout waits for more",
			q.Backlog, q.Accepted, p.DrainTimeout)
	}
	if q.CompletedAgain > 0 {
		s.Warn("the work of %d accepted requests was repeated", q.CompletedAgain)
	}
}

// little checks Little's law, mean in flight = rate × mean time, in the form
// that holds exactly on a window with two edges: the time in flight that was
// added up as arrivals began and ended must equal the summed times of the
// window's arrivals, less what of those lies after the window, plus what of
// earlier ones lies within. One side is added up as arrivals begin and end, the
// other is what the histograms hold.
func little(m merged) {
	byTimes := (m.times - m.overhang).Seconds() / m.stage.Length.Seconds()
	if math.Abs(byTimes-m.stage.InFlight) > maxLittleError*max(m.stage.InFlight, 0.01) {
		m.stage.Invalidate("Little's law fails: %.4g in flight on average, but rate × mean time is %.4g: arrivals were lost or counted twice",
			m.stage.InFlight, byTimes)
	}
}
