package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/trace"
)

// SIGTERM is how a target ends, and then its trace is there.
func TestServeLeavesATrace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.trace")
	commandtest.Served(t, command(t, "", "serve", "blocking", "--workers", "3", "--queue", "2", "--trace", file))
	tr, err := trace.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Records) != 1 || tr.Records[0].Done == 0 || tr.Workers != 3 || tr.Queue != 2 || len(tr.Warnings()) > 0 {
		t.Errorf("after one request the trace is %+v", tr)
	}
}

// Each stage names the trace of its target, which has what the stage counts
// and what came before it.
func TestRunLeavesATraceOfEachStage(t *testing.T) {
	startsMany(t)
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	_, stderr, code := onhold(t, "", "run", "blocking", "goroutine", "--clients", "9", "--repeats", "2", "--workers", "4", "--queue", "1",
		"--max-inflight", "5", "--duration", "500ms", "--trace", "--no-report", "--out", dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	run, stages, _, err := result.Open(dir)
	if err != nil || len(stages) != 4 || run.Settings.Get("trace") != "true" {
		t.Fatalf("%v, %d stages, %v", err, len(stages), run.Settings)
	}
	for _, s := range stages {
		name := s.Settings.Get(result.KeyTrace)
		if want := fmt.Sprintf("traces/%s-closed-%d-%s.trace", s.TargetName(), s.Level(), s.Settings.Get(result.KeyRepeat)); name != want {
			t.Errorf("the trace is %q, want %q", name, want)
			continue
		}
		tr, err := trace.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if tr.Style != s.TargetName() || tr.Places() != 5 || int64(len(tr.Records)) < s.Counts[result.OK]+s.Counts[result.Rejected] || len(tr.Warnings()) > 0 {
			t.Errorf("%s has %d records of %+v, %q; the stage counts %+v", name, len(tr.Records), tr.Header, tr.Warnings(), s.Counts)
		}
	}
}
