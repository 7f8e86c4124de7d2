package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// caption says in one line what was run: the picture may end up anywhere, and
// must still say what it is.
func caption(run result.Run, sweeps []sweep.Sweep) string {
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
	add("%s × %d", duration(lengthOf(first)), repeats)
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
			s += " " + tidyDuration(wait)
		}
		if dist := get(result.KeyBackendDist); dist != "" {
			s += " " + dist
		}
		add("%s", s)
	}
	for _, f := range []struct{ key, say string }{
		{"backend_cv", "cv %s"}, {"backend_conns", "%s connections to it"}, {result.KeyBackendStall, "it stalls %s"},
		{"conns", "%s connections that clients share"}, {"max_inflight", "at most %s in flight"}, {result.KeyThink, "think time %s"},
		{"extra_cpu", "planted: %s more CPU per request"}, {"extra_delay", "planted: a delay of %s"},
	} {
		// A setting that explains a result belongs under the picture of it.
		if v := settingOf(sweeps, f.key); v != "" {
			add(f.say, tidyDuration(v))
		}
	}
	for _, w := range sweeps {
		if about := brokerOf(w.Points[0].Stage.Settings); about != "" {
			add("%s", about)
			break
		}
	}
	if pause := first.Settings.Get("reject_pause"); pause != "" && anyRejected(sweeps) {
		add("pause after a rejection %s", tidyDuration(pause))
	}
	if driver := get(result.KeyDriver); driver != "" {
		add("driver %s", driver)
	}
	add("smallest stage n = %s", count(smallest(sweeps)))
	if run.Partial {
		add("partial")
	}
	return strings.Join(parts, " · ")
}

// settingOf is the value of a setting in the first sweep that has it.
func settingOf(sweeps []sweep.Sweep, key string) string {
	for _, w := range sweeps {
		if v := w.Points[0].Stage.Settings.Get(key); v != "" && v != "0" && v != "0s" {
			return v
		}
	}
	return ""
}

func anyRejected(sweeps []sweep.Sweep) bool {
	return slices.ContainsFunc(sweeps, func(w sweep.Sweep) bool { return slices.ContainsFunc(w.Points, rejecting) })
}

// tidyDuration writes a duration setting as the rest of the report does, and
// leaves alone what is none.
func tidyDuration(s string) string {
	if d, err := time.ParseDuration(s); err == nil {
		return duration(d)
	}
	return s
}

// lengthOf is the length of one repeat: a merged stage is as long as all.
func lengthOf(s *result.Stage) time.Duration {
	if d := s.Settings.Duration(result.KeyStage); d > 0 {
		return d
	}
	return s.Length
}

func firstStage(sweeps []sweep.Sweep) *result.Stage {
	for _, w := range sweeps {
		for _, p := range w.Points {
			return p.Repeats[0]
		}
	}
	return nil
}

// smallest is the least number of arrivals in a stage.
func smallest(sweeps []sweep.Sweep) int64 {
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

// stampOf is what a partial run has stamped on it.
func stampOf(run result.Run, stages int) string {
	switch {
	case !run.Partial:
		return ""
	case run.Planned > 0:
		return fmt.Sprintf("PARTIAL: %d of %d stages", stages, run.Planned)
	}
	return "PARTIAL"
}
