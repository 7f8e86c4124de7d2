package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

func TestPlanValidate(t *testing.T) {
	var good Plan
	if err := good.Validate(); err != nil {
		t.Errorf("the zero plan: %v", err)
	}
	for want, change := range map[string]func(*Plan){
		"Load.Clients is -1, want 1 to 1000000":            func(p *Plan) { p.Load.Clients = -1 },
		"Load.Rate is 2e+08, want above 0, up to 10000000": func(p *Plan) { p.Load = Load{Rate: 2e8} },
		"Load.Rate is 0.5, want a whole number":            func(p *Plan) { p.Load = Load{Rate: 0.5} },
		"Load.Rate is 5, want left out":                    func(p *Plan) { p.Load = Load{Rate: 5, Burst: 5} },
		"Warmup is -1s, want 0 to 720h0m0s":                func(p *Plan) { p.Warmup = -time.Second },
		"Duration is -1s":                                  func(p *Plan) { p.Duration = -time.Second },
		"Timeout is -1ns":                                  func(p *Plan) { p.Timeout = -1 },
		"Pattern is twice, want left out, for the load is": func(p *Plan) { p.Pattern = named("twice") },
		"MaxConnections is -1, want 1 to 1000000":          func(p *Plan) { p.MaxConnections = -1 },
		"MaxWaiting is -1, want 0 to 10000000":             func(p *Plan) { p.MaxWaiting = -1 },
		"Load.ThinkTime is -5ms, want 0 to 720h0m0s":       func(p *Plan) { p.Load.ThinkTime = -5 * ms },
		"Load.Backoff is -5ms, want 0 to 720h0m0s":         func(p *Plan) { p.Load.Backoff = -5 * ms },
		"Load.RampUp is -5ms, want 0 to 720h0m0s":          func(p *Plan) { p.Load.RampUp = -5 * ms },
		"Load.BurstInterval is -5ms, want 0 to 720h0m0s":   func(p *Plan) { p.Load.BurstInterval = -5 * ms },
		"MaxLag is -5ms, want 0 to 720h0m0s":               func(p *Plan) { p.MaxLag = -5 * ms },
		"Wait is -5ms, want 0 to 720h0m0s":                 func(p *Plan) { p.Wait = -5 * ms },
		"DrainTimeout is -5ms, want 0 to 720h0m0s":         func(p *Plan) { p.DrainTimeout = -5 * ms },
		"TargetPID is -1, want the id of a process":        func(p *Plan) { p.TargetPID = -1 },
	} {
		p := good
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that contains %q", err, want)
		}
	}
}

// named is a pattern with nothing but a name.
type named string

func (n named) Name() string                         { return string(n) }
func (n named) String() string                       { return string(n) }
func (n named) Schedule(uint64) func() time.Duration { return nil }

func TestLagBound(t *testing.T) {
	for _, c := range []struct {
		model     load.Model
		max, serv time.Duration
		want      time.Duration
	}{
		{load.Closed, 0, 200 * ms, 2 * ms},
		{load.Closed, 0, 5 * ms, ms},
		{load.Constant, 0, 200 * ms, 2 * ms},
		{load.Poisson, 0, 0, ms},
		{load.Burst, 0, 200 * ms, 2 * ms},
		{load.Burst, 3 * ms, 200 * ms, 3 * ms},
	} {
		p := Plan{Load: load.Of(c.model, 1), MaxLag: c.max}
		if got := p.lagBound(c.serv); got != c.want {
			t.Errorf("with %s, bound %v and %v: %v, want %v", c.model, c.max, c.serv, got, c.want)
		}
	}
}
