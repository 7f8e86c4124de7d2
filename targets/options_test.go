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

func TestOptionsSayWhichFlagIsWrongAndWhatIsAllowed(t *testing.T) {
	rows := []struct {
		options targets.Options
		want    string
	}{
		{targets.Options{Addr: "nowhere"}, "--addr=nowhere: must be HOST:PORT"},
		{targets.Options{Workers: -1}, "--workers=-1: must be from 1 to 5000"},
		{targets.Options{Workers: 5001}, "--workers=5001: must be from 1 to 5000"},
		{targets.Options{Queue: -2}, "--queue=-2: must be from 0 to 1000000"},
		{targets.Options{MaxInflight: -1}, "--max-inflight=-1: must be from 0"},
		{targets.Options{Loops: 257}, "--loops=257: must be from 1 to 256"},
		{targets.Options{Sim: sim.Config{Latency: -time.Second}}, "--backend-latency=-1s: must be above 0"},
		{targets.Options{Sim: sim.Config{Dist: "normal"}}, "--backend-dist=normal: must be one of constant, exponential, lognormal"},
		{targets.Options{Sim: sim.Config{CV: 2}}, "--backend-cv=2: only dist lognormal"},
		{targets.Options{Sim: sim.Config{Dist: sim.Lognormal, CV: -1}}, "--backend-cv=-1: must be above 0"},
		{targets.Options{Sim: sim.Config{Conns: -1}}, "--backend-conns=-1: must be from 0"},
		{targets.Options{Sim: sim.Config{Stall: sim.Stalls{{Length: 0, Offset: 1}}}}, "--backend-stall=0s@1ns: stall"},
		{targets.Options{Backend: "mongodb"}, "--backend=mongodb: must be one of sim, postgres"},
		{targets.Options{Backend: "postgres", Postgres: postgres.Config{Conns: -1}}, "--backend-conns=-1: must be from 1 to"},
		{targets.Options{Backend: "postgres", Postgres: postgres.Config{Latency: -1}}, "--backend-latency=-1ns: must be above 0"},
		{targets.Options{Backend: "postgres", Postgres: postgres.Config{DSN: "postgres://u:secret@h:x/d"}}, "--backend-dsn=…: is no address"},
		{targets.Options{Backend: "postgres", Sim: sim.Config{Dist: sim.Exponential}}, "--backend-dist=exponential: goes with --backend sim, rest or rpc only, and this is postgres"},
		{targets.Options{Backend: "postgres", Sim: sim.Config{CV: 2}}, "--backend-cv=2: goes with"},
		{targets.Options{Backend: "postgres", Sim: sim.Config{Stall: sim.Stalls{{Length: 2, Offset: 1}}}}, "--backend-stall=2ns@1ns: goes with"},
		{targets.Options{Extra: inject.Config{CPU: -1}}, "--extra-cpu=-1ns: must be from 0s to 1s"},
		{targets.Options{Extra: inject.Config{Delay: inject.Delay{Length: time.Second}}}, "--extra-delay=1s@0%: the share must be"},
		{targets.Options{TraceLimit: -1}, "--trace-limit=-1: must be from 1 to 100000000"},
	}
	for _, row := range rows {
		if err := row.options.Validate(); err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%+v: got %v, want %q…", row.options, err, row.want)
		}
		if s, err := targets.Start(targets.Styles[0].Name, row.options); err == nil {
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
		return targets.Options{Backend: "postgres", Workers: 50, Postgres: postgres.Config{Latency: latency, Conns: conns}}
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
		{"sim's connections", targets.Options{Sim: sim.Config{Latency: 10 * ms, Conns: 20}}, "eventloop", 100, 50 * ms},
		{"the pool of PostgreSQL by default", targets.Options{Backend: "postgres"}, "goroutine", 100, 1000 * ms},
		{"a large pool, fewer threads", postgresOf(10*ms, 100), "blocking", 100, 20 * ms},
		{"a large pool", postgresOf(10*ms, 100), "goroutine", 100, 10 * ms},
	} {
		if got := row.options.OnceEach(row.style, row.clients); got != row.want {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	if _, err := targets.Start("tubes", targets.Options{}); err == nil || !strings.Contains(err.Error(), strings.Join(targets.Names(targets.Styles), ", ")) {
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
	for threads, want := range map[int]int{1: 9, 40: 48, 128: 136, 129: targets.MinProcs, 5000: targets.MinProcs} {
		runtime.GOMAXPROCS(1)
		targets.TuneRuntime(threads)
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%d threads: raised to %d, want %d", threads, got, want)
		}
	}
	for style, want := range map[string]int{"blocking": 7, "goroutine": 0, "eventloop": 0, "rpc": 0} {
		if got := (targets.Options{Workers: 7}).Threads(style); got != want {
			t.Errorf("%s has %d threads, want %d", style, got, want)
		}
	}
	runtime.GOMAXPROCS(targets.MinProcs + 3)
	targets.TuneRuntime(0)
	if got := runtime.GOMAXPROCS(0); got != targets.MinProcs+3 {
		t.Errorf("lowered to %d", got)
	}
}
