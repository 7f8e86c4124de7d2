package sweep

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Caption describes in one line what was run: a picture may be pasted anywhere, and
// must still say what it is.
func Caption(run result.Run, sweeps []Sweep) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if run.ID != "" {
		add("run %s", run.ID)
	}
	if c := run.Environment.Commit; c != "" {
		add("commit %s", c[:min(len(c), 12)])
	}
	if run.Environment.Host != "" {
		add("%s", run.Environment.Host)
	}
	first := firstStage(sweeps)
	if first == nil {
		return strings.Join(parts, " · ")
	}
	repeats := 1
	for _, w := range sweeps {
		for _, p := range w.Points {
			repeats = max(repeats, p.All)
		}
	}
	add("%s × %d", units.Duration(lengthOf(first)), repeats)
	if first.Load() != "" {
		add("%s load", first.Load())
	}
	get := func(key string) string {
		if v := first.Settings.Get(key); v != "" {
			return v
		}
		return run.Settings.Get(key)
	}
	if backend := get(result.KeyBackend); backend != "" {
		s := "backend " + backend
		if wait := get(result.KeyBackendLatency); wait != "" {
			s += " " + duration(wait)
		}
		if dist := get(result.KeyBackendDist); dist != "" {
			s += " " + dist
		}
		add("%s", s)
	}
	for _, f := range []struct{ key, say string }{
		{result.KeyBackendCV, "cv %s"}, {result.KeyBackendConnections, "%s backend connections"}, {result.KeyBackendStall, "backend stalls %s"},
		{result.KeyGRPCConnections, "clients share %s connections"}, {result.KeyMaxInflight, "at most %s in flight"}, {result.KeyThinkTime, "think time %s"},
		{result.KeyInjectCPU, "injected: %s more CPU per request"}, {result.KeyInjectDelay, "injected: a delay of %s"},
	} {
		// A setting that explains a result belongs under the picture of it.
		if v := settingOf(sweeps, f.key); v != "" {
			add(f.say, duration(v))
		}
	}
	for _, w := range sweeps {
		if about := Broker(w.Points[0].Stage.Settings); about != "" {
			add("%s", about)
			break
		}
	}
	if backoff := first.Settings.Get(result.KeyBackoff); backoff != "" && anyRejected(sweeps) {
		add("backoff after a rejection %s", duration(backoff))
	}
	if driver := get(result.KeyDriver); driver != "" {
		add("driver %s", driver)
	}
	add("smallest stage n = %s", units.Int(smallest(sweeps)))
	if run.Partial {
		add("partial")
	}
	return strings.Join(parts, " · ")
}

// Broker describes what a queue's broker makes sure of before it acknowledges; ""
// where there is none.
func Broker(set result.Settings) string {
	store := set.Get(result.KeyBrokerStore)
	if store == "" {
		return ""
	}
	return fmt.Sprintf("broker store %s, sync %s", store, duration(set.Get(result.KeyBrokerSync)))
}

// Setup describes how the target was set up, where it has a limit.
func (w *Sweep) Setup() string {
	if len(w.Points) == 0 {
		return ""
	}
	set := w.Points[0].Stage.Settings
	if about := Broker(set); about != "" {
		if n := set.Get(result.KeyConsumers); n != "" {
			about += ", " + n + " consumers"
		}
		return about
	}
	workers, queue := set.Int(result.KeyWorkers), set.Int(result.KeyQueue)
	if workers <= 0 {
		return ""
	}
	return fmt.Sprintf("%s workers, queue %s", units.Int(workers), units.Int(queue))
}

// Stamp is what a report of a partial run says first; "" for a complete one.
func Stamp(run result.Run, stages int) string {
	switch {
	case !run.Partial:
		return ""
	case run.Planned > 0:
		return fmt.Sprintf("PARTIAL: %d of %d stages", stages, run.Planned)
	}
	return "PARTIAL"
}

// settingOf is the value of a setting in the first sweep that has it.
func settingOf(sweeps []Sweep, key string) string {
	for _, w := range sweeps {
		if v := w.Points[0].Stage.Settings.Get(key); v != "" && v != "0" && v != "0s" {
			return v
		}
	}
	return ""
}

func anyRejected(sweeps []Sweep) bool {
	return slices.ContainsFunc(sweeps, func(w Sweep) bool { return slices.ContainsFunc(w.Points, Point.Rejecting) })
}

// duration writes the value of a setting that is a duration as reports do, and any
// other as it is.
func duration(value string) string {
	if d, err := time.ParseDuration(value); err == nil {
		return units.Duration(d)
	}
	return value
}

// lengthOf is the length of one repeat: a merged stage is as long as all.
func lengthOf(s *result.Stage) time.Duration {
	if d := s.Settings.Duration(result.KeyDuration); d > 0 {
		return d
	}
	return s.Length
}

func firstStage(sweeps []Sweep) *result.Stage {
	for _, w := range sweeps {
		for _, p := range w.Points {
			return p.Repeats[0]
		}
	}
	return nil
}

// smallest is the least number of arrivals in a stage.
func smallest(sweeps []Sweep) int64 {
	var n []int64
	for _, w := range sweeps {
		for _, p := range w.Points {
			for _, s := range append(slices.Clone(p.Repeats), p.Invalid...) {
				n = append(n, s.Counts.Planned())
			}
		}
	}
	if len(n) == 0 {
		return 0
	}
	return slices.Min(n)
}
