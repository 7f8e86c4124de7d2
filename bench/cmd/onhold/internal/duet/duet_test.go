package duet

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// fake is a runner whose pairs come from a function, for all that a comparison
// decides without a process.
type fake struct {
	value  func(arm compare.Arm, pair int) float64
	breach func(p pairPlan, row int) *disturbance
	s      *session
	// launches does what the launches of a pair do with the machine.
	launches func(p pairPlan) error
	fail     error
	more     func(arm compare.Arm, pair int) []compare.Sample // further figures of a launch
	slow     bool                                             // building takes for ever
	built    []int
	ran      []pairPlan
	kept     []compare.Sample // of all pairs, as a record would have them
}

func (f *fake) build(ctx context.Context, pairs []pairPlan) error {
	f.built = append(f.built, len(pairs))
	if f.slow {
		<-ctx.Done()
	}
	return context.Cause(ctx)
}

func (f *fake) units() int { return 3 }

func (f *fake) pair(ctx context.Context, p pairPlan) ([]compare.Sample, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f.ran = append(f.ran, p)
	if f.fail != nil {
		return nil, f.fail
	}
	for row := 1; f.breach != nil; row++ {
		b := f.breach(p, row)
		if b == nil {
			break
		}
		b.Pair, b.Unit = p.number, 1
		if again, err := f.s.again(*b, row, f.units()); err != nil {
			return nil, err
		} else if !again {
			break
		}
	}
	if f.launches != nil {
		if err := f.launches(p); err != nil {
			return nil, err
		}
	}
	var out []compare.Sample
	for _, arm := range p.order {
		out = append(out, compare.Sample{Scenario: "s", Unit: "p99-ns", Arm: arm, Pair: p.number, Value: f.value(arm, p.number)})
		if f.more != nil {
			out = append(out, f.more(arm, p.number)...)
		}
	}
	f.kept = append(f.kept, out...)
	return out, nil
}

func (f *fake) stored() ([]compare.Sample, error) { return slices.Clone(f.kept), nil }
func (f *fake) close() error                      { return nil }

// As an experiment it is one of which nothing can be wrong.
func (f *fake) Validate() error           { return nil }
func (f *fake) settings() result.Settings { return nil }
func (f *fake) open(_ context.Context, s *session) (runner, error) {
	f.s, f.ran = s, nil
	return f, nil
}

// noise is the value of a launch: the candidate worse by a share, all with a
// noise of sd.
func noise(worse, sd float64) func(compare.Arm, int) float64 {
	return func(arm compare.Arm, pair int) float64 {
		r := rand.New(rand.NewPCG(uint64(pair), uint64(len(arm))))
		v := 2e8 * math.Exp(sd*r.NormFloat64())
		if arm == compare.Candidate {
			v *= 1 + worse
		}
		return v
	}
}

func newSession(t *testing.T) *session {
	t.Helper()
	s := &session{
		Config: Config{Design: compare.DefaultDesign(), Control: true, Budget: time.Hour, Seed: 1, Experiment: &GoBench{}, Progress: func(Event) {}, Out: t.TempDir()},
		sides:  &source.Sides{}, folder: &result.Folder{}, began: time.Now(),
	}
	if err := s.openEvents(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.events.Close() })
	return s
}

func TestGoesOnUntilDecided(t *testing.T) {
	for _, c := range []struct {
		why   string
		value func(compare.Arm, int) float64
		want  compare.Verdict
		pairs []int
	}{
		{"plainly worse", noise(0.3, 0.01), compare.Regressed, []int{14}},
		{"plainly the same", noise(0, 0.005), compare.Equal, []int{14, 20}},
		{"neither, at the end", noise(0.03, 0.08), compare.Inconclusive, []int{48}},
	} {
		s, f := newSession(t), &fake{value: c.value}
		s.Patient = true
		whole, err := s.drive(t.Context(), f)
		if err != nil || !whole {
			t.Fatalf("%s: whole %v, %v", c.why, whole, err)
		}
		r := s.conclude(nil)
		ok := false
		for _, n := range c.pairs {
			ok = ok || s.pairs == n
		}
		if r.Verdict != c.want || !ok {
			t.Errorf("%s: %s after %d pairs, want %s after %v", c.why, r.Verdict, s.pairs, c.want, c.pairs)
		}
		for _, n := range f.built {
			if n > batch {
				t.Errorf("%s: %d pairs were built ahead", c.why, n)
			}
		}
	}
}

