package targets_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/inject"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

func TestOptionsNameTheFieldThatIsWrong(t *testing.T) {
	rows := []struct {
		options targets.Options
		want    string
	}{
		{targets.Options{Addr: "nowhere"}, "Addr is nowhere, want HOST:PORT"},
		{targets.Options{Workers: -1}, "Workers is -1, want 1 to 10000"},
		{targets.Options{Workers: 10_001}, "Workers is 10001, want 1 to 10000"},
		{targets.Options{Queue: -2}, "Queue is -2, want 0 to 1000000"},
		{targets.Options{MaxInflight: -1}, "MaxInflight is -1, want 0 (unlimited) to"},
		{targets.Options{Loops: 257}, "Loops is 257, want 1 to 256"},
		{targets.Options{Sim: sim.Config{Latency: -time.Second}}, "Sim.Latency is -1s, want above 0"},
		{targets.Options{Sim: sim.Config{Dist: "normal"}}, "Sim.Dist is normal, want one of constant, exponential and lognormal"},
		{targets.Options{Sim: sim.Config{CV: 2}}, "Sim.CV is 2, want 0, as the distribution is constant"},
		{targets.Options{Sim: sim.Config{Dist: sim.Lognormal, CV: -1}}, "Sim.CV is -1, want above 0"},
		{targets.Options{Sim: sim.Config{Connections: -1}}, "Sim.Connections is -1, want 0 (unlimited) to"},
		{targets.Options{Sim: sim.Config{Stall: sim.Stall{Length: 0, Offset: 1}}}, "Sim.Stall is 0s@1ns, want LENGTH@OFFSET, such as"},
		{targets.Options{Backend: "mongodb"}, "Backend is mongodb, want one of sim, postgres, http, grpc"},
		{targets.Options{Backend: "postgres", Postgres: postgres.Config{Connections: -1}}, "Postgres.Connections is -1, want 1 to"},
		{targets.Options{Backend: "postgres", Postgres: postgres.Config{Latency: -1}}, "Postgres.Latency is -1ns, want above 0"},
		{targets.Options{Backend: "postgres", Postgres: postgres.Config{DSN: "postgres://u:secret@h:x/d"}}, "Postgres.DSN is …, want an address"},
		{targets.Options{Backend: "postgres", Sim: sim.Config{Dist: sim.Exponential}}, "Sim.Dist is exponential, want its default: backend postgres does not simulate"},
		{targets.Options{Backend: "postgres", Sim: sim.Config{CV: 2}}, "Sim.CV is 2, want its default"},
		{targets.Options{Backend: "postgres", Sim: sim.Config{Stall: sim.Stall{Length: 2, Offset: 1}}}, "Sim.Stall is 2ns@1ns, want its default"},
		{targets.Options{Inject: inject.Config{CPU: -1}}, "Inject.CPU is -1ns, want 0s to 1s"},
		{targets.Options{Inject: inject.Config{Delay: inject.Delay{Length: time.Second}}}, "Inject.Delay is 1s@0%, want LENGTH@SHARE%, such as 20ms@2%"},
		{targets.Options{TraceLimit: -1}, "TraceLimit is -1, want 1 to 100000000"},
	}
	for _, row := range rows {
		if err := row.options.Validate(); err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%+v: got %v, want %q…", row.options, err, row.want)
		}
		if s, err := targets.Styles[0].Start(row.options); err == nil {
			shutdown(t, s)
			t.Errorf("%+v: a target started", row.options)
		}
	}
	if err := (targets.Options{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
	// What only sim can do is no fault where it is at its default.
	if err := (targets.Options{Backend: "postgres", Sim: sim.Config{Dist: sim.Constant, Seed: 7}}).Validate(); err != nil {
		t.Error(err)
	}
}

// Clients begin over the time that the narrowest place takes for all of them.
func TestOnceEach(t *testing.T) {
	const ms = time.Millisecond
	postgresOf := func(latency time.Duration, conns int) targets.Options {
		return targets.Options{Backend: "postgres", Workers: 50, Postgres: postgres.Config{Latency: latency, Connections: conns}}
	}
	for _, row := range []struct {
		what    string
		options targets.Options
		style   string
		clients int
		want    time.Duration
	}{
		{"no limit", targets.Options{}, "goroutine", 1000, 200 * ms},
		{"the pool of threads", targets.Options{Workers: 50}, "blocking", 100, 400 * ms},
		{"sim's connections", targets.Options{Sim: sim.Config{Latency: 10 * ms, Connections: 20}}, "eventloop", 100, 50 * ms},
		{"the pool of PostgreSQL by default", targets.Options{Backend: "postgres"}, "goroutine", 100, 1000 * ms},
		{"a large pool, fewer threads", postgresOf(10*ms, 100), "blocking", 100, 20 * ms},
		{"a large pool", postgresOf(10*ms, 100), "goroutine", 100, 10 * ms},
	} {
		if got := style(t, row.style).OnceEach(row.options, row.clients); got != row.want {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	if err := targets.Check("tubes", targets.Options{}); err == nil || !strings.Contains(err.Error(), strings.Join(targets.Names(targets.Styles), ", ")) {
		t.Errorf("an unknown style: %v, want the styles that there are", err)
	}
	eachStyle(t, func(t *testing.T, style targets.Style) {
		taken := start(t, style, targets.Options{}).Addr()
		s, err := style.Start(targets.Options{Addr: taken, Workers: 1})
		if err == nil {
			shutdown(t, s)
			t.Fatal("a second target started on the same address")
		}
		if !strings.Contains(err.Error(), style.Name) || !strings.Contains(err.Error(), taken) {
			t.Errorf("the error names neither style nor address: %v", err)
		}
	})
}

func TestTuneRuntimeOnlyRaises(t *testing.T) {
	was := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(was)
	targets.TuneRuntime(0)
	if got := runtime.GOMAXPROCS(0); got != targets.MinProcs {
		t.Errorf("raised to %d, want %d", got, targets.MinProcs)
	}
	for threads, want := range map[int]int{1: 9, 40: 48, 128: 136, 129: targets.MinProcs, 10_000: targets.MinProcs} {
		runtime.GOMAXPROCS(1)
		targets.TuneRuntime(threads)
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%d threads: raised to %d, want %d", threads, got, want)
		}
	}
	for name, want := range map[string]int{"blocking": 7, "goroutine": 0, "eventloop": 0, "grpc": 0} {
		if got := style(t, name).Threads(targets.Options{Workers: 7}); got != want {
			t.Errorf("%s has %d threads, want %d", name, got, want)
		}
	}
	runtime.GOMAXPROCS(targets.MinProcs + 3)
	targets.TuneRuntime(0)
	if got := runtime.GOMAXPROCS(0); got != targets.MinProcs+3 {
		t.Errorf("lowered to %d", got)
	}
}
