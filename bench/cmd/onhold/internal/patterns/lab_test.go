package patterns

import (
	"fmt"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/internal/retry"
	"github.com/a628bb15/onhold/reports/result"
)

// made is a stage of a plan of one second, of that length.
func made(length time.Duration, disturbed bool) *result.Stage {
	s := result.NewStage()
	s.Length, s.Settings = length, result.Settings{{Key: result.KeyTarget, Value: "blocking"}, {Key: result.KeyDuration, Value: "1s"}, {Key: result.KeyLoad, Value: "burst"}, {Key: result.KeyLevel, Value: "1001"}}
	if disturbed {
		s.Invalidate("steal")
		s.Disturbed = true
	}
	return s
}

// Stages that belong together are run again together, and what that adds is known.
func TestAgain(t *testing.T) {
	for _, c := range []struct {
		disturbed, runs int
	}{{0, 1}, {1, 2}, {5, 1 + retry.Most}} {
		l, runs := &lab{retry: &retry.Budget{}}, 0
		stages, err := l.again(func() ([]*result.Stage, error) {
			runs++
			time.Sleep(time.Millisecond)
			return []*result.Stage{made(3*time.Second, false), made(time.Second, runs <= c.disturbed)}, nil
		})
		if err != nil || runs != c.runs || len(l.stages) != 2*runs || len(stages) != 2 || l.added.Extended != 2*time.Second || (l.added.Repeated > 0) != (runs > 1) {
			t.Errorf("%d disturbed: %d runs of %d, %d stages, added %v, %v", c.disturbed, runs, c.runs, len(l.stages), l.added, err)
		}
		for i, s := range l.stages {
			if counts := i >= 2*(runs-1); counts != (s.Discarded() == "") || i >= 2 && s.Attempt != i/2+1 {
				t.Errorf("%d disturbed: stage %d of %d is attempt %d, discarded %q", c.disturbed, i, len(l.stages), s.Attempt, s.Discarded())
			}
		}
	}
	if _, err := (&lab{retry: &retry.Budget{}}).again(func() ([]*result.Stage, error) { return nil, fmt.Errorf("no") }); err == nil {
		t.Error("the error is lost")
	}
}

// Of a stage that ran on, one wave is shown: one that was not disturbed.
func TestWave(t *testing.T) {
	s := made(2*time.Second, false)
	s.Slices = []result.Slice{{Length: 1, Disturbed: 1}, {Offset: 1, Length: 1}}
	if got := wave(s); got.Offset != 1 {
		t.Errorf("the wave at %v", got.Offset)
	}
	s.Slices = s.Slices[:1]
	if got := wave(s); got.Offset != 0 {
		t.Errorf("the wave at %v", got.Offset)
	}
}

// The limit is named where there is one, of attempts that count.
func TestLimitOfAPattern(t *testing.T) {
	full, idle := made(time.Second, false), made(time.Second, false)
	full.Counts[result.OK], full.Target = 1, result.Usage{CPUs: "0", CPU: time.Second}
	idle.Settings = idle.Settings.With(result.KeyTarget, "eventloop")
	idle.Counts[result.OK] = 1
	if got, want := (&lab{stages: []*result.Stage{full, idle}}).limit(), "Limit of blocking: server CPU 1 of 1 at 1,001 clients"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// Levels of one sweep may warm up for different times.
	wider := made(time.Second, false)
	wider.Settings = wider.Settings.With(result.KeyLevel, "2002").With(result.KeyWarmup, "600ms")
	wider.Counts[result.OK], wider.Target = 1, result.Usage{CPUs: "0", CPU: time.Second}
	if got, want := (&lab{stages: []*result.Stage{full, wider}}).limit(), "Limit of blocking: server CPU 1 of 1 at 2,002 clients"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// What has no limit is not in the name of what has one.
	pooled, free := made(time.Second, false), made(time.Second, false)
	for s, connections := range map[*result.Stage]string{pooled: "20", free: "0"} {
		s.Settings = s.Settings.With(result.KeyTarget, "eventloop").With(result.KeyBackendConnections, connections)
		s.Counts[result.OK] = 1
	}
	pooled.Target = result.Usage{CPUs: "0", CPU: time.Second}
	if got, want := (&lab{stages: []*result.Stage{pooled, free}}).limit(), "Limit of eventloop: server CPU 1 of 1 at 1,001 clients"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	full.Discard("steal")
	if got := (&lab{stages: []*result.Stage{full, idle}}).limit(); got != "" {
		t.Errorf("%q", got)
	}
}
