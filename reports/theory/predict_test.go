package theory

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"pgregory.net/rapid"
)

const ms = time.Millisecond

var (
	exponential = Law{Kind: Exponential}
	lognormal   = Law{Kind: Lognormal, CV: 1.5}
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
		{"no queue", Setting{Load: load.Load{Rate: 50}, Workers: 10, ServiceTime: 200 * ms}, "M/G/c/c", true, 0.2145823431},
		{"no queue, any law", Setting{Load: load.Load{Rate: 50}, Workers: 10, ServiceTime: 200 * ms, ServiceLaw: lognormal}, "M/G/c/c", true, 0.2145823431},
		{"no queue, no patience needed", Setting{Load: load.Load{Rate: 50}, Workers: 10, ServiceTime: 200 * ms, MaxWait: ms}, "M/G/c/c", true, 0.2145823431},
		{"no limit", Setting{Load: load.Load{Rate: 500}, Workers: Unbounded, ServiceTime: 200 * ms}, "M/G/inf", true, 0},
		{"no limit, constant rate", Setting{Load: load.Load{Rate: 500, Arrivals: load.Constant}, Workers: Unbounded, ServiceTime: 200 * ms, ServiceLaw: lognormal}, "D/G/inf", true, 0},
		{"exponential", Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: 10, ServiceTime: 200 * ms, ServiceLaw: exponential}, "M/M/c/K", true, 0.17966592},
		{"exponential, no bound", Setting{Load: load.Load{Rate: 45}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms, ServiceLaw: exponential}, "M/M/c", true, 0},
		{"exponential, deadline", Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms, ServiceLaw: exponential, MaxWait: 100 * ms}, "M/M/c+D", true, 0.19955421},
		{"exponential, deadline and bound", Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: 10, ServiceTime: 200 * ms, ServiceLaw: exponential, MaxWait: 100 * ms}, "M/M/c/K+D", false, -2},
		{"constant, no bound", Setting{Load: load.Load{Rate: 45}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms}, "M/D/c", true, 0},
		{"constant, one worker", Setting{Load: load.Load{Rate: 4.5}, Workers: 1, Queue: 1, ServiceTime: 200 * ms}, "M/D/1/K", true, 0.23463706},
		{"constant, two workers", Setting{Load: load.Load{Rate: 8}, Workers: 2, Queue: 1, ServiceTime: 200 * ms}, "M/D/2/K", true, 0.17172202},
		{"constant, two workers, too much load", Setting{Load: load.Load{Rate: 101}, Workers: 2, Queue: 2, ServiceTime: 200 * ms}, "M/D/c/K", false, -2},
		{"constant, a queue that is never full", Setting{Load: load.Load{Rate: 8}, Workers: 2, Queue: 2_000, ServiceTime: 200 * ms}, "M/D/c/K", true, 0},
		{"constant, millions of places, overload", Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: MaxQueue, ServiceTime: 200 * ms}, "M/D/c/K", false, -3},
		{"constant, millions of places", Setting{Load: load.Load{Rate: 49}, Workers: 10, Queue: MaxQueue, ServiceTime: 200 * ms}, "M/D/c/K", true, 0},
		{"lognormal, one worker", Setting{Load: load.Load{Rate: 2.5}, Workers: 1, Queue: Unbounded, ServiceTime: 200 * ms, ServiceLaw: Law{Kind: Lognormal, CV: 10}}, "M/G/1", true, 0},
		{"constant, ten workers", Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: 10, ServiceTime: 200 * ms}, "M/D/c/K", false, -2},
		{"constant, a deadline that is never met", Setting{Load: load.Load{Rate: 4.5}, Workers: 1, Queue: 1, ServiceTime: 200 * ms, MaxWait: 200 * ms}, "M/D/1/K", true, 0.23463706},
		{"lognormal", Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: 10, ServiceTime: 200 * ms, ServiceLaw: lognormal}, "M/G/c/K", false, -2},
		{"overloaded, no bound", Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms}, "M/G/c", true, 0},
		{"clockwork", Setting{Load: load.Load{Rate: 62.5, Arrivals: load.Constant}, Workers: 10, ServiceTime: 200 * ms}, "D/D/c/c", true, 3.0 / 13},
		{"clockwork, a tie", Setting{Load: load.Load{Rate: 60, Arrivals: load.Constant}, Workers: 10, ServiceTime: 200 * ms}, "D/D/c/c", false, -1},
		{"clockwork, queue", Setting{Load: load.Load{Rate: 60, Arrivals: load.Constant}, Workers: 10, Queue: 5, ServiceTime: 200 * ms}, "D/D/c/K", true, 1.0 / 6},
		{"clockwork, below", Setting{Load: load.Load{Rate: 50, Arrivals: load.Constant}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms}, "D/D/c", true, 0},
		{"clockwork, deadline", Setting{Load: load.Load{Rate: 60, Arrivals: load.Constant}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms, MaxWait: 500 * ms}, "D/D/c+D", true, 1.0 / 6},
		{"constant rate, exponential", Setting{Load: load.Load{Rate: 50, Arrivals: load.Constant}, Workers: 10, ServiceTime: 200 * ms, ServiceLaw: exponential}, "D/M/c/c", true, 0.15510898},
		{"constant rate, exponential, queue", Setting{Load: load.Load{Rate: 50, Arrivals: load.Constant}, Workers: 10, Queue: 5, ServiceTime: 200 * ms, ServiceLaw: exponential}, "D/M/c/K", false, -2},
		{"closed, all served", Setting{Load: load.Load{Clients: 10}, Workers: 10, ServiceTime: 200 * ms, ServiceLaw: lognormal}, "closed, G/inf", true, 0},
		{"closed, Engset", Setting{Load: load.Load{Clients: 30, ThinkTime: 200 * ms}, Workers: 10, ServiceTime: 200 * ms, ThinkLaw: exponential}, "closed, M/G/c/c/N", true, 0.54847354},
		{"closed, no queue, in step", Setting{Load: load.Load{Clients: 30, ThinkTime: 300 * ms}, Workers: 10, ServiceTime: 200 * ms}, "closed, D/c/c/N", false, -2},
		{"closed, cycle", Setting{Load: load.Load{Clients: 400}, Workers: 200, Queue: 200, ServiceTime: 200 * ms}, "closed, D/D/c", true, 0},
		{"closed, chain", Setting{Load: load.Load{Clients: 1_000, ThinkTime: time.Second}, Workers: 100, Queue: 100, ServiceTime: 200 * ms, ServiceLaw: exponential, ThinkLaw: exponential}, "closed, M/M/c/K/N", true, 0.37628},
		{"closed, flat out", Setting{Load: load.Load{Clients: 400, Backoff: 200 * ms}, Workers: 200, Queue: 100, ServiceTime: 200 * ms}, "closed, full, D/c/K", true, 1.0 / 3},
		{"closed, deadline", Setting{Load: load.Load{Clients: 40, ThinkTime: 200 * ms}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms, MaxWait: 100 * ms}, "closed, D/c/N+D", false, -2},
		{"burst", Setting{Load: load.Load{Burst: 1_001}, Workers: 1_000, ServiceTime: 200 * ms}, "burst, G/c", true, 1.0 / 1_001},
		{"burst, queue", Setting{Load: load.Load{Burst: 1_000}, Workers: 200, Queue: 100, ServiceTime: 200 * ms}, "burst, D/c/K", true, 0.7},
		{"burst, deadline", Setting{Load: load.Load{Burst: 1_000}, Workers: 200, Queue: Unbounded, ServiceTime: 200 * ms, MaxWait: 300 * ms}, "burst, D/c+D", true, 0.6},
		{"closed, each of three calls at once", Setting{Load: load.Load{Clients: 20, ThinkTime: time.Second, Backoff: time.Second}, Workers: 10, Queue: 5, ServiceTime: 200 * ms, ServiceLaw: exponential, Calls: 3, Concurrent: true}, "closed, G/c/K/N", false, -2},
		{"near the limit", Setting{Load: load.Load{Rate: 49.9999}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms, ServiceLaw: Law{Kind: Lognormal, CV: 0.5}}, "M/G/c", false, -3},
		{"burst, exponential", Setting{Load: load.Load{Burst: 100}, Workers: 20, Queue: 10, ServiceTime: 200 * ms, ServiceLaw: exponential}, "burst, M/c/K", false, 0.7},
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
	for name, times := range map[string]Times[*float64]{"wait": p.Wait, "latency": p.Latency} {
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
	p := must(Predict(Setting{Load: load.Load{Rate: 45}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms}))
	wantClose(t, "throughput", *p.Throughput, 45, 1e-12)
	wantClose(t, "utilisation", *p.Utilisation, 0.9, 1e-12)
	wantClose(t, "waits", *p.WaitProbability, 0.647, 1e-3)
	wantClose(t, "mean wait", *p.Wait.Mean, 0.345*200e6, 2e-3)
	wantClose(t, "p99 of the wait", *p.Wait.P99, 414e6, 1e-3)
	wantClose(t, "p99", *p.Latency.P99, 614e6, 1e-3)

	p = must(Predict(Setting{Load: load.Load{Clients: 400}, Workers: 200, Queue: 200, ServiceTime: 200 * ms}))
	wantClose(t, "closed, throughput", *p.Throughput, 1_000, 1e-12)
	wantClose(t, "closed, p50", *p.Latency.P50, 400e6, 1e-9)

	p = must(Predict(Setting{Load: load.Load{Clients: 800, Backoff: 100 * ms}, Workers: 200, Queue: 200, ServiceTime: 200 * ms}))
	wantClose(t, "flat out, throughput", *p.Throughput, 1_000, 1e-12)
	wantClose(t, "flat out, p99", *p.Latency.P99, 400e6, 1e-9)

	p = must(Predict(Setting{Load: load.Load{Rate: 500}, Workers: Unbounded, ServiceTime: 200 * ms, ServiceLaw: Law{Kind: Lognormal, CV: 1}}))
	wantClose(t, "in flight", *p.InFlight, 100, 1e-12)
	wantClose(t, "median of a lognormal time", *p.Latency.P50, 200e6/math.Sqrt2, 1e-9)

	p = must(Predict(Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * ms}))
	if p.Wait.Mean != nil || p.InFlight != nil || len(p.Notes) == 0 || !strings.Contains(p.Notes[0], "0.167 s each second") {
		t.Errorf("overloaded: %+v", p)
	}

	p = must(Predict(Setting{Load: load.Load{Rate: 750}, Workers: 100, Queue: 100, ServiceTime: 200 * ms, Requests: 5_000}))
	if len(p.Notes) == 0 || !strings.Contains(p.Notes[0], "stagger") {
		t.Errorf("in overload of constant services: %v", p.Notes)
	}
	if !(p.Interval.Rejected[0] <= 1.0/3+0.003 && 1.0/3-0.003 <= p.Interval.Rejected[1]) {
		t.Errorf("rejected in overload: %v", p.Interval.Rejected)
	}
}

