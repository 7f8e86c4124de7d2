package duet

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// A seed that nobody gave is drawn, is on record, and is that of whoever goes
// on.
func TestSeedIsDrawnOnce(t *testing.T) {
	t.Parallel()
	f := &fake{value: noise(0, 0.05)}
	c := faked(t, f)
	c.Seed = 0
	c.Budget = 1 // nanosecond
	first, run, err := Run(t.Context(), c)
	if err != nil || first.Seed == 0 || run.Settings.Get("seed") == "0" {
		t.Fatalf("seed %d, on record %q, %v", first.Seed, run.Settings.Get("seed"), err)
	}
	if second, _, err := Run(t.Context(), c); err != nil || second.Seed != first.Seed {
		t.Errorf("seed %d, and going on %d: %v", first.Seed, second.Seed, err)
	}
	c.Seed = first.Seed
	if _, _, err := Run(t.Context(), c); err != nil {
		t.Errorf("the same seed, as asked: %v", err)
	}
	c.Seed++
	var wrong *ConfigError
	if _, _, err := Run(t.Context(), c); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "seed: ") {
		t.Errorf("another seed: %v", err)
	}
	seeds := map[uint64]bool{}
	for range 10 {
		seeds[drawSeed()] = true
	}
	if len(seeds) < 9 || seeds[0] {
		t.Errorf("drawn: %v", seeds)
	}
}

// Pairs of two comparisons are not put together where anything differs that
// makes a difference, and the message says what, how, and what to do.
func TestAnotherComparisonIsNotGoneOnWith(t *testing.T) {
	t.Setenv("GOFLAGS", "")
	asks := func(change func(*bench.HTTP)) func(string) (bench.Driver, error) {
		h := bench.HTTP{Header: []string{"Accept: text/html", "X-Api-Token: hush"}, Body: []byte("{}")}
		change(&h)
		return func(addr string) (bench.Driver, error) {
			h.URL = "http://" + addr + "/"
			return h.Driver()
		}
	}
	served := func(change func(*Serve)) Experiment {
		e := &Serve{
			Build: "cp a {out}", Command: "{out} {addr}", Request: "GET /", Driver: asks(func(*bench.HTTP) {}),
			Plan: bench.Plan{Load: bench.Load{Rate: 10, Arrivals: load.Constant}, Duration: time.Second, Warmup: time.Second, MaxLag: time.Millisecond},
		}
		change(e)
		return e
	}
	at := func(c Config) *session {
		return &session{Config: c, sides: &source.Sides{BaseCommit: "1", CandidateTree: "2"}}
	}
	config := func(change func(*Config)) Config {
		c := Config{Seed: 1, Design: compare.DefaultDesign(), Experiment: served(func(*Serve) {})}
		change(&c)
		return c
	}
	here := result.Environment{OS: "linux", Arch: "amd64", CPU: "EPYC", Cores: 2, Kernel: "6.1", Host: "one"}
	old := at(config(func(*Config) {})).settings(here)
	if text := old.String(); strings.Contains(text, "hush") || strings.Contains(text, "one") {
		t.Errorf("on record is %s", text)
	}
	with := func(change func(*Serve)) result.Settings {
		return at(config(func(c *Config) { c.Experiment = served(change) })).settings(here)
	}
	for _, c := range []struct {
		now  result.Settings
		want string
	}{
		{at(config(func(c *Config) { c.Base, c.MaxSteal, c.Budget, c.Patient = "main", DefaultMaxSteal, 1, true })).settings(here), ""},
		{with(func(e *Serve) { e.Rounds, e.Settle = DefaultRounds, DefaultSettle }), ""},
		{with(func(e *Serve) { e.Request = "PUT /" }), `the request: "GET /" in the record, "PUT /" now`},
		{with(func(e *Serve) { e.Driver = asks(func(h *bench.HTTP) { h.Body = []byte("[]") }) }), `the digest of the request: "`},
		{with(func(e *Serve) { e.Driver = asks(func(h *bench.HTTP) { h.Body = nil }) }), `the digest of the request`},
		{with(func(e *Serve) { e.Driver = asks(func(h *bench.HTTP) { h.Header = h.Header[1:] }) }), `the digest of the request`},
		{with(func(e *Serve) { e.Driver = asks(func(h *bench.HTTP) { h.Header[1] = "X-Api-Token: harm" }) }), `the digest of the request`},
		{with(func(e *Serve) { e.Plan.MaxLag = 0 }), `lag: "1ms" in the record, "" now`},
		{with(func(e *Serve) { e.Plan.Timeout = time.Second }), `timeout: "10s" in the record, "1s" now`},
		{with(func(e *Serve) { e.Plan.Wait = time.Second }), `wait: "" in the record, "1s" now`},
		{with(func(e *Serve) { e.Plan.Duration = 2 * time.Second }), `: "1s" in the record, "2s" now`},
		{at(config(func(c *Config) { c.MaxSteal = 0.05 })).settings(here), `max-steal: "0.01" in the record, "0.05" now`},
		{at(config(func(c *Config) { c.TargetCPUs = []int{3} })).settings(here), `the CPUs of the servers: "shared with the generator" in the record, "1 of their own" now`},
		{at(config(func(c *Config) { c.Design = c.Design.UpTo(20) })).settings(here), `pairs: "14,20,32,48" in the record, "14,20" now`},
		{at(config(func(*Config) {})).settings(result.Environment{OS: "linux", Arch: "amd64", CPU: "EPYC", Cores: 4, Kernel: "6.1"}), `the machine: "EPYC, 2 CPUs, linux/amd64, 6.1" in the record, "EPYC, 4 CPUs`},
		{at(config(func(*Config) {})).settings(result.Environment{OS: "linux", Arch: "amd64", CPU: "EPYC", Cores: 2, Kernel: "6.1", Host: "two"}), ""},
	} {
		if got := differ(old, c.now); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	t.Setenv("GOFLAGS", "-race")
	if got := differ(old, at(config(func(*Config) {})).settings(here)); got != `GOFLAGS: "" in the record, "-race" now` {
		t.Error(got)
	}
	if got := differ((&GoBench{Bench: "A"}).settings(), (&GoBench{Bench: "B"}).settings()); got != `bench: "A" in the record, "B" now` {
		t.Error(got)
	}

	f := &fake{value: noise(0, 0.05)}
	c := faked(t, f)
	c.Budget = 1
	if _, _, err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := len(f.ran)
	c.Control = false
	var wrong *ConfigError
	_, _, err := Run(t.Context(), c)
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), `(control: "true" in the record, "false" now); or continue that one with the settings it had`) || len(f.ran) != before {
		t.Errorf("without the control: %v", err)
	}
	write(t, c.Out, map[string]string{result.RunFile: `{"schema":2,"settings":{}}`})
	if _, _, err := Run(t.Context(), c); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "holds a run that is not a comparison") {
		t.Errorf("another run's folder: %v", err)
	}
}
