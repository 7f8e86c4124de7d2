package theory

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

var (
	exponential = Law{Kind: Exponential}
	lognormal   = Law{Lognormal, 1.5}
)

// One row for each model that can be chosen: what it is called, whether it is
// exact, and the share that it rejects.
func TestPredictChoosesTheModel(t *testing.T) {
	rows := []struct {
		about    string
		s        Setting
		model    string
		exact    bool
		rejected float64 // -1: not known; -2: not looked at; -3: nor is there an interval
	}{
		{"no queue", Setting{Load: LoadPoisson, Rate: 50, Workers: 10, Service: 200 * ms}, "M/G/c/c", true, 0.2145823431},
		{"no queue, any law", Setting{Load: LoadPoisson, Rate: 50, Workers: 10, Service: 200 * ms, ServiceLaw: lognormal}, "M/G/c/c", true, 0.2145823431},
		{"no queue, no patience needed", Setting{Load: LoadPoisson, Rate: 50, Workers: 10, Service: 200 * ms, MaxWait: ms}, "M/G/c/c", true, 0.2145823431},
		{"no limit", Setting{Load: LoadPoisson, Rate: 500, Workers: Unbounded, Service: 200 * ms}, "M/G/inf", true, 0},
		{"no limit, constant rate", Setting{Load: LoadConstant, Rate: 500, Workers: Unbounded, Service: 200 * ms, ServiceLaw: lognormal}, "D/G/inf", true, 0},
		{"exponential", Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: 10, Service: 200 * ms, ServiceLaw: exponential}, "M/M/c/K", true, 0.17966592},
		{"exponential, no bound", Setting{Load: LoadPoisson, Rate: 45, Workers: 10, Places: Unbounded, Service: 200 * ms, ServiceLaw: exponential}, "M/M/c", true, 0},
		{"exponential, deadline", Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: Unbounded, Service: 200 * ms, ServiceLaw: exponential, MaxWait: 100 * ms}, "M/M/c+D", true, 0.19955421},
		{"exponential, deadline and bound", Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: 10, Service: 200 * ms, ServiceLaw: exponential, MaxWait: 100 * ms}, "M/M/c/K+D", false, -2},
		{"constant, no bound", Setting{Load: LoadPoisson, Rate: 45, Workers: 10, Places: Unbounded, Service: 200 * ms}, "M/D/c", true, 0},
		{"constant, one worker", Setting{Load: LoadPoisson, Rate: 4.5, Workers: 1, Places: 1, Service: 200 * ms}, "M/D/1/K", true, 0.23463706},
		{"constant, two workers", Setting{Load: LoadPoisson, Rate: 8, Workers: 2, Places: 1, Service: 200 * ms}, "M/D/2/K", true, 0.17172202},
		{"constant, two workers, too much load", Setting{Load: LoadPoisson, Rate: 101, Workers: 2, Places: 2, Service: 200 * ms}, "M/D/c/K", false, -2},
		{"constant, a queue that is never full", Setting{Load: LoadPoisson, Rate: 8, Workers: 2, Places: 2_000, Service: 200 * ms}, "M/D/c/K", true, 0},
		{"constant, millions of places, overload", Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: MaxPlaces, Service: 200 * ms}, "M/D/c/K", false, -3},
		{"constant, millions of places", Setting{Load: LoadPoisson, Rate: 49, Workers: 10, Places: MaxPlaces, Service: 200 * ms}, "M/D/c/K", true, 0},
		{"lognormal, one worker", Setting{Load: LoadPoisson, Rate: 2.5, Workers: 1, Places: Unbounded, Service: 200 * ms, ServiceLaw: Law{Lognormal, 10}}, "M/G/1", true, 0},
		{"constant, ten workers", Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: 10, Service: 200 * ms}, "M/D/c/K", false, -2},
		{"constant, a deadline that is never met", Setting{Load: LoadPoisson, Rate: 4.5, Workers: 1, Places: 1, Service: 200 * ms, MaxWait: 200 * ms}, "M/D/1/K", true, 0.23463706},
		{"lognormal", Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: 10, Service: 200 * ms, ServiceLaw: lognormal}, "M/G/c/K", false, -2},
		{"overloaded, no bound", Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: Unbounded, Service: 200 * ms}, "M/G/c", true, 0},
		{"clockwork", Setting{Load: LoadConstant, Rate: 62.5, Workers: 10, Service: 200 * ms}, "D/D/c/c", true, 3.0 / 13},
		{"clockwork, a tie", Setting{Load: LoadConstant, Rate: 60, Workers: 10, Service: 200 * ms}, "D/D/c/c", false, -1},
		{"clockwork, queue", Setting{Load: LoadConstant, Rate: 60, Workers: 10, Places: 5, Service: 200 * ms}, "D/D/c/K", true, 1.0 / 6},
		{"clockwork, below", Setting{Load: LoadConstant, Rate: 50, Workers: 10, Places: Unbounded, Service: 200 * ms}, "D/D/c", true, 0},
		{"clockwork, deadline", Setting{Load: LoadConstant, Rate: 60, Workers: 10, Places: Unbounded, Service: 200 * ms, MaxWait: 500 * ms}, "D/D/c+D", true, 1.0 / 6},
		{"constant rate, exponential", Setting{Load: LoadConstant, Rate: 50, Workers: 10, Service: 200 * ms, ServiceLaw: exponential}, "D/M/c/c", true, 0.15510898},
		{"constant rate, exponential, queue", Setting{Load: LoadConstant, Rate: 50, Workers: 10, Places: 5, Service: 200 * ms, ServiceLaw: exponential}, "D/M/c/K", false, -2},
		{"closed, all served", Setting{Load: LoadClosed, Clients: 10, Workers: 10, Service: 200 * ms, ServiceLaw: lognormal}, "closed, G/inf", true, 0},
		{"closed, Engset", Setting{Load: LoadClosed, Clients: 30, Workers: 10, Service: 200 * ms, Think: 200 * ms, ThinkLaw: exponential}, "closed, M/G/c/c/N", true, 0.54847354},
		{"closed, no queue, in step", Setting{Load: LoadClosed, Clients: 30, Workers: 10, Service: 200 * ms, Think: 300 * ms}, "closed, D/c/c/N", false, -2},
		{"closed, cycle", Setting{Load: LoadClosed, Clients: 400, Workers: 200, Places: 200, Service: 200 * ms}, "closed, D/D/c", true, 0},
		{"closed, chain", Setting{Load: LoadClosed, Clients: 1_000, Workers: 100, Places: 100, Service: 200 * ms, ServiceLaw: exponential, Think: time.Second, ThinkLaw: exponential}, "closed, M/M/c/K/N", true, 0.37628},
		{"closed, flat out", Setting{Load: LoadClosed, Clients: 400, Workers: 200, Places: 100, Service: 200 * ms, RejectPause: 200 * ms}, "closed, full, D/c/K", true, 1.0 / 3},
		{"closed, deadline", Setting{Load: LoadClosed, Clients: 40, Workers: 10, Places: Unbounded, Service: 200 * ms, Think: 200 * ms, MaxWait: 100 * ms}, "closed, D/c/N+D", false, -2},
		{"burst", Setting{Load: LoadBurst, Clients: 1_001, Workers: 1_000, Service: 200 * ms}, "burst, G/c", true, 1.0 / 1_001},
		{"burst, queue", Setting{Load: LoadBurst, Clients: 1_000, Workers: 200, Places: 100, Service: 200 * ms}, "burst, D/c/K", true, 0.7},
		{"burst, deadline", Setting{Load: LoadBurst, Clients: 1_000, Workers: 200, Places: Unbounded, Service: 200 * ms, MaxWait: 300 * ms}, "burst, D/c+D", true, 0.6},
		{"burst, exponential", Setting{Load: LoadBurst, Clients: 100, Workers: 20, Places: 10, Service: 200 * ms, ServiceLaw: exponential}, "burst, M/c/K", false, 0.7},
	}
	for _, row := range rows {
		row.s.Requests = 2_000
		p, err := Predict(row.s)
		if err != nil {
			t.Errorf("%s: %v", row.about, err)
			continue
		}
		if p.Model != row.model || p.Exact != row.exact {
			t.Errorf("%s: %s, exact %v; want %s, %v", row.about, p.Model, p.Exact, row.model, row.exact)
		}
		switch {
		case row.rejected == -1 && p.Rejected != nil:
			t.Errorf("%s: rejected %v, want unknown", row.about, *p.Rejected)
		case row.rejected >= 0 && (p.Rejected == nil || !close(*p.Rejected, row.rejected, 1e-5)):
			t.Errorf("%s: rejected %v, want %v", row.about, value(p.Rejected), row.rejected)
		}
		if (p.Interval != nil) == (p.Exact || row.rejected == -1 || row.rejected == -3) {
			t.Errorf("%s: exact %v, interval %v", row.about, p.Exact, p.Interval)
		}
		sound(t, row.about, p)
	}
}

