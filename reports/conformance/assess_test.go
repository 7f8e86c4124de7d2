package conformance

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/theory"
)

// assessed is the cell of a window of a played spec.
func assessed(t *testing.T, s, served Spec, window time.Duration, seed uint64, precision, confidence float64) *Cell {
	t.Helper()
	from := s.Warmup()
	c, err := Assess(s, played(t, served, from+window+time.Second, seed), from, from+window, precision, confidence)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An interval that is to hold the truth in 95 % of runs does so, also where a
// window is short and rejections come in clusters.
func TestIntervalsHoldTheTruth(t *testing.T) {
	const plays = 60
	for _, name := range []string{"loss-exponential", "loss-lognormal", "queue-exponential", "two-constant", "engset", "clock-exponential"} {
		for _, s := range Grid(false) {
			if s.Name != name {
				continue
			}
			missed, inside := 0, 0
			for seed := range uint64(plays) {
				for _, j := range assessed(t, s, s, 5*time.Second, 100+seed, 0.1, 0.95).Judgements {
					if j.Low > j.Expected || j.High < j.Expected {
						missed++
					}
					inside++
				}
			}
			// 5 % are 3 of 60; 9 are beyond what 0.3 % of such counts reach.
			if missed*plays > 9*inside {
				t.Errorf("%s: %d of %d intervals miss", name, missed, inside)
			}
		}
	}
}

// A server with a worker less than it says, or a place more, is contradicted.
func TestAnotherServerIsContradicted(t *testing.T) {
	s := spec(theory.Exponential, 10, 0, 600)
	for _, c := range []struct {
		why    string
		change func(*Spec)
		want   theory.Answer
	}{
		{"as it says", func(*Spec) {}, "confirmed"},
		{"seven workers of ten", func(s *Spec) { s.Workers = 7 }, "contradicted"},
		{"a hidden queue", func(s *Spec) { s.Queue = 6 }, "contradicted"},
		{"clustered arrivals", func(s *Spec) { s.Load = load.Load{Burst: 30, BurstInterval: 50 * time.Millisecond} }, "contradicted"},
	} {
		served := s
		c.change(&served)
		if j := assessed(t, s, served, 20*time.Second, 1, 0.1, 0.99).Judgements[0]; j.Answer != c.want {
			t.Errorf("%s: %s: %.4f (%.4f to %.4f), expected %.4f", c.why, j.Answer, j.Measured, j.Low, j.High, j.Expected)
		}
	}
}

func TestTooShortIsInconclusive(t *testing.T) {
	j := assessed(t, spec(theory.Exponential, 10, 5, 650), spec(theory.Exponential, 10, 5, 650), 2*time.Second, 2, 0.03, 0.99).Judgements[0]
	if j.Answer != "inconclusive" || j.Needs < 10*time.Second {
		t.Errorf("%+v", j)
	}
}

func TestWhatCannotBeAssessed(t *testing.T) {
	s := spec(theory.Constant, 10, 5, 650)
	tr := played(t, s, 2*time.Second, 1)
	for _, c := range []struct {
		why      string
		from, to time.Duration
		change   func(*Spec)
		says     string
	}{
		{"no window", time.Second, time.Second, nil, "a window from"},
		{"beyond the trace", 5 * time.Second, 6 * time.Second, nil, "contains no request"},
		{"no waves", 0, time.Second, func(s *Spec) { s.Load = load.Load{Burst: 4001, BurstInterval: time.Second} }, "not complete waves"},
		{"no model", 0, time.Second, func(s *Spec) { s.Load.Arrivals, s.Judged = load.Constant, []string{Wait} }, "no model"},
	} {
		s := s
		if c.change != nil {
			c.change(&s)
		}
		_, err := Assess(s, tr, c.from, c.to, 0.1, 0.95)
		var unusable *UnusableError
		if data := c.why == "beyond the trace" || c.why == "no waves"; errors.As(err, &unusable) != data {
			t.Errorf("%s: %T: is it the data's fault: %v", c.why, err, data)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// The grid can be judged within five minutes, and one with half of it.
func TestTheGridIsLongEnough(t *testing.T) {
	for _, c := range []struct {
		quick     bool
		lengths   Lengths
		precision float64
		most      time.Duration
	}{
		{true, Lengths{4 * time.Second, 6 * time.Second}, 0.2, time.Minute},
		{false, Lengths{10 * time.Second, 45 * time.Second}, 0.1, 5 * time.Minute},
	} {
		specs := Grid(c.quick)
		short, total := 0, time.Duration(0)
		for _, s := range specs {
			p, err := Plan(s, c.lengths, c.precision, Confidence(Judged(specs)))
			if err != nil {
				t.Fatal(err)
			}
			if p.Short {
				short++
			}
			total += p.Window + s.Warmup()
		}
		if c.quick && short > 1 || !c.quick && short > 0 || total > c.most {
			t.Errorf("quick %v: %d cells are too short, %v in all", c.quick, short, total)
		}
	}
	s := spec(theory.Exponential, 10, 5, 650)
	if p, err := Plan(s, Lengths{time.Second, 2 * time.Second}, 0.01, 0.99); err != nil || !p.Short || p.Window != 2*time.Second || p.Needs < time.Minute {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestReportFindsTheSameRejection(t *testing.T) {
	r := &Report{}
	for _, s := range Grid(false) {
		r.Cells = append(r.Cells, &Cell{Spec: s, Judgements: []Judgement{{Answer: "confirmed"}}})
	}
	if got := r.SameRejection(); len(got) != 3 {
		t.Errorf("%d cells", len(got))
	}
	if n := r.Answers(); n["confirmed"] != len(r.Cells) || r.Complete() {
		t.Errorf("%v", n)
	}
	if got := (&Report{}).SameRejection(); got != nil {
		t.Errorf("of none: %v", got)
	}
	start := Start{Cell: &Cell{Spec: Spec{Setting: theory.Setting{Workers: 20}}, Rate: 2000, ServiceTime: 20 * time.Millisecond, Wait: 15 * time.Millisecond}}
	if start.Waited() != 0.75 || start.RejectedExpected() != 0.5 {
		t.Errorf("%v, %v", start.Waited(), start.RejectedExpected())
	}
}
