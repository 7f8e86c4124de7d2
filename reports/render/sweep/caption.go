package sweep

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Caption describes in one line what was run: a picture may be pasted anywhere, and
// must still say what it is.
func Caption(run result.Run, sweeps []Sweep) string {
	commit := "commit not recorded"
	if c := run.Environment.Commit; c != "" {
		commit = "commit " + c[:min(len(c), 12)]
	} else if v := run.Environment.Onhold; v != "" && v != "(devel)" {
		commit = "onhold " + v
	}
	about := words.Join(" · ", words.If(run.ID != "", "run "+units.List(run.IDs())), commit, run.Environment.Host)
	if len(sweeps) == 0 {
		return about
	}
	first := sweeps[0].Points[0].Repeats[0]
	repeats, least, rejecting, broker := 1, int64(math.MaxInt64), false, ""
	var loads, names []string
	for _, w := range sweeps {
		names = append(names, w.Key)
		if w.Load != "" && !slices.Contains(loads, w.Load) {
			loads = append(loads, w.Load)
		}
		broker = cmp.Or(broker, Broker(w.Points[0].Stage.Settings))
		for _, p := range w.Points {
			repeats, rejecting = max(repeats, p.All), rejecting || p.Rejecting()
			for _, s := range slices.Concat(p.Repeats, p.Invalid) {
				least = min(least, s.Counts.Planned())
			}
		}
	}
	get := func(key string) string { return duration(cmp.Or(first.Settings.Get(key), run.Settings.Get(key))) }
	backend, driver, backoff := get(result.KeyBackend), get(result.KeyDriver), first.Settings.Get(result.KeyBackoff)
	parts := []string{
		about, fmt.Sprintf("%s × %d", units.Duration(lengthOf(first)), repeats), words.If(len(loads) > 0, units.List(loads)+" load"),
		words.If(backend != "", words.Join(" ", "backend", backend, get(result.KeyBackendLatency), get(result.KeyBackendDist))),
	}
	for _, f := range []struct{ key, say string }{
		{result.KeyBackendCV, "cv %s"}, {result.KeyBackendConnections, "%s backend connections"}, {result.KeyBackendStall, "backend stalls %s"},
		{result.KeyGRPCConnections, "clients share %s connections"}, {result.KeyMaxInflight, "at most %s in flight"}, {result.KeyThinkTime, "think time %s"},
		{result.KeyInjectCPU, "injected: %s more CPU per request"}, {result.KeyInjectDelay, "injected: a delay of %s"},
	} {
		// A setting that explains a result belongs under the picture of it.
		if v := settingOf(sweeps, f.key); v != "" {
			parts = append(parts, fmt.Sprintf(f.say, duration(v)))
		}
	}
	return words.Join(" · ", append(parts, broker, words.If(backoff != "" && rejecting, "backoff after a rejection "+duration(backoff)),
		words.If(driver != "", "driver "+driver), "smallest stage n = "+units.Int(least), words.If(run.Partial, "partial"), words.Join(" · ", names...))...)
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
		consumers := set.Get(result.KeyConsumers)
		return about + words.If(consumers != "", ", "+consumers+" consumers")
	}
	workers, queue := set.Int(result.KeyWorkers), set.Int(result.KeyQueue)
	if workers <= 0 {
		return ""
	}
	return fmt.Sprintf("%s workers, queue %s", units.Int(workers), units.Int(queue))
}

// Stamp is what a report of a partial run says first; "" for a complete one.
func Stamp(run result.Run, stages int) string {
	return words.If(run.Partial, "PARTIAL"+words.If(run.Planned > 0, fmt.Sprintf(": %d of %d stages", stages, run.Planned)))
}

func settingOf(sweeps []Sweep, key string) string {
	for _, w := range sweeps {
		if v := w.Points[0].Stage.Settings.Get(key); v != "" && v != "0" && v != "0s" {
			return v
		}
	}
	return ""
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

// WhatWasRun is the last section of a page in Markdown: what was run, where, and the
// command.
func WhatWasRun(run result.Run, sweeps []Sweep) string {
	return words.Join("\n\n", "## What was run", escape.Markdown(Caption(run, sweeps)), escape.Markdown(Environment(run.Environment)),
		escape.Markdown(strings.Join(run.Notes, "; ")), escape.Markdown(Period(run)), words.If(len(run.Command) > 0, escape.Fence("sh", Command(run)))) + "\n"
}

// Environment describes the machine in one line.
func Environment(e result.Environment) string {
	return words.Join(", ", e.CPU, e.OS, e.Arch, e.Kernel, e.Go, words.If(e.Cores > 0, units.Plural(e.Cores, "core")),
		words.If(e.Memory > 0, units.Size(e.Memory)+" of memory"), words.If(e.Onhold != "", "onhold "+e.Onhold))
}

// Period is when a run started, and how long it took.
func Period(run result.Run) string {
	if run.Started.IsZero() {
		return ""
	}
	s := "Started " + run.Started.UTC().Format(time.RFC3339)
	if d := run.Finished.Sub(run.Started); !run.Finished.IsZero() && d > 0 {
		s += fmt.Sprintf(", took %s", d.Round(time.Second))
	}
	return s + "."
}

var plainArg = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Command is the command of a run, quoted for a shell.
func Command(run result.Run) string {
	var quoted []string
	for _, w := range run.Command {
		if !plainArg.MatchString(w) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " ")
}
