package duet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// faked is a comparison of two sides that differ in nothing, by a fake.
func faked(t *testing.T, f *fake) Config {
	t.Helper()
	dir := repo(t, map[string]string{"a": "a"})
	return Config{
		Repo: dir, Base: "main", Experiment: f, Design: compare.DefaultDesign(), Control: true, Budget: time.Hour, Seed: 1,
		Out: filepath.Join(t.TempDir(), "out"), Patient: true,
	}
}

// What was run again is on record when it happens: whoever goes on later, after
// a pair that failed or a process that was killed, has no new allowance, and a
// side that disturbs is found out over all of it.
func TestGoingOnRemembersWhatWasRunAgain(t *testing.T) {
	f := &fake{value: noise(0, 0.05)}
	c := faked(t, f)
	stop := errors.New("the disk is full")
	f.breach = func(p pairPlan, row int) *disturbance {
		switch {
		case row <= 2 && p.number <= 8:
			return &disturbance{Kind: kindQuota, Arm: compare.Candidate, Why: "the machine was busy"}
		case p.number == 9:
			f.fail = stop // of the next pair
		}
		return nil
	}
	first, _, err := Run(t.Context(), c)
	if err != nil || first.Repeated != 16 || first.Pairs != 9 || !strings.Contains(strings.Join(first.Reasons, " "), "0 stages or launches of the base and 8 of the candidate") {
		t.Fatalf("%+v, %v", first, err)
	}
	// As if it had been killed, and not failed: the next run goes on.
	cut(t, c.Out, 1)
	f.fail = nil
	f.breach = func(p pairPlan, row int) *disturbance {
		if p.number > 12 {
			return &disturbance{Kind: kindQuota, Arm: compare.Base, Why: "the machine was busy"}
		}
		return nil
	}
	second, _, err := Run(t.Context(), c)
	why := strings.Join(second.Reasons, " ")
	// A fifth of 48 pairs of three is 29: 16 of them were used up before, and what
	// is disturbed after 13 more counts as it is.
	if err != nil || second.Repeated != 29 || second.Pairs != 48 || f.ran[0].number != 10 || !strings.Contains(why, "36 stages or launches were disturbed and count all the same") {
		t.Errorf("%d again of %d pairs, from pair %d: %q, %v", second.Repeated, second.Pairs, f.ran[0].number, why, err)
	}
	held, err := Read(c.Out)
	if err != nil || repeats(held.disturbances) != second.Repeated || !strings.Contains(strings.Join(held.Notes, " "), "36 stages") || !strings.Contains(strings.Join(held.Invalid, " "), "0 stages or launches of the base and 8") {
		t.Errorf("only read: %d again, %q, %q, %v", repeats(held.disturbances), held.Invalid, held.Notes, err)
	}
}

