package search_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/search"
)

// An answer follows from its visits alone, also where they were stored in between.
func TestReplay(t *testing.T) {
	t.Parallel()
	c := config(0.2, 5*time.Minute)
	s, visits := systems[0].search(rand.New(rand.NewPCG(1, 1)), c)
	text, err := json.Marshal(visits)
	if err != nil {
		t.Fatal(err)
	}
	var stored []search.Visit
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	if got, want := search.Replay(c, stored).Answer(), s.Answer(); !reflect.DeepEqual(got, want) {
		t.Errorf("replayed: %+v\nwant: %+v", got, want)
	}
	half := search.Replay(c, stored[:len(stored)/2])
	if a := half.Answer(); a.Outcome != search.Running {
		t.Errorf("half a search: %+v", a)
	}
	if next, ok := half.Next(); !ok || next.Level != stored[len(stored)/2].Level {
		t.Errorf("after half a search: %v, %v, want level %v", next, ok, stored[len(stored)/2].Level)
	}
}

// fixed is a server whose bad share is exactly known.
func fixed(c search.Config, share func(level float64, spent time.Duration) []float64, generator float64) search.Answer {
	s := search.New(c)
	var spent time.Duration
	for v, ok := s.Next(); ok; v, ok = s.Next() {
		v.Took = v.Length + 3*time.Second
		if generator > 0 && v.Level > generator {
			v.Limited = "the generator was late"
			s.Add(v)
			continue
		}
		for range int(v.Length.Seconds()) {
			b := search.Batch{N: int64(v.Level)}
			for _, x := range share(v.Level, spent) {
				b.Bad, b.Near = append(b.Bad, int64(x*v.Level+0.5)), append(b.Near, 0)
			}
			v.Batches = append(v.Batches, b)
		}
		spent += v.Took
		s.Add(v)
	}
	return s.Answer()
}

// It knows when it cannot answer.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	knee := func(at float64) func(float64, time.Duration) []float64 {
		return func(level float64, _ time.Duration) []float64 { return []float64{min(max(0, level/at-1), 1)} }
	}
	c := search.Config{Low: 100, High: 10_000, Limits: []search.Limit{{Name: "rejected", Share: 0.01}}, Precision: 0.1, Confidence: 0.95, Budget: 10 * time.Minute}
	short, atLeast := c, c
	short.Budget = 30 * time.Second
	atLeast.AtLeast = 1000
	guess, wrong := c, c
	guess.First, wrong.First = 700, 9000
	drifting := func(level float64, spent time.Duration) []float64 {
		return []float64{max(0, level/(2000/(1+spent.Seconds()/100))-1)}
	}
	for _, test := range []struct {
		name      string
		config    search.Config
		share     func(float64, time.Duration) []float64
		generator float64
		want      search.Outcome
		low, high float64 // between which the ends must lie
	}{
		{"a knee", c, knee(1000), 0, search.Found, 850, 1150},
		{"a knee, from a first guess", guess, knee(1000), 0, search.Found, 850, 1150},
		{"a knee, from a wrong guess", wrong, knee(1000), 0, search.Found, 850, 1150},
		{"the generator is the limit of a wrong guess", wrong, knee(1000), 500, search.Limited, 400, 0},
		{"rejects everything", c, func(float64, time.Duration) []float64 { return []float64{1} }, 0, search.Below, 0, 100},
		{"never misses", c, func(float64, time.Duration) []float64 { return []float64{0} }, 0, search.Above, 10_000, 0},
		{"the generator is the limit", c, knee(1000), 500, search.Limited, 400, 0},
		{"the generator is always the limit", c, knee(1000), 50, search.Limited, 0, 0},
		{"the budget is short", short, knee(1000), 0, search.Wide, 0, 0},
		{"it slows by 1 % per second", c, drifting, 0, search.Changed, 0, 10_000},
		{"at least, met", atLeast, knee(2000), 0, search.Found, 1000, 0},
		{"at least, missed", atLeast, knee(500), 0, search.Found, 0, 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := fixed(test.config, test.share, test.generator)
			if a.Outcome != test.want || a.Low < test.low || test.high > 0 && a.High > test.high || a.Low > 0 && a.High > 0 && a.Low >= a.High && a.Outcome != search.Changed {
				t.Errorf("%+v", a)
			}
		})
	}
}