// The keys of the JSON, in order, and unknown figures as null.
func TestPredictionJSON(t *testing.T) {
	p := must(Predict(Setting{Load: load.Load{Rate: 62.5, Arrivals: load.Constant}, Workers: 10, Queue: 1, ServiceTime: 200 * ms}))
	p.Notes = nil
	got := string(must(json.Marshal(p)))
	want := `{"model":"D/D/c/K","exact":true,"method":"counting","rejected":0.19999999999999996,"throughput_per_s":50,"utilisation":1,"wait_probability":1,"in_flight_mean":null,` +
		`"wait_ns":{"mean":null,"p50":null,"p90":null,"p99":null},"latency_ns":{"mean":null,"p50":null,"p90":null,"p99":null}}`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	p = must(Predict(Setting{Load: load.Load{Rate: 60}, Workers: 10, Queue: 10, ServiceTime: 200 * ms, Requests: 1_000}))
	got = string(must(json.Marshal(p)))
	if !strings.Contains(got, `"interval":{"confidence":0.95,"rejected":[0.`) {
		t.Errorf("no interval: %s", got)
	}
}

// Each error names the field.
func TestSettingErrors(t *testing.T) {
	good := Setting{Load: load.Load{Rate: 50}, Workers: 10, Queue: 10, ServiceTime: 200 * ms}
	closed := Setting{Load: load.Load{Clients: 50, Backoff: 200 * ms}, Workers: 10, Queue: 10, ServiceTime: 200 * ms}
	rows := []struct {
		from   Setting
		change func(*Setting)
		want   string
	}{
		{good, func(s *Setting) { s.Load = load.Load{Ramp: load.Range{From: 1, To: 2}} }, "Load.Ramp is 1..2, want left out: no model predicts a ramp"},
		{good, func(s *Setting) { s.Workers = 0 }, "Workers is 0, want 1 to 1000000, or inf"},
		{good, func(s *Setting) { s.Queue = -2 }, "Queue is -2, want 0 to 10000000, or inf"},
		{good, func(s *Setting) { s.ServiceTime = 0 }, "ServiceTime is 0s, want above 0"},
		{good, func(s *Setting) { s.Load.Rate = math.NaN() }, "Load.Rate is NaN, want above 0"},
		{good, func(s *Setting) { s.Load.Rate = 1e9 }, "Load.Rate is 1e+09, want at most 5e+07 with this service time"},
		{good, func(s *Setting) { s.Load.Clients = 1 }, "Load.Clients is 1, want left out"},
		{good, func(s *Setting) { s.Load.ThinkTime = ms }, "Load.ThinkTime is 1ms, want left out"},
		{good, func(s *Setting) { s.ThinkLaw = exponential }, "ThinkLaw.Kind is exponential, want left out"},
		{good, func(s *Setting) { s.Load.Backoff = ms }, "Load.Backoff is 1ms, want left out"},
		{good, func(s *Setting) { s.ServiceLaw.Kind = "uniform" }, "ServiceLaw.Kind is uniform, want constant, exponential or lognormal"},
		{good, func(s *Setting) { s.ServiceLaw.CV = 1 }, "ServiceLaw.CV is 1, want left out"},
		{good, func(s *Setting) { s.ServiceLaw = Law{Kind: Lognormal, CV: -1} }, "ServiceLaw.CV is -1, want 0 to 100"},
		{good, func(s *Setting) { s.MaxWait = -1 }, "MaxWait is -1ns, want 0 to 1e9 service times"},
		{good, func(s *Setting) { s.ServiceTime, s.MaxWait = 1, time.Hour }, "MaxWait is 1h0m0s, want 0 to 1e9 service times"},
		{good, func(s *Setting) { s.Calls = -1 }, "Calls is -1, want 1 to 1000"},
		{good, func(s *Setting) { s.Runs = 1 }, "Runs is 1, want 2 to 10000"},
		{closed, func(s *Setting) { s.Load.Clients = -1 }, "Load.Clients is -1, want 1 to"},
		{closed, func(s *Setting) { s.Load.Rate = 1 }, "Load.Clients is 50, want left out"},
		{closed, func(s *Setting) { s.Load.ThinkTime = -1 }, "Load.ThinkTime is -1ns, want 0 to"},
		{closed, func(s *Setting) { s.Load.Backoff = 0 }, "Load.Backoff is 0s, want above a millionth of the service time, where clients may be rejected"},
		{closed, func(s *Setting) { s.ThinkLaw.Kind = "uniform" }, "ThinkLaw.Kind is uniform, want constant"},
	}
	for _, row := range rows {
		s := row.from
		row.change(&s)
		_, err := Predict(s)
		var out *field.Error
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
	law := rapid.SampledFrom([]Law{{}, {Kind: Constant}, exponential, {Kind: Lognormal, CV: 0.5}, {Kind: Lognormal, CV: 2}})
	s := Setting{
		Workers:     rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(1, 60), rapid.Just(Unbounded)).Draw(t, "workers"),
		Queue:       rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 60), rapid.Just(Unbounded)).Draw(t, "places"),
		ServiceTime: time.Duration(rapid.IntRange(1, 1_000_000_000).Draw(t, "service")),
		MaxWait:     rapid.OneOf(rapid.Just(time.Duration(0)), rapid.Map(rapid.IntRange(1, 1_000_000_000), func(n int) time.Duration { return time.Duration(n) })).Draw(t, "max wait"),
		Runs:        2, Requests: 300,
	}
	s.ServiceLaw = law.Draw(t, "law")
	s.MaxWait = min(s.MaxWait, 1_000*s.ServiceTime)
	s.Calls, s.Concurrent = rapid.IntRange(0, 3).Draw(t, "calls"), rapid.Bool().Draw(t, "concurrent")
	switch m := rapid.SampledFrom([]load.Model{load.Poisson, load.Constant, load.Closed, load.Burst}).Draw(t, "load"); m {
	case load.Poisson, load.Constant:
		s.Load = load.Load{Rate: rapid.Float64Range(0.01, 100).Draw(t, "a") / s.ServiceTime.Seconds(), Arrivals: m}
		s.Load.Rate = min(s.Load.Rate, load.MaxRate)
	case load.Closed:
		s.Load.Clients = rapid.IntRange(1, 200).Draw(t, "clients")
		s.Load.ThinkTime = time.Duration(rapid.Float64Range(0, 10).Draw(t, "think") * float64(s.ServiceTime))
		s.ThinkLaw = law.Draw(t, "think law")
		s.Load.Backoff = max(1, s.ServiceTime/time.Duration(rapid.IntRange(1, 10).Draw(t, "pause")))
	default:
		s.Load.Burst = rapid.IntRange(1, 200).Draw(t, "clients")
	}
	return s
}

func TestPredictIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(t)
		p, err := Predict(s)
		var out *field.Error
		switch {
		case errors.As(err, &out): // too near a = c to be simulated
		case err != nil:
			t.Errorf("%+v: %v", s, err)
		default:
			sound(t, s.Load.String(), p)
		}
	})
}
