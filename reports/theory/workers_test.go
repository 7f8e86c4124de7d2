package theory

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

func TestWorkersForIsTheLeastThatDo(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates; takes ten times as long with the race detector")
	}
	for _, s := range []Setting{
		{Load: load.Load{Rate: 500}, Queue: 0},
		{Load: load.Load{Rate: 50}, Queue: 10, ServiceLaw: Law{Kind: Exponential}},
		{Load: load.Load{Rate: 50}, Queue: 10},
		{Load: load.Load{Rate: 52, Arrivals: load.Constant}, Queue: 0},
		{Load: load.Load{Rate: 50, Arrivals: load.Constant}, Queue: 0},
		{Load: load.Load{Rate: 50}, Queue: Unbounded, MaxWait: 100 * time.Millisecond, ServiceLaw: Law{Kind: Exponential}},
		{Load: load.Load{Rate: 0.1}, Queue: 0},
	} {
		s.ServiceTime = 200 * time.Millisecond
		const loss = 0.05
		n, p, err := WorkersFor(s, loss)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if !within(p, loss) {
			t.Errorf("%+v: %d workers reject %v, %v", s, n, p.Rejected, p.Interval)
		}
		if s.Workers = n - 1; n > 1 {
			if fewer, err := Predict(s); err != nil || within(fewer, loss) {
				t.Errorf("%+v: fewer than %d workers do (%v)", s, n, err)
			}
		}
	}
	if n, _, err := WorkersFor(Setting{Load: load.Load{Rate: 500}, ServiceTime: 200 * time.Millisecond}, 0.01); n != 117 || err != nil {
		t.Errorf("100 erlangs at 1 %%: %d workers (%v), want the 117 of Erlang's tables", n, err)
	}
}

func TestWorkersForSaysWhatIsWrong(t *testing.T) {
	good := Setting{Load: load.Load{Rate: 50}, ServiceTime: time.Second}
	for name, change := range map[string]func(*Setting) float64{
		"Workers":     func(s *Setting) float64 { s.Workers = 3; return 0.1 },
		"MaxRejected": func(*Setting) float64 { return 1 },
		"Load.Rate":   func(s *Setting) float64 { s.Load.Rate = -1; return 0.1 },
		"no bound":    func(s *Setting) float64 { s.Queue = Unbounded; return 0.1 },
		"closed":      func(s *Setting) float64 { s.Load = load.Load{Clients: 5}; return 0.1 },
	} {
		s := good
		loss := change(&s)
		if _, _, err := WorkersFor(s, loss); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What is answered holds to the end of its interval, also where it is simulated;
// and that fewer may do is said.
func TestWorkersForIsSure(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates; takes ten times as long with the race detector")
	}
	for _, s := range []Setting{
		{Load: load.Load{Rate: 250}, Queue: 5},
		{Load: load.Load{Rate: 50}, Queue: 5, ServiceLaw: Law{Kind: Lognormal, CV: 2}},
		{Load: load.Load{Rate: 100, Arrivals: load.Constant}, Queue: 2, ServiceLaw: Law{Kind: Exponential}},
	} {
		s.ServiceTime, s.Seed, s.Runs, s.Requests = 200*time.Millisecond, 1, 10, 5_000
		for _, loss := range []float64{0.001, 0.01, 0.2} {
			n, p, err := WorkersFor(s, loss)
			if err != nil {
				t.Errorf("%+v, %v: %v", s, loss, err)
				continue
			}
			if p.Interval == nil || p.Interval.Rejected[1] > loss {
				t.Errorf("%+v, %v: %d workers, rejected %v", s, loss, n, p.Interval)
			}
		}
	}
	// So few rejects that no simulation shows them.
	if n, _, err := WorkersFor(Setting{Load: load.Load{Rate: 50}, Queue: 5, ServiceLaw: Law{Kind: Lognormal, CV: 2}, ServiceTime: 200 * time.Millisecond, Runs: 2, Requests: 1_000}, 1e-9); err == nil {
		t.Errorf("a share of 1e-9 is sure with %d workers, of 2000 requests", n)
	}
}