func TestGivesUpEarly(t *testing.T) {
	s, f := newSession(t), &fake{value: noise(0, 0.5)}
	if whole, err := s.drive(t.Context(), f); !whole || err != nil {
		t.Fatal(whole, err)
	}
	r := s.conclude(nil)
	if s.pairs < 14 || s.pairs >= 48 || r.Exit != compare.ExitInconclusive || !strings.Contains(strings.Join(r.Reasons, " "), "stopped after") {
		t.Errorf("%d pairs, exit code %d, %q", s.pairs, r.Exit, r.Reasons)
	}
	// Where it looks like a regression all the same, it goes on.
	s, f = newSession(t), &fake{value: noise(4, 0.3)}
	if _, err := s.drive(t.Context(), f); err != nil || s.pairs < 14 {
		t.Errorf("%d pairs, %v", s.pairs, err)
	}
	if r := s.conclude(nil); r.Verdict != compare.Regressed {
		t.Errorf("five times as long, with noise: %s", r.Verdict)
	}
	s, f = newSession(t), &fake{value: noise(0, 0.5)}
	s.Patient = true
	if _, err := s.drive(t.Context(), f); err != nil || s.pairs != 48 {
		t.Errorf("patient: %d pairs, %v", s.pairs, err)
	}
}

// Nothing is stopped before the first look, which may decide it, nor for noise
// that is large beside a change that is larger still, worse or better; a change
// that is proven is a decision in either direction.
func TestDoesNotGiveUpWhatCanBeDecided(t *testing.T) {
	wild, calm := noise(0, 0.5), noise(0, 0.005)
	allocs := func(base, candidate float64) func(compare.Arm, int) []compare.Sample {
		return func(arm compare.Arm, pair int) []compare.Sample {
			v := base
			if arm == compare.Candidate {
				v = candidate
			}
			return []compare.Sample{{Scenario: "s", Unit: "allocs/op", Arm: arm, Pair: pair, Value: v}}
		}
	}
	for _, c := range []struct {
		why   string
		value func(compare.Arm, int) float64
		more  func(compare.Arm, int) []compare.Sample
		want  map[string]compare.Verdict // by metric
	}{
		{"fewer allocations beside a wild figure", wild, allocs(3, 0), map[string]compare.Verdict{"allocs/op": compare.Improved}},
		{"more allocations beside a wild figure", wild, allocs(0, 3), map[string]compare.Verdict{"allocs/op": compare.Regressed}},
		{"one more of many", calm, allocs(100, 101), map[string]compare.Verdict{"allocs/op": compare.Regressed}},
		{"40 % better at a noise of 12 %", noise(-0.4, 0.12), nil, map[string]compare.Verdict{"p99": compare.Improved}},
		{"40 % worse at a noise of 12 %", noise(0.4, 0.12), nil, map[string]compare.Verdict{"p99": compare.Regressed}},
		{"40 % better at a noise of 40 %", noise(-0.4, 0.4), nil, map[string]compare.Verdict{"p99": compare.Improved}},
		{"ten times worse at a noise of 100 %", noise(9, 1), nil, map[string]compare.Verdict{"p99": compare.Regressed}},
		{"ten times better at a noise of 100 %", noise(-0.9, 1), nil, map[string]compare.Verdict{"p99": compare.Improved}},
	} {
		s, f := newSession(t), &fake{value: c.value, more: c.more}
		if _, err := s.drive(t.Context(), f); err != nil || s.pairs < 14 {
			t.Errorf("%s: %d pairs, %v", c.why, s.pairs, err)
		}
		for _, f := range s.conclude(nil).Findings {
			if want, ok := c.want[f.Metric]; ok && f.Verdict != want {
				t.Errorf("%s: %s after %d pairs, want %s: %s", c.why, f.Verdict, s.pairs, want, f.Reason)
			}
		}
	}
}