func value(v *float64) any {
	if v == nil {
		return "unknown"
	}
	return *v
}

// sound is what must be so of any prediction, unknown figures aside.
func sound(t errorer, about string, p *Prediction) {
	t.Helper()
	for name, v := range map[string]*float64{"rejected": p.Rejected, "utilisation": p.Utilisation, "wait probability": p.WaitProbability} {
		if v != nil && !(*v >= 0 && *v <= 1) {
			t.Errorf("%s: %s is %v", about, name, *v)
		}
	}
	for name, v := range map[string]*float64{"throughput": p.Throughput, "in flight": p.InFlight} {
		if v != nil && !(*v >= 0 && !math.IsInf(*v, 0)) {
			t.Errorf("%s: %s is %v", about, name, *v)
		}
	}
	for name, times := range map[string]Times{"wait": p.Wait, "latency": p.Latency} {
		last := 0.0
		for _, v := range []*float64{times.P50, times.P90, times.P99} {
			if v == nil {
				continue
			}
			if !(*v >= last && !math.IsInf(*v, 0)) {
				t.Errorf("%s: %s %v, %v, %v", about, name, value(times.P50), value(times.P90), value(times.P99))
			}
			last = *v
		}
		if times.Mean != nil && !(*times.Mean >= 0) {
			t.Errorf("%s: mean %s is %v", about, name, *times.Mean)
		}
	}
	if _, err := json.Marshal(p); err != nil {
		t.Errorf("%s: %v", about, err)
	}
	if p.Model == "" || p.Method == "" {
		t.Errorf("%s: no model or no method: %+v", about, p)
	}
}