// cut takes the last lines of the record of what was run again away.
func cut(t *testing.T, dir string, n int) {
	t.Helper()
	path := filepath.Join(dir, DisturbancesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	if err := os.WriteFile(path, []byte(strings.Join(lines[:len(lines)-1-n], "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A machine that is too disturbed for any valid slice ends a run, also in the
// first pair, with a report; the next run goes on from there, and the report says
// so.
func TestGoingOnAfterADisturbedRun(t *testing.T) {
	f := &fake{value: noise(0.3, 0.01)}
	c := faked(t, f)
	f.breach = func(_ pairPlan, row int) *disturbance {
		return &disturbance{Kind: kindInvalid, Arm: compare.Base, Why: "the generator was late"}
	}
	report, run, err := Run(t.Context(), c)
	if err != nil || len(f.ran) != pairTries || report.Exit != compare.ExitInvalid || report.Pairs != 0 || !run.Partial || !strings.Contains(strings.Join(report.Reasons, " "), "this machine is too disturbed to measure now") {
		t.Fatalf("%d pairs ran: %+v, %v", len(f.ran), report, err)
	}
	f.breach = nil
	report, _, err = Run(t.Context(), c)
	if err != nil || report.Verdict != compare.Regressed || report.Pairs != 14 || !strings.Contains(strings.Join(report.Reasons, " "), "a run ended in pair 1: disturbed 6 times in a row") {
		t.Errorf("%+v, %v", report, err)
	}
}

// A server that died is not forgiven because it lives the next time; one that
// never started can be mended.
func TestGoingOnRemembersADeath(t *testing.T) {
	f := &fake{value: noise(0, 0.05)}
	c := faked(t, f)
	died := errors.New("the server of the candidate died: signal: killed")
	f.fail = died
	if _, _, err := Run(t.Context(), c); !errors.Is(err, died) {
		t.Fatal(err)
	}
	f.fail = nil
	f.breach = func(p pairPlan, _ int) *disturbance {
		if p.number == 3 {
			f.fail = died
		}
		return nil
	}
	for range 2 {
		report, _, err := Run(t.Context(), c)
		if err != nil || report.Pairs != 3 || report.Exit != compare.ExitInvalid || !strings.Contains(strings.Join(report.Reasons, " "), "the candidate died") {
			t.Errorf("%+v, %v", report, err)
		}
		f.fail = nil
	}
}

// recorded is a session with a folder that a comparison of servers left.
func recorded(t *testing.T, stages ...*result.Stage) (*served, string) {
	t.Helper()
	s := newSession(t)
	folder, err := result.Create(s.Out, result.Run{Settings: result.Settings{{Key: "serve", Value: "{out}"}, {Key: "control", Value: "true"}, {Key: "rounds", Value: "2"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range stages {
		if err := folder.Append(stage); err != nil {
			t.Fatal(err)
		}
	}
	if err := folder.Finish(time.Now(), false); err != nil {
		t.Fatal(err)
	}
	return &served{Serve: &Serve{Rounds: 2, Plan: bench.Plan{}}, s: s}, filepath.Join(s.Out, result.StagesFile)
}

// pairOf are the stages of a pair, as they are recorded.
func pairOf(number int, discarded bool) (stages []*result.Stage) {
	slice := func(arm compare.Arm) *result.Stage {
		s := result.NewStage()
		s.Length = time.Second
		for range 100 {
			s.Latency.Record(time.Millisecond)
			s.Counts[result.OK]++
		}
		s.Settings = result.Settings{{Key: result.KeyArm, Value: string(arm)}, {Key: result.KeyPair, Value: fmt.Sprint(number)}}
		return s
	}
	if discarded {
		s := slice(compare.Base)
		s.Invalidate("the machine was busy")
		s.Settings = s.Settings.With(result.KeyDiscarded, "the machine was busy")
		stages = append(stages, s)
	}
	for _, arm := range []compare.Arm{compare.Base, compare.Candidate, compare.Control, compare.Control, compare.Candidate, compare.Base} {
		stages = append(stages, slice(arm))
	}
	return stages
}

// What was killed while it wrote a pair leaves a part of one, at most with half
// a line: it is left out and run again. What is broken elsewhere is noted.
func TestPartOfAPairIsLeftOut(t *testing.T) {
	t.Parallel()
	three := slices.Concat(pairOf(1, false), pairOf(2, true), pairOf(3, true))
	lines := func(n int) int { // bytes
		r, path := recorded(t, three[:n]...)
		_ = r
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return len(text)
	}
	for why, c := range map[string]struct {
		size  int
		pairs int
		kept  int // lines
		noted string
	}{
		"whole":                      {lines(20), 3, 20, ""},
		"one slice less":             {lines(19), 2, 14, "stages.jsonl: pair 3 is not complete"},
		"half a slice less":          {lines(20) - 10, 2, 14, "cut short"},
		"only the line's end less":   {lines(20) - 1, 2, 14, "pair 3 is not complete"},
		"only what was disturbed":    {lines(14), 2, 14, ""},
		"half of the first":          {10, 0, 0, "cut short"},
		"half of what was disturbed": {lines(13) + 10, 2, 13, "cut short"},
		"nothing":                    {0, 0, 0, ""},
	} {
		r, path := recorded(t, three...)
		if err := os.Truncate(path, int64(c.size)); err != nil {
			t.Fatal(err)
		}
		held, err := Read(r.s.Out)
		if err != nil || len(held.Invalid) > 0 || highestPair(held.Samples) != c.pairs || len(held.Stages) != c.kept {
			t.Errorf("%s, only read: %d pairs, %d slices, %q, %v", why, highestPair(held.Samples), len(held.Stages), held.Invalid, err)
		}
		samples, err := r.stored()
		if err != nil || highestPair(samples) != c.pairs {
			t.Errorf("%s: %d pairs, want %d: %v", why, highestPair(samples), c.pairs, err)
		}
		if noted := strings.Join(r.s.notes, " "); !strings.Contains(noted, c.noted) || c.noted == "" && noted != "" || noted != strings.Join(held.Notes, " ") {
			t.Errorf("%s: noted %q, and where it is only read %q", why, noted, held.Notes)
		}
		if text, err := os.ReadFile(path); err != nil || len(text) != lines(c.kept) {
			t.Errorf("%s: %d bytes are left, want %d, %v", why, len(text), lines(c.kept), err)
		}
	}
	// In the middle there is no such excuse.
	r, path := recorded(t, three...)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ from, to int }{
		"stages.jsonl: line 3: not a stage":                                   {lines(2) + 20, lines(2) + 40},
		"stages.jsonl: line 7: a stage of pair 2, but pair 1 is not complete": {lines(2), lines(3)},
		"stages.jsonl: line 7: a stage of pair 3, but pair 2 is not complete": {lines(6), lines(14)},
	} {
		if err := os.WriteFile(path, slices.Concat(text[:c.from], text[c.to:]), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := r.stored(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
}

// The same of the launches of benchmarks.
func TestPartOfALaunchIsLeftOut(t *testing.T) {
	pair := func(n int) (text string) {
		for _, arm := range []compare.Arm{compare.Candidate, compare.Base} {
			text += fmt.Sprintf("arm: %s\npair: %d\nBenchmarkTake-2 \t 1000 \t 5.0 ns/op\n", arm, n)
		}
		return text + fmt.Sprintf(pairEnd, n)
	}
	all := pair(1) + pair(2)
	for why, c := range map[string]struct {
		text  string
		pairs int
		noted string
	}{
		"whole":               {all, 2, ""},
		"the end less":        {all[:len(all)-1], 1, "launches.txt: pair 2 is not complete"},
		"one launch less":     {all[:len(pair(1))+len(pair(2))/2], 1, "pair 2 is not complete"},
		"half a figure":       {pair(1) + "arm: base\npair: 2\nBenchmarkTake-2 \t 1000 \t 5", 1, "cut short"},
		"not even one":        {"arm: base\npair: 1\nBenchmarkTake-2 \t 1000 \t 5.0 ns/op\n", 0, "pair 1 is not complete"},
		"nothing was written": {"", 0, ""},
	} {
		s := newSession(t)
		write(t, s.Out, map[string]string{LaunchesFile: c.text, result.RunFile: `{"schema":2}`})
		held, err := Read(s.Out)
		if err != nil || highestPair(held.Samples) != c.pairs {
			t.Errorf("%s, only read: %d pairs, %v", why, highestPair(held.Samples), err)
		}
		samples, err := (&benched{s: s}).stored()
		if noted := strings.Join(s.notes, " "); err != nil || highestPair(samples) != c.pairs || !strings.Contains(noted, c.noted) || c.noted == "" && noted != "" {
			t.Errorf("%s: %d pairs, noted %q, %v", why, highestPair(samples), noted, err)
		}
		if left, err := os.ReadFile(filepath.Join(s.Out, LaunchesFile)); err != nil || string(left) != all[:len(pair(1))*c.pairs] {
			t.Errorf("%s: left is %q, %v", why, left, err)
		}
	}
	s := newSession(t)
	for text, want := range map[string]string{
		pair(1) + "BenchmarkTake 1000 fast ns/op\n" + pair(2): "launches.txt:8:",
		pair(1) + pair(3): "launches.txt: line 14: the end of pair 3, before that of pair 2",
	} {
		write(t, s.Out, map[string]string{LaunchesFile: text})
		if _, err := (&benched{s: s}).stored(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The record of what was run again is read like the others.
func TestPartOfANoteIsLeftOut(t *testing.T) {
	s := newSession(t)
	for range 2 {
		if err := s.record(disturbance{Pair: 1, Unit: 2, Arm: compare.Base, Kind: kindSteal, Kept: true, Why: "the machine was busy"}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(s.Out, DisturbancesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-5], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.openEvents(); err != nil || len(s.disturbances) != 1 || s.disturbances[0] != (disturbance{Time: s.disturbances[0].Time, Kind: kindSteal, Arm: compare.Base, Why: "the machine was busy", Pair: 1, Unit: 2, Kept: true}) || len(s.notes) != 1 {
		t.Errorf("%+v, %q, %v", s.disturbances, s.notes, err)
	}
	if left, err := os.ReadFile(path); err != nil || len(left) != len(text)/2 {
		t.Errorf("%d bytes are left of %d, %v", len(left), len(text), err)
	}
	if err := os.WriteFile(path, slices.Concat([]byte("{\n"), text), 0o644); err != nil {
		t.Fatal(err)
	}
	var wrong *ConfigError
	if err := s.openEvents(); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "disturbances.jsonl: line 1: ") {
		t.Error(err)
	}
}

// What is read of a record is bounded, whoever made it.
func TestRecordIsReadInBounds(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", maxLine+1)
	for _, name := range []string{LaunchesFile, DisturbancesFile, result.StagesFile} {
		write(t, dir, map[string]string{name: "\n" + long})
		n := 0
		if _, err := lines(filepath.Join(dir, name), func([]byte, int, int) error { n++; return nil }); err == nil || !strings.Contains(err.Error(), name+": line 2 is longer than 33554432 bytes") || n != 1 {
			t.Errorf("%s: %d lines, %v", name, n, err)
		}
	}
	write(t, dir, map[string]string{"a": "one\n" + long[:200<<10] + "\nthree\nfour"})
	var got []string
	end, err := lines(filepath.Join(dir, "a"), func(line []byte, n, at int) error {
		got = append(got, fmt.Sprintf("%d at %d: %d bytes", n, at, len(line)))
		return nil
	})
	if want := "1 at 0: 4 bytes, 2 at 4: 204801 bytes, 3 at 204805: 6 bytes"; err != nil || strings.Join(got, ", ") != want || end.size != 204811 || len(end.about) != 1 {
		t.Errorf("%q, %+v, %v", got, end, err)
	}
	if _, err := lines(os.DevNull, nil); err == nil {
		t.Error("a device was read")
	}
}

// A metric that should decide, and that the server does not have, ends a comparison after
// the first pair: more pairs would not measure it either.
func TestAMetricThatIsNotMeasuredEndsAtOnce(t *testing.T) {
	f := &fake{value: noise(0, 0.01)}
	c := faked(t, f)
	c.Policy.Gate = []string{"gap-p50"}
	report, _, err := Run(t.Context(), c)
	all := strings.Join(report.Reasons, " ")
	if err != nil || report.Pairs != 1 || report.Exit != compare.ExitInvalid || !strings.Contains(all, "gap-p50 should decide, and was not measured") || !strings.Contains(all, "stopped after the first pair") {
		t.Errorf("%+v, %v", report, err)
	}
}
