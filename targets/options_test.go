package targets_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/planted"
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
		{targets.Options{Extra: planted.Config{CPU: -1}}, "--extra-cpu=-1ns: must be from 0s to 1s"},
		{targets.Options{Extra: planted.Config{Delay: planted.Delay{Length: time.Second}}}, "--extra-delay=1s@0%: the share must be"},
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
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	if _, err := targets.Start("tubes", targets.Options{}); err == nil || !strings.Contains(err.Error(), strings.Join(targets.Names(), ", ")) {
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
	targets.TuneRuntime()
	if got := runtime.GOMAXPROCS(0); got != targets.MinProcs {
		t.Errorf("raised to %d, want %d", got, targets.MinProcs)
	}
	runtime.GOMAXPROCS(targets.MinProcs + 3)
	targets.TuneRuntime()
	if got := runtime.GOMAXPROCS(0); got != targets.MinProcs+3 {
		t.Errorf("lowered to %d", got)
	}
}