// Whatever number of pairs is asked for, the comparison gets to the last look
// where nothing is decided before, and decides what there is to decide.
func TestAnyNumberOfPairs(t *testing.T) {
	for _, most := range []int{8, 9, 13, 14, 15, 17, 20, 47, 48, 49, 60, 100, 333, 1000} {
		for why, c := range map[string]struct {
			value func(compare.Arm, int) float64
			want  compare.Verdict
		}{"worse": {noise(0.5, 0.02), compare.Regressed}, "same": {noise(0, 0.005), compare.Equal}} {
			s, f := newSession(t), &fake{value: c.value}
			s.Design = compare.DefaultDesign().UpTo(most)
			if whole, err := s.drive(t.Context(), f); !whole || err != nil {
				t.Fatal(whole, err)
			}
			if r := s.conclude(nil); r.Verdict != c.want || s.pairs > 20 {
				t.Errorf("%s, up to %d pairs: %s after %d: %q", why, most, r.Verdict, s.pairs, r.Reasons)
			}
		}
		if most > 100 { // so many decide that
			continue
		}
		s, f := newSession(t), &fake{value: noise(0.02, 0.15)}
		s.Design, s.Patient = compare.DefaultDesign().UpTo(most), true
		if _, err := s.drive(t.Context(), f); err != nil || s.pairs != most {
			t.Errorf("undecided, up to %d pairs: ended after %d, %v", most, s.pairs, err)
		}
	}
}

// So few pairs that nothing could be proven are not measured for nothing.
func TestTooFewPairs(t *testing.T) {
	s, f := newSession(t), &fake{value: noise(0.5, 0.01)}
	f.more = func(arm compare.Arm, pair int) (out []compare.Sample) {
		for _, scenario := range []string{"a", "b", "c", "d"} {
			out = append(out, compare.Sample{Scenario: scenario, Unit: "ns/op", Arm: arm, Pair: pair, Value: 100}, compare.Sample{Scenario: scenario, Unit: "allocs/op", Arm: arm, Pair: pair, Value: 3})
		}
		return out
	}
	s.Design = compare.DefaultDesign().UpTo(8)
	if whole, err := s.drive(t.Context(), f); !whole || err != nil {
		t.Fatal(whole, err)
	}
	r := s.conclude(nil)
	if s.pairs != 1 || r.Exit != compare.ExitInconclusive || !strings.Contains(strings.Join(r.Reasons, " "), "8 pairs cannot prove a change in 9 gated metrics; allow at least 11 pairs") {
		t.Errorf("%d pairs, exit code %d, %q", s.pairs, r.Exit, r.Reasons)
	}
}

