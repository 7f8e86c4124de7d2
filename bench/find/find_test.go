package find_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/find"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

// server rejects what exceeds its capacity by 1 %.
type server struct {
	capacity float64
	diesAt   float64 // level; 0: never
	stuckAt  float64
	lateAt   float64
	fullAt   float64       // level from which all connections are busy
	held     time.Duration // then: for so long by each request
	lostAt   float64       // level from which an agent is lost, at which all connections are busy
	stages   int
	stuck    bool
	dead     bool
}

func (s *server) stage(_ context.Context, p bench.Plan) (*result.Stage, error) {
	s.stages++
	level := p.Load.Level()
	stage := result.NewStage()
	stage.Length = p.Duration
	s.dead = s.dead || s.diesAt > 0 && level >= s.diesAt
	s.stuck = s.stuck || s.stuckAt > 0 && level >= s.stuckAt
	if s.lateAt > 0 && level >= s.lateAt {
		stage.Invalidate("the generator was late")
	}
	full := s.fullAt > 0 && level >= s.fullAt
	if full {
		stage.Invalidate("arrivals waited for one of the connections")
	}
	if s.lostAt > 0 && level >= s.lostAt {
		full = true // which alone would show that the server is overloaded
		stage.Invalidate("agent b: was lost")
		stage.Agents = []result.Agent{{Name: "a"}, {Name: "b", Lost: "it was killed"}}
		stage.Counts[result.Unknown] = 10
	}
	n := int(level * p.Duration.Seconds())
	for i := range n {
		planned := time.Duration(float64(i) / level * float64(time.Second))
		a := bench.Arrival{Planned: planned, Sent: planned, Done: planned + 10*time.Millisecond}
		if full {
			a.Waited, a.Sent = true, planned+time.Second
			a.Done = a.Sent + s.held
		}
		switch share := max(0, 1.01-s.capacity/level); {
		case s.dead:
			a.Outcome = result.Refused
		case s.stuck || float64(i%1000) < 1000*share:
			a.Outcome = result.Rejected
		}
		stage.Counts[a.Outcome]++
		if a.Outcome == result.OK {
			stage.Latency.Record(a.Done - a.Planned)
			stage.Uncorrected.Record(a.Done - a.Sent)
		}
		if p.Observer != nil {
			p.Observer.Ended(a)
		}
	}
	return stage, nil
}

func (s *server) gone(context.Context) error {
	if s.dead {
		return errors.New("its process has ended")
	}
	return nil
}

func searching(t *testing.T, s *server) (find.Search, *search.Record) {
	t.Helper()
	required, err := compare.ParseRequirements("rejected<1%,adjusted-p99<250ms")
	if err != nil {
		t.Fatal(err)
	}
	f := find.Search{Plan: bench.Plan{Load: bench.Load{Rate: 50}}, Stage: s.stage, Gone: s.gone}
	if f.Conditions, err = find.Conditions(required, load.Poisson); err != nil {
		t.Fatal(err)
	}
	c, err := f.Config(search.Config{Low: 50, High: 3200, Precision: 0.1, Confidence: 0.95, Budget: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return f, &search.Record{Config: c, Load: f.Plan.Load}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		server server
		want   search.Outcome
		fails  string // what the error says
	}{
		{"finds", server{capacity: 400}, search.Found, ""},
		{"rejects everything", server{capacity: 1}, search.Below, ""},
		{"never misses", server{capacity: 1e6}, search.Above, ""},
		{"dies", server{capacity: 400, diesAt: 800}, search.Running, "the server died at level 800: its process has ended"},
		{"does not recover", server{capacity: 400, stuckAt: 800}, search.Running, "the server does not recover: after level 800"},
		{"loses an agent", server{capacity: 1e6, lostAt: 1000, held: time.Second}, search.Limited, ""},
		{"holds all connections", server{capacity: 400, fullAt: 450, held: time.Second}, search.Found, ""},
		{"has too few connections", server{capacity: 400, fullAt: 300, held: 10 * time.Millisecond}, search.Limited, ""},
		{"the generator is the limit", server{capacity: 1e6, lateAt: 1000}, search.Limited, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, r := searching(t, &test.server)
			err := f.Run(t.Context(), r)
			if r.Answer.Outcome != test.want || (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%v, %+v", err, r.Answer)
			}
			if test.want == search.Found && (r.Answer.Low > 400 || r.Answer.High < 400 || r.Answer.High > r.Answer.Low*1.11) {
				t.Errorf("%+v", r.Answer)
			}
			if !r.Decide() {
				t.Errorf("decided again: %+v", r.Answer)
			}
		})
	}
}

// A search that was interrupted goes on where it was.
func TestResume(t *testing.T) {
	t.Parallel()
	s := &server{capacity: 400}
	f, r := searching(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	f.Visited = func(search.Visit, *result.Stage) error {
		if len(r.Visits) == 5 {
			cancel()
		}
		return nil
	}
	if err := f.Run(ctx, r); !errors.Is(err, context.Canceled) || len(r.Visits) != 5 {
		t.Fatalf("%v after %d visits", err, len(r.Visits))
	}
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	r, err := search.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	stages := s.stages
	if err := f.Run(t.Context(), r); err != nil || r.Answer.Outcome != search.Found || s.stages-stages > len(r.Visits) {
		t.Errorf("%v after %d stages: %+v", err, s.stages-stages, r.Answer)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"adjusted-p99<250ms": "", "rejected<1%": "", "failed<0.1%": "", "ok>99%": "", "adjusted-p999<=1s": "",
		"p99<250ms":              "p99<250ms: p99 leaves out what was rejected or failed; require adjusted-p99, which is of all arrivals",
		"mean<1ms":               "is no share of the arrivals",
		"cpu<80us":               "is no share of the arrivals",
		"rejected>1%":            "want rejected<1% or ok>99%",
		"rejected<1%@level=50":   "leave out what follows @",
		"adjusted-p20<250ms":     "allows a share of 80 % to be bad",
		"closed rejected<1%":     "how long they back off",
		"closed adjusted-p99<1s": "",
		"first-event-p99<1s":     "", "median-gap-p90<50ms": "",
		"gap-p99<50ms": "is no share of the arrivals",
	} {
		model := load.Poisson
		rest, closed := strings.CutPrefix(text, "closed ")
		if closed {
			model = load.Closed
		}
		required, err := compare.ParseRequirements(rest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = find.Conditions(required, model); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