func TestPredictFigures(t *testing.T) {
	p := must(Predict(Setting{Load: LoadPoisson, Rate: 45, Workers: 10, Places: Unbounded, Service: 200 * ms}))
	wantClose(t, "throughput", *p.Throughput, 45, 1e-12)
	wantClose(t, "utilisation", *p.Utilisation, 0.9, 1e-12)
	wantClose(t, "waits", *p.WaitProbability, 0.647, 1e-3)
	wantClose(t, "mean wait", *p.Wait.Mean, 0.345*200e6, 2e-3)
	wantClose(t, "p99 of the wait", *p.Wait.P99, 414e6, 1e-3)
	wantClose(t, "p99", *p.Latency.P99, 614e6, 1e-3)

	p = must(Predict(Setting{Load: LoadClosed, Clients: 400, Workers: 200, Places: 200, Service: 200 * ms}))
	wantClose(t, "closed, throughput", *p.Throughput, 1_000, 1e-12)
	wantClose(t, "closed, p50", *p.Latency.P50, 400e6, 1e-9)

	p = must(Predict(Setting{Load: LoadClosed, Clients: 800, Workers: 200, Places: 200, Service: 200 * ms, RejectPause: 100 * ms}))
	wantClose(t, "flat out, throughput", *p.Throughput, 1_000, 1e-12)
	wantClose(t, "flat out, p99", *p.Latency.P99, 400e6, 1e-9)

	p = must(Predict(Setting{Load: LoadPoisson, Rate: 500, Workers: Unbounded, Service: 200 * ms, ServiceLaw: Law{Lognormal, 1}}))
	wantClose(t, "in flight", *p.InFlight, 100, 1e-12)
	wantClose(t, "median of a lognormal time", *p.Latency.P50, 200e6/math.Sqrt2, 1e-9)

	p = must(Predict(Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: Unbounded, Service: 200 * ms}))
	if p.Wait.Mean != nil || p.InFlight != nil || len(p.Notes) == 0 || !strings.Contains(p.Notes[0], "0.167 s each second") {
		t.Errorf("overloaded: %+v", p)
	}

	p = must(Predict(Setting{Load: LoadPoisson, Rate: 750, Workers: 100, Places: 100, Service: 200 * ms, Requests: 5_000}))
	if len(p.Notes) == 0 || !strings.Contains(p.Notes[0], "stagger") {
		t.Errorf("in overload of constant services: %v", p.Notes)
	}
	if !(p.Interval.Rejected[0] <= 1.0/3+0.003 && 1.0/3-0.003 <= p.Interval.Rejected[1]) {
		t.Errorf("rejected in overload: %v", p.Interval.Rejected)
	}
}