// A level next to the limit does not take the budget, at the generator's limit or at a
// bound of the range: one end is proven beside it.
func TestUndecidedAtBound(t *testing.T) {
	t.Parallel()
	c := search.Config{Low: 10, High: 100_000, Limits: []search.Limit{{Name: "rejected", Share: 0.01}}, Precision: 0.1, Confidence: 0.95, Budget: 10 * time.Minute}
	upTo, from := c, c
	upTo.High, from.Low = 40_000, 40_000
	for name, test := range map[string]struct {
		config    search.Config
		generator float64
		want      search.Outcome
	}{
		"generator": {c, 41_000, search.Limited}, "highest": {upTo, 0, search.Above}, "lowest": {from, 0, search.Below},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		share := func(level float64, _ time.Duration) []float64 { // about 1 % at 40,000
			return []float64{min(0.01*math.Pow(level/40_000, 10)*2*r.Float64(), 1)}
		}
		a := fixed(test.config, share, test.generator)
		proven := a.Low > 30_000 && a.Low < 40_000 && (a.High == 0 || a.Outcome == search.Found)
		if test.want == search.Below {
			proven = a.Low == 0 && a.High > 40_000 && a.High < 50_000
		}
		if a.Outcome != test.want && a.Outcome != search.Found || !proven || a.Spent > 6*time.Minute {
			t.Errorf("%s: %s, %.0f to %.0f in %v", name, a.Outcome, a.Low, a.High, a.Spent)
		}
	}
}

// The limit that is missed first binds.
func TestBindingLimit(t *testing.T) {
	t.Parallel()
	c := search.Config{Low: 10, High: 1000, Precision: 0.1, Confidence: 0.95, Budget: 20 * time.Minute,
		Limits: []search.Limit{{Name: "rejected", Share: 0.01}, {Name: "adjusted-p99", Share: 0.01}}}
	r := rand.New(rand.NewPCG(1, 1))
	a := fixed(c, func(level float64, _ time.Duration) []float64 {
		return []float64{0.01 * (level / 300) * (level / 300) * (level / 300) * r.Float64() * 2, 0.01 * (level / 200) * (level / 200) * (level / 200) * r.Float64() * 2}
	}, 0)
	if a.Binding != 1 || a.Low > 210 || a.High < 190 {
		t.Errorf("%+v", a)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	c := config(0.1, time.Hour)
	fine := c
	fine.Precision = 0.02
	if d, f := c.Estimate(), fine.Estimate(); d < time.Minute || d > 20*time.Minute || f < 3*d {
		t.Errorf("%v, with a precision of 2 %% %v", d, f)
	}
}

// A level that was decided is undecided again where bad arrivals turn out to come in
// longer clusters than it took, and the answer after that visit says so.
func TestReopened(t *testing.T) {
	t.Parallel()
	var reopened int
	for _, system := range systems {
		for seed := range uint64(6) {
			c := config(0.2, 5*time.Minute)
			_, visits := system.search(rand.New(rand.NewPCG(seed, 1)), c)
			before := map[float64]search.Verdict{}
			s := search.New(c)
			for _, v := range visits {
				s.Next()
				s.Add(v)
				a := s.Answer()
				for _, l := range a.Levels {
					again := slices.Contains(a.Reopened, l.Level)
					if was := before[l.Level] == search.Meets || before[l.Level] == search.Misses; again && !was || (was && l.Verdict == search.Undecided) != again {
						t.Fatalf("%v was %s and is %s, reopened: %v", l.Level, before[l.Level], l.Verdict, a.Reopened)
					}
					before[l.Level] = l.Verdict
				}
				reopened += len(a.Reopened)
			}
		}
	}
	if reopened == 0 {
		t.Error("no level was reopened in any search: the test tests nothing")
	}
}
