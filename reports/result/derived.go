package result

import (
	"math"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// TargetName is what was driven: a style of ours, or a URL.
func (s *Stage) TargetName() string { return s.Settings.Get(KeyTarget) }

// Load names the load model.
func (s *Stage) Load() string { return s.Settings.Get(KeyLoad) }

// Level is the level: clients, or arrivals per second, rounded up to a whole number.
func (s *Stage) Level() int {
	level, err := strconv.ParseFloat(s.Settings.Get(KeyLevel), 64)
	if err != nil || !(level <= maxCount) {
		return 0
	}
	return int(math.Ceil(level))
}

// OpenLoad reports whether the load model is one whose requests come by
// the clock, so that the level is a rate and no number of clients.
func OpenLoad(model string) bool { return load.Model(model).Open() }

// LevelUnit names what the level of a load model counts. That of a ramp is
// reached at its end alone: what was measured is of all rates up to it.
func LevelUnit(load string, level int) string {
	switch {
	case load == "ramp":
		return "arrivals/s at the ramp's end"
	case OpenLoad(load) && level == 1:
		return "arrival/s"
	case OpenLoad(load):
		return "arrivals/s"
	case level == 1:
		return "client"
	}
	return "clients"
}

// Goodput is the rate of ok arrivals, per second.
func (s *Stage) Goodput() float64 { t := s.Shown(); return t.rate(t.Counts[OK]) }

// Offered is the rate of arrivals, per second.
func (s *Stage) Offered() float64 { t := s.Shown(); return t.rate(t.Counts.Planned()) }

func (t Totals) rate(n int64) float64 { return float64(n) / t.Length.Seconds() }

// Share is the share of arrivals that ended in one of the given outcomes, 0..1.
func (s *Stage) Share(of ...Outcome) float64 {
	counts := s.Shown().Counts
	planned := counts.Planned()
	if planned == 0 {
		return 0
	}
	var n int64
	for _, o := range of {
		n += counts[o]
	}
	return float64(n) / float64(planned)
}

// RejectedShare is the share of arrivals that the server rejected, 0..1.
func (s *Stage) RejectedShare() float64 { return s.Share(Rejected) }

// Adjusted is the quantile of latency of all arrivals, where each one that was not ok
// counts as infinitely slow. It is false where the quantile is infinite: more than 1−q
// of the arrivals were not ok.
func (s *Stage) Adjusted(q float64) (time.Duration, bool) {
	t := s.Shown()
	k := rank(q, t.Counts.Planned())
	if k < 1 || k > t.Counts[OK] {
		return 0, false
	}
	return t.Latency.atRank(k), true
}

// CPUPerServed is the target's CPU time per request served. What it spends on rejected
// and failed requests is included: a server that rejects most is not a cheap one. It is
// 0 where it is not known, or nothing was served.
func (s *Stage) CPUPerServed() time.Duration {
	if n := s.Counts[OK]; n > 0 {
		return s.Target.CPU / time.Duration(n)
	}
	return 0
}

// Wait is the time that each request waits whatever the target does: the plan's Wait,
// else the latency of a simulated backend. It is false where it is not known, or not
// the same for all requests, or where replies are streams: they take as long as their
// events.
func (s *Stage) Wait() (time.Duration, bool) {
	wait := s.Settings.Duration(KeyWait)
	dist := s.Settings.Get(KeyBackendDist)
	if wait == 0 && s.Settings.Get(KeyStream) == "" && s.Settings.Get(KeyBackend) == "sim" && (dist == "" || dist == "constant") && s.Settings.Get(KeyBackendStall) == "" {
		wait = s.Settings.Duration(KeyBackendLatency)
	}
	return wait, wait > 0
}

// Overhead is the quantile of latency less Wait: what the target adds. A change of it
// that matters can hide in a percentile of latency, most of which is the wait. It is as
// exact as the latency, to 0.1 %. It is false where the wait is not known, or the
// latency is not above it.
func (s *Stage) Overhead(q float64) (time.Duration, bool) {
	wait, ok := s.Wait()
	over := s.Shown().Latency.Quantile(q) - wait
	if !ok || over <= 0 {
		return 0, false
	}
	return over, true
}

// Group is the stages that agree in one setting.
type Group struct {
	Value  string // of the setting
	Stages []*Stage
}

// GroupBy groups stages by the value of one setting. Groups, and the stages
// within each, keep the order in which they first appear.
func GroupBy(stages []*Stage, key string) []Group {
	var groups []Group
	at := map[string]int{}
	for _, s := range stages {
		v := s.Settings.Get(key)
		i, ok := at[v]
		if !ok {
			i = len(groups)
			at[v] = i
			groups = append(groups, Group{Value: v})
		}
		groups[i].Stages = append(groups[i].Stages, s)
	}
	return groups
}