// The keys of the JSON, in order, and unknown figures as null.
func TestPredictionJSON(t *testing.T) {
	p := must(Predict(Setting{Load: LoadConstant, Rate: 62.5, Workers: 10, Places: 1, Service: 200 * ms}))
	p.Notes = nil
	got := string(must(json.Marshal(p)))
	want := `{"model":"D/D/c/K","exact":true,"method":"counting","rejected":0.19999999999999996,"throughput_per_s":50,"utilisation":1,"wait_probability":1,"in_flight_mean":null,` +
		`"wait_ns":{"mean":null,"p50":null,"p90":null,"p99":null},"latency_ns":{"mean":null,"p50":null,"p90":null,"p99":null}}`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	p = must(Predict(Setting{Load: LoadPoisson, Rate: 60, Workers: 10, Places: 10, Service: 200 * ms, Requests: 1_000}))
	got = string(must(json.Marshal(p)))
	if !strings.Contains(got, `"interval":{"confidence":0.95,"rejected":[0.`) {
		t.Errorf("no interval: %s", got)
	}
}

// Each error names the flag.
func TestSettingErrors(t *testing.T) {
	good := Setting{Load: LoadPoisson, Rate: 50, Workers: 10, Places: 10, Service: 200 * ms}
	closed := Setting{Load: LoadClosed, Clients: 50, Workers: 10, Places: 10, Service: 200 * ms, RejectPause: 200 * ms}
	rows := []struct {
		from   Setting
		change func(*Setting)
		want   string
	}{
		{good, func(s *Setting) { s.Load = "" }, "--load=: must be closed, burst, constant or poisson"},
		{good, func(s *Setting) { s.Workers = 0 }, "--workers=0: must be from 1 to 1000000, or inf"},
		{good, func(s *Setting) { s.Places = -2 }, "--queue=-2: must be from 0 to 10000000, or inf"},
		{good, func(s *Setting) { s.Service = 0 }, "--service=0s: must be above 0"},
		{good, func(s *Setting) { s.Rate = math.NaN() }, "--rate=NaN: must be above 0"},
		{good, func(s *Setting) { s.Rate = 1e9 }, "--rate=1e+09: must be above 0, and at most 5e+07 with this service time"},
		{good, func(s *Setting) { s.Clients = 1 }, "--clients=1: must be left out of this load"},
		{good, func(s *Setting) { s.Think = ms }, "--think=1ms: must be left out of this load"},
		{good, func(s *Setting) { s.ThinkLaw = exponential }, "--think-dist=exponential: must be left out of this load"},
		{good, func(s *Setting) { s.RejectPause = ms }, "--reject-pause=1ms: must be left out of this load"},
		{good, func(s *Setting) { s.ServiceLaw.Kind = "uniform" }, "--dist=uniform: must be constant, exponential or lognormal"},
		{good, func(s *Setting) { s.ServiceLaw.CV = 1 }, "--cv=1: must be left out unless the law is lognormal"},
		{good, func(s *Setting) { s.ServiceLaw = Law{Lognormal, -1} }, "--cv=-1: must be from 0 to 100"},
		{good, func(s *Setting) { s.MaxWait = -1 }, "--max-wait=-1ns: must be 0 or more"},
		{good, func(s *Setting) { s.Service, s.MaxWait = 1, time.Hour }, "--max-wait=1h0m0s: must be at most 1e9 service times"},
		{good, func(s *Setting) { s.Runs = 1 }, "--runs=1: must be from 2 to 10000"},
		{closed, func(s *Setting) { s.Clients = 0 }, "--clients=0: must be from 1 to 10000000"},
		{closed, func(s *Setting) { s.Rate = 1 }, "--rate=1: must be left out of this load"},
		{closed, func(s *Setting) { s.Think = -1 }, "--think=-1ns: must be 0 or more"},
		{closed, func(s *Setting) { s.RejectPause = 0 }, "--reject-pause=0s: must be above a millionth of the service time, where clients may be rejected"},
		{closed, func(s *Setting) { s.ThinkLaw.Kind = "uniform" }, "--think-dist=uniform: must be constant"},
	}
	for _, row := range rows {
		s := row.from
		row.change(&s)
		_, err := Predict(s)
		var out *RangeError
		if !errors.As(err, &out) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v, want %s", err, row.want)
		}
	}
	for _, s := range []Setting{good, closed} {
		if err := s.Validate(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// settings draws one of any kind, small enough to be simulated at once.
func settings(t *rapid.T) Setting {
	law := rapid.SampledFrom([]Law{{}, {Kind: Constant}, exponential, {Lognormal, 0.5}, {Lognormal, 2}})
	s := Setting{
		Load:    rapid.SampledFrom([]string{LoadPoisson, LoadConstant, LoadClosed, LoadBurst}).Draw(t, "load"),
		Workers: rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(1, 60), rapid.Just(Unbounded)).Draw(t, "workers"),
		Places:  rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 60), rapid.Just(Unbounded)).Draw(t, "places"),
		Service: time.Duration(rapid.IntRange(1, 1_000_000_000).Draw(t, "service")),
		MaxWait: rapid.OneOf(rapid.Just(time.Duration(0)), rapid.Map(rapid.IntRange(1, 1_000_000_000), func(n int) time.Duration { return time.Duration(n) })).Draw(t, "max wait"),
		Runs:    2, Requests: 300,
	}
	s.ServiceLaw = law.Draw(t, "law")
	s.MaxWait = min(s.MaxWait, 1_000*s.Service)
	switch s.Load {
	case LoadPoisson, LoadConstant:
		s.Rate = rapid.Float64Range(0.01, 100).Draw(t, "a") / s.Service.Seconds()
	case LoadClosed:
		s.Think = time.Duration(rapid.Float64Range(0, 10).Draw(t, "think") * float64(s.Service))
		s.ThinkLaw = law.Draw(t, "think law")
		s.RejectPause = max(1, s.Service/time.Duration(rapid.IntRange(1, 10).Draw(t, "pause")))
		s.Clients = rapid.IntRange(1, 200).Draw(t, "clients")
	default:
		s.Clients = rapid.IntRange(1, 200).Draw(t, "clients")
	}
	return s
}

func TestPredictIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(t)
		p, err := Predict(s)
		var out *RangeError
		switch {
		case errors.As(err, &out): // too near a = c to be simulated
		case err != nil:
			t.Errorf("%+v: %v", s, err)
		default:
			sound(t, s.Load, p)
		}
	})
}
