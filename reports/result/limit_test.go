package result_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

func TestLimit(t *testing.T) {
	const ms = time.Millisecond
	set := func(kv ...string) func(*result.Stage) {
		return func(s *result.Stage) {
			for i := 0; i < len(kv); i += 2 {
				s.Settings = s.Settings.With(kv[i], kv[i+1])
			}
		}
	}
	served := func(n int, latency time.Duration) func(*result.Stage) {
		return func(s *result.Stage) {
			for range n {
				s.Counts[result.OK]++
				s.Latency.Record(latency)
			}
		}
	}
	rejected := func(n int64) func(*result.Stage) { return func(s *result.Stage) { s.Counts[result.Rejected] += n } }
	target := func(u result.Usage) func(*result.Stage) { return func(s *result.Stage) { s.Target = u } }
	generator := func(u result.Usage) func(*result.Stage) { return func(s *result.Stage) { s.Generator = u } }
	idle := &result.Stage{Latency: result.NewHist(), Length: time.Second}
	idle.Latency.Record(200 * ms)
	blocking := set("target", "blocking", "workers", "200", "backend", "sim", "backend-latency", "200ms")
	for _, c := range []struct {
		name string
		make []func(*result.Stage)
		idle *result.Stage
		want string
		why  string
	}{
		{"its CPU", []func(*result.Stage){served(1000, ms), target(result.Usage{CPUs: "0", CPU: 950 * ms, CPUsBusy: 960 * ms})}, nil, "server CPU 0.95 of 1", "the server used 0.95 of 1 CPUs"},
		{"its CPU, with what was stolen", []func(*result.Stage){served(1000, ms), target(result.Usage{CPUs: "0,2-3", CPU: 2600 * ms, Steal: 200 * ms})}, nil, "server CPU 2.6 of 3", ""},
		{"not quite its CPU", []func(*result.Stage){served(1000, ms), target(result.Usage{CPUs: "0,2-3", CPU: 2600 * ms})}, nil, "none", ""},
		{"its CPU, of a quota", []func(*result.Stage){served(1000, ms), target(result.Usage{CPUs: "0,2-3", Quota: 0.5, CPU: 460 * ms})}, nil, "server CPU 0.46 of 0.5", ""},
		{"its CPU, and its pool is full for that", []func(*result.Stage){blocking, served(1000, 200*ms), target(result.Usage{CPUs: "0", CPU: 950 * ms})}, nil, "server CPU 0.95 of 1", ""},
		{"steal", []func(*result.Stage){served(1000, ms), target(result.Usage{CPUs: "0", CPU: 600 * ms, CPUsBusy: 600 * ms, Steal: 350 * ms})}, nil, "machine 0.35 of 1", "the hypervisor took 0.35 CPUs away (steal) from the server"},
		{"another process", []func(*result.Stage){served(1000, ms), target(result.Usage{CPUs: "0", CPU: 500 * ms, CPUsBusy: 980 * ms})}, nil, "other processes 0.48 of 1", "other processes took 0.48 CPUs from the server"},
		{"another process with a name", []func(*result.Stage){served(1000, ms), target(result.Usage{CPUs: "0", CPU: 500 * ms, CPUsBusy: 980 * ms}), func(s *result.Stage) {
			s.Others = []result.Process{{Name: "make", CPU: 390 * ms}, {Name: "cc1", CPU: 90 * ms}}
		}}, nil, "other processes 0.48 of 1", "other processes took 0.48 CPUs from the server: make 0.39 CPUs, cc1 0.09"},
		{"another process, maybe the backend", []func(*result.Stage){set("backend", "http"), served(1000, ms), target(result.Usage{CPUs: "0", CPU: 500 * ms, CPUsBusy: 980 * ms})}, nil, "other processes 0.48 of 1", "its backend is one of them"},
		{"another process, which takes what is idle", []func(*result.Stage){set("wait", "1ms"), served(1000, ms), target(result.Usage{CPUs: "0", CPU: 100 * ms, CPUsBusy: 980 * ms})}, nil, "none", ""},
		{"another process beside a full pool", []func(*result.Stage){blocking, served(1000, 300*ms), target(result.Usage{CPUs: "0", CPU: 100 * ms, CPUsBusy: 980 * ms, ServiceTime: result.MeanTime{N: 1, Mean: 201 * ms}})}, nil, "pool 200 of 200", ""},
		{"another process, which makes the pool slow", []func(*result.Stage){blocking, served(700, 500*ms), target(result.Usage{CPUs: "0", CPU: 100 * ms, CPUsBusy: 980 * ms, ServiceTime: result.MeanTime{N: 1, Mean: 280 * ms}})}, nil, "other processes 0.88 of 1", ""},
		{"another process beside a generator that is on time", []func(*result.Stage){served(1000, ms), generator(result.Usage{CPUs: "1", CPU: 300 * ms, CPUsBusy: 990 * ms})}, nil, "none", ""},
		{"another process beside the generator", []func(*result.Stage){served(1000, ms), func(s *result.Stage) { s.Invalidate("late") }, generator(result.Usage{CPUs: "1", CPU: 300 * ms, CPUsBusy: 990 * ms})}, nil, "other processes 0.69 of 1", "from the generator"},
		{"the generator on the same CPU is no other process", []func(*result.Stage){served(1000, ms),
			target(result.Usage{CPUs: "0", CPU: 600 * ms, CPUsBusy: 980 * ms}), generator(result.Usage{CPUs: "0", CPU: 370 * ms, CPUsBusy: 980 * ms})}, nil, "server CPU 0.6 of 1", ""},
		{"the generator on the same CPU, which needs most of it", []func(*result.Stage){served(1000, ms),
			target(result.Usage{CPUs: "0", CPU: 300 * ms, CPUsBusy: 980 * ms}), generator(result.Usage{CPUs: "0", CPU: 670 * ms, CPUsBusy: 980 * ms})}, nil, "generator 0.67 of 1", ""},
		{"workers", []func(*result.Stage){blocking, served(980, 200*ms), target(result.Usage{CPUs: "0", CPU: 100 * ms})}, nil, "pool 196 of 200", "196 of 200 workers were busy (980/s × 200 ms each)"},
		{"workers, by their service time", []func(*result.Stage){blocking, served(900, 300*ms), target(result.Usage{ServiceTime: result.MeanTime{N: 900, Mean: 220 * ms}})}, nil, "pool 198 of 200", ""},
		{"workers, at random arrivals", []func(*result.Stage){blocking, served(850, 200*ms), rejected(150)}, nil, "pool 170 of 200", "15 % of the arrivals were rejected"},
		{"connections to the backend", []func(*result.Stage){blocking, set("backend-connections", "20"), served(99, 200*ms)}, nil, "backend 19.8 of 20", "backend connections"},
		{"consumers", []func(*result.Stage){set("consumers", "50", "backend-latency", "200ms"), served(300, ms), func(s *result.Stage) {
			s.Completion = result.NewCompletion()
			for range 250 {
				s.Completion.Latency.Record(time.Second)
			}
		}}, nil, "pool 50 of 50", "consumers"},
		{"a loop", []func(*result.Stage){served(1000, ms), generator(result.Usage{CPUs: "0-3", CPU: 900 * ms, Loops: []result.Loop{{CPU: 850 * ms}, {CPU: 50 * ms}}})}, nil, "generator 0.85 of 1", "loop 1 of 2"},
		{"a loop that spins on purpose", []func(*result.Stage){served(1000, ms), target(result.Usage{CPU: ms}), generator(result.Usage{CPUs: "0-3", CPU: time.Second, Loops: []result.Loop{{CPU: time.Second, Spun: 900 * ms}}})}, nil, "none", ""},
		{"unsent", []func(*result.Stage){served(90, ms), func(s *result.Stage) { s.Counts[result.Unsent] = 10 }}, nil, "generator", "could not send 10 % of the arrivals"},
		{"a pool that is not known", []func(*result.Stage){served(1000, 400*ms), target(result.Usage{CPUs: "0", CPU: 120 * ms})}, idle, "pool 200", "1,000/s ok × 200 ms, the mean latency at the lowest level), and used 0.12 of 1 CPUs"},
		{"a server of which nothing is known", []func(*result.Stage){served(1000, 400*ms)}, idle, "server 200", "its CPU time is not known"},
		{"one that rejects, and has no lower level", []func(*result.Stage){served(100, ms), rejected(100)}, nil, "server", "50 % of the arrivals were not served"},
		{"no lower level, and nothing is known", []func(*result.Stage){set("load", "closed"), served(100, ms)}, nil, "unknown", "no lower level"},
		{"all is served, compared with the wait", []func(*result.Stage){set("load", "closed", "wait", "1ms"), served(100, ms)}, nil, "none", ""},
		{"slower than the wait", []func(*result.Stage){set("load", "closed", "wait", "1ms"), served(1000, 2*ms)}, nil, "server 1", "what each waits for"},
		{"all is served", []func(*result.Stage){set("load", "poisson"), served(100, ms)}, nil, "none", "all of the load was served"},
		{"nothing came", nil, nil, "unknown", "no arrival"},
	} {
		s := result.NewStage()
		s.Length, s.Settings = time.Second, result.Settings{{Key: "load", Value: "poisson"}}
		for _, f := range c.make {
			f(s)
		}
		got := s.Limit(c.idle)
		if got.String() != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %s because %s; want %s because %s", c.name, got, got.Why, c.want, c.why)
		}
	}
}

func TestLimitIsInTheRecord(t *testing.T) {
	s := sampleStage(1, "500")
	s.Settings = s.Settings.With("target", "blocking").With("workers", "133")
	line, err := json.Marshal(s)
	if want := `"limit":{"who":"pool","used":133,"of":133,"why":"`; err != nil || !strings.Contains(string(line), want) {
		t.Errorf("%v, %s: want %s", err, line, want)
	}
}

func TestParseCPUs(t *testing.T) {
	for list, want := range map[string][]int{"": nil, "0": {0}, "0,2-4,7": {0, 2, 3, 4, 7}, "3-1": nil, "a": nil, "0-99999999": nil} {
		if got := result.ParseCPUs(list); !slices.Equal(got, want) {
			t.Errorf("ParseCPUs(%q) = %v, want %v", list, got, want)
		}
	}
}