// Where the candidate has launches that are outliers it goes on, and fails once
// that is proven; a user who asks for few of them gets as many pairs as it takes.
func TestGoesOnForOutliers(t *testing.T) {
	calm := noise(0, 0.005)
	s, f := newSession(t), &fake{value: func(arm compare.Arm, pair int) float64 {
		if arm == compare.Candidate && pair%3 == 0 {
			return 2 * calm(arm, pair)
		}
		return calm(arm, pair)
	}}
	if _, err := s.drive(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if r := s.conclude(nil); r.Verdict != compare.Unstable || r.Exit != compare.ExitRegressed || s.pairs <= 14 {
		t.Errorf("every third launch takes twice as long: %s after %d pairs, exit code %d", r.Verdict, s.pairs, r.Exit)
	}
	s, f = newSession(t), &fake{value: calm}
	var err error
	s.Policy.MaxOutliers = 0.1
	if s.Design, err = s.Design.ForOutliers(0.1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.drive(t.Context(), f); err != nil || s.pairs != 29 {
		t.Errorf("at most 10 %% outliers: %d pairs, %v", s.pairs, err)
	}
	if r := s.conclude(nil); r.Verdict != compare.Equal {
		t.Errorf("at most 10 %% outliers: %s", r.Verdict)
	}
}

// A metric that this machine cannot decide does not end the comparison while
// another can still be decided, and ends it once none is left.
func TestOneHopelessMetricDoesNotEndTheOthers(t *testing.T) {
	calm, wild := noise(0, 0.005), noise(0, 0.5)
	s, f := newSession(t), &fake{value: calm}
	f.more = func(arm compare.Arm, pair int) []compare.Sample {
		return []compare.Sample{{Scenario: "s", Unit: "cpu-ns/req", Arm: arm, Pair: pair, Value: wild(arm, pair)}}
	}
	if _, err := s.drive(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	r := s.conclude(nil)
	verdicts := map[string]compare.Verdict{}
	for _, f := range r.Findings {
		verdicts[f.Metric] = f.Verdict
	}
	if s.pairs < 14 || s.pairs > 20 || verdicts["cpu"] != compare.Inconclusive || r.Exit != compare.ExitInconclusive {
		t.Errorf("%d pairs, exit code %d, %v, %q", s.pairs, r.Exit, verdicts, r.Reasons)
	}
	for name, v := range verdicts {
		if name != "cpu" && v != compare.Equal {
			t.Errorf("%s: %s", name, v)
		}
	}
	if !strings.Contains(strings.Join(r.Reasons, " "), "stopped after") {
		t.Errorf("it does not say why it ended: %q", r.Reasons)
	}
}

func TestBudget(t *testing.T) {
	s, f := newSession(t), &fake{value: noise(0, 0.04)}
	s.Budget, s.Patient = 50*time.Millisecond, true
	slow := f.value
	f.value = func(arm compare.Arm, pair int) float64 {
		time.Sleep(time.Millisecond)
		return slow(arm, pair)
	}
	if whole, err := s.drive(t.Context(), f); !whole || err != nil {
		t.Fatal(whole, err)
	}
	r := s.conclude(nil)
	if s.pairs >= 48 || r.Verdict == compare.Invalid || !strings.Contains(strings.Join(r.Reasons, " "), "the budget of 50ms was used up") {
		t.Errorf("%d pairs, %s, %q", s.pairs, r.Verdict, r.Reasons)
	}
}

// Builds are part of what the budget is for.
func TestBudgetOfBuilds(t *testing.T) {
	s := newSession(t)
	s.Budget = 20 * time.Millisecond
	f := &fake{value: noise(0, 0.04), slow: true}
	if whole, err := s.drive(t.Context(), f); !whole || err != nil {
		t.Fatal(whole, err)
	}
	if r := s.conclude(nil); s.pairs != 0 || r.Exit != compare.ExitInvalid || !strings.Contains(strings.Join(r.Reasons, " "), "the budget of 20ms was used up after 0 of up to 48 pairs; building took") || !strings.Contains(strings.Join(r.Reasons, " "), "% of it: fewer packages") {
		t.Errorf("%d pairs, exit code %d, %q", s.pairs, r.Exit, r.Reasons)
	}
}

func TestInterruptedAndFailed(t *testing.T) {
	s, f := newSession(t), &fake{value: noise(0, 0.04)}
	ctx, cancel := context.WithCancel(t.Context())
	f.breach = func(p pairPlan, _ int) *disturbance {
		if p.number == 5 {
			cancel()
		}
		return nil
	}
	if whole, err := s.drive(ctx, f); whole || !errors.Is(err, context.Canceled) || s.pairs != 5 {
		t.Errorf("interrupted: whole %v after %d pairs, %v", whole, s.pairs, err)
	}
	s, f = newSession(t), &fake{fail: errors.New("the server of the candidate died: signal: killed")}
	if whole, err := s.drive(t.Context(), f); whole || err == nil {
		t.Errorf("an arm that dies: whole %v, %v", whole, err)
	}
}

// What is drawn depends on seed and number alone, and gives each arm each place
// as often.
func TestDrawing(t *testing.T) {
	arms := []compare.Arm{compare.Base, compare.Candidate, compare.Control}
	first := map[compare.Arm]int{}
	layouts := map[uint64]bool{}
	const n = 3000
	for i := range n {
		p, again := draw(7, i, arms), draw(7, i, arms)
		if orderOf(p.order) != orderOf(again.order) || p.seed != again.seed {
			t.Fatalf("pair %d is drawn otherwise the second time", i)
		}
		first[p.order[0]]++
		for _, arm := range arms {
			layouts[p.layout[arm]] = true
		}
		if p.place[arms[0]] == p.place[arms[1]] || p.place[arms[1]] == p.place[arms[2]] {
			t.Fatalf("pair %d: two arms in one place", i)
		}
	}
	for arm, k := range first { // mean 1000, sd 26: beyond 6 of them once in 10⁸
		if k < 840 || k > 1160 {
			t.Errorf("%s is first %d of %d times", arm, k, n)
		}
	}
	if len(layouts) < 3*n-20 {
		t.Errorf("%d layouts in %d builds", len(layouts), 3*n)
	}
	if draw(7, 1, arms).seed == draw(8, 1, arms).seed {
		t.Error("the seed makes no difference")
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		e    Experiment
		want string
	}{
		{&GoBench{Bench: "("}, "Bench is ("}, {&GoBench{Bench: "A|B/["}, "Bench is A|B/["}, {&GoBench{BenchTime: "fast"}, "BenchTime is fast"}, {&GoBench{BenchTime: "0x"}, "BenchTime is 0x"}, {&GoBench{Tags: "a b"}, "Tags is a b"}, {&GoBench{Packages: []string{"-v"}}, "-v"},
		{&Serve{Build: "make"}, "Build is make"}, {&Serve{Build: "go build -o {out}", Command: "{out}"}, "Command is {out}"},
		{&Serve{Build: "{out}", Command: "{out} {addr}"}, "Plan.Load is closed"},
	} {
		if err := c.e.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.e, err, c.want)
		}
	}
	if err := (&GoBench{Bench: "(A/x|B)|[/]"}).Validate(); err != nil { // brackets keep a slash together
		t.Error(err)
	}
	for _, good := range []string{"", "1x", "10x", "200ms"} {
		if err := (&GoBench{BenchTime: good}).Validate(); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func TestServeIsOneProgram(t *testing.T) {
	for _, good := range []string{
		"{out} --addr {addr}", " {out} {addr} >log 2>&1", "env A=1 B=2 {out} {addr}", "{out} --addr={addr} --flags a=b", "nice {out} {addr} 'a; b' \"c | d\" e\\;f",
		"{out} {addr} $(cat injected.flags | head -n $(cat n; true))", "./serve.sh {out} {addr}",
	} {
		if err := oneProgram("Command", good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"VAR=x {out} {addr}": "as in 'env VAR=x {out} {addr}'", " A='b c' {out} {addr}": "as in 'env A='b c' {out} {addr}'",
		"cd sub && {out} {addr}": "one program", "cd sub": "one program", "exec {out} {addr}": "one program", "(ulimit -n 10; {out} {addr})": "one program",
		"./migrate; {out} {addr}": "one program", "{out} {addr} | tee log": "one program", "{out} {addr} &": "one program", "{out} {addr} 2>&1 & wait": "one program",
	} {
		serve := Serve{Build: "{out}", Command: bad + " # {out} {addr}"}
		if err := serve.Validate(); err == nil || !strings.HasPrefix(err.Error(), "Command is "+bad) {
			t.Errorf("%s: %v", bad, err)
		}
		if err := oneProgram("Command", bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bad, err, want)
		}
	}
}
