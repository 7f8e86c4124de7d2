package fleet

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// served is a fleet in this process, over a bus of its own, and a server.
type served struct {
	bus      *Bus
	url      string
	requests atomic.Int64
	mu       sync.Mutex
	said     []string
}

func serve(t *testing.T) *served {
	t.Helper()
	s := &served{}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.requests.Add(1) }))
	t.Cleanup(server.Close)
	s.url = server.URL
	bus, err := Embed()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	s.bus = bus
	return s
}

// agent serves runs until the test ends.
func (s *served) agent(t *testing.T, c AgentConfig) {
	t.Helper()
	bus, err := Connect(BusConfig{URL: s.bus.URL})
	if err != nil {
		t.Fatal(err)
	}
	c.Host = "here"
	c.Say = func(line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.said = append(s.said, line)
	}
	if c.Open == nil {
		c.Open = func(plan []byte) (Opened, error) { return opened{string(plan)}, nil }
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, bus, c) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		bus.Close()
	})
}

// opened is a plan that is the URL of a server.
type opened struct{ url string }

func (o opened) Stage(spec []byte) (bench.Plan, bench.Driver, error) {
	d, err := bench.HTTP{URL: o.url + "/"}.Driver()
	p := planned(string(spec))
	p.Observer = &counting{}
	return p, d, err
}

// counting is a Counter of arrivals. Those before the window began do not count.
type counting struct {
	begin, ended atomic.Int64
}

func (c *counting) Begin(from time.Duration) { c.begin.Store(int64(from)) }

func (c *counting) Ended(a bench.Arrival) {
	if begin := c.begin.Load(); begin > 0 && int64(a.Planned) >= begin {
		c.ended.Add(1)
	}
}

func (c *counting) Completed(_, _ time.Duration) {}

func (c *counting) Counted() []byte { return []byte(strconv.FormatInt(c.ended.Load(), 10)) }

func (c *counting) Together(parts [][]byte) error {
	c.ended.Store(0)
	for _, part := range parts {
		n, err := strconv.ParseInt(string(part), 10, 64)
		if err != nil {
			return err
		}
		c.ended.Add(n)
	}
	return nil
}

func (opened) Close() {}

func planned(spec string) bench.Plan {
	p := bench.Plan{Warmup: 50 * time.Millisecond, Duration: 300 * time.Millisecond, DrainTimeout: 5 * time.Second, Timeout: 5 * time.Second, MaxLag: time.Minute, Seed: 3}
	switch spec {
	case "closed":
		p.Load = bench.Load{Clients: 5, ThinkTime: 10 * time.Millisecond}
	case "burst":
		p.Load, p.Warmup = bench.Load{Burst: 5, BurstInterval: 100 * time.Millisecond}, 0
	case "long":
		p.Load, p.Duration = bench.Load{Rate: 300}, 20*time.Second
	default:
		p.Load = bench.Load{Rate: 300}
	}
	return p
}

func (s *served) lead(t *testing.T, agents int) (*Fleet, error) {
	t.Helper()
	f, err := Lead(t.Context(), s.bus, Config{Run: "r", Version: "v", Agents: agents, Plan: []byte(s.url), Gather: 20 * time.Second})
	if err == nil {
		t.Cleanup(f.Close)
	}
	return f, err
}

func (s *served) stage(t *testing.T, f *Fleet, spec string) (*result.Stage, error) {
	p, driver, err := opened{s.url}.Stage([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	var live result.Counts
	p.Watch = func(l bench.Live) { live.Add(l.Counts) }
	count := p.Observer.(*counting)
	stage, err := f.Stage(t.Context(), []byte(spec), p, p.StageSettings(driver))
	if err == nil && live != stage.Counts {
		t.Errorf("%s: %v was shown while it ran, want %v", spec, live, stage.Counts)
	}
	if err == nil && count.ended.Load() != stage.Counts.Planned() {
		t.Errorf("%s: %d were counted by the agents, want %d", spec, count.ended.Load(), stage.Counts.Planned())
	}
	return stage, err
}

// Agents over a real bus, with real drivers, account for all that one generator plans.
func TestFleetOverNATS(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, name := range []string{"b", "a", "c"} {
		s.agent(t, AgentConfig{Name: name, Version: "v"})
	}
	f, err := s.lead(t, 3)
	if err != nil {
		t.Fatal(err, s.said)
	}
	for _, spec := range []string{"open", "closed", "burst"} {
		s.requests.Store(0)
		stage, err := s.stage(t, f, spec)
		if err != nil {
			t.Fatal(spec, err, s.said)
		}
		p := planned(spec)
		sum := result.Counts{}
		for i, a := range stage.Agents {
			sum.Add(a.Counts)
			if want := string(rune('a' + i)); a.Name != want || a.Host != "here" || a.Lost != "" || a.Coverage() != 1 || a.Clock > time.Second {
				t.Errorf("%s: agent %d is %+v, want %s", spec, i, a, want)
			}
		}
		if n := stage.Counts.Planned(); sum != stage.Counts || len(stage.Agents) != 3 || n != p.Planned(p.Duration, 0) && spec != "closed" {
			t.Errorf("%s: %v of %d planned, the agents have %v", spec, stage.Counts, p.Planned(p.Duration, 0), sum)
		}
		if n := stage.Counts[result.OK]; n == 0 || s.requests.Load() < n || stage.Latency.N() != n {
			t.Errorf("%s: %d are ok, %d have a latency, the server had %d", spec, n, stage.Latency.N(), s.requests.Load())
		}
		if stage.Settings.Get(result.KeyAgents) != "3" {
			t.Errorf("%s: settings %v", spec, stage.Settings)
		}
	}
}

func TestFleetThatCannotBegin(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.agent(t, AgentConfig{Name: "a", Version: "v", Open: func([]byte) (Opened, error) { return nil, errors.New("it is not allowed here") }})
	if _, err := s.lead(t, 1); err == nil || !strings.Contains(err.Error(), "agent a on here does not take part: it is not allowed here") {
		t.Error(err)
	}
	// With the wrong token nobody meets.
	if _, err := Connect(BusConfig{URL: strings.Replace(s.bus.URL, "nats://", "nats://x", 1)}); err == nil || strings.Contains(err.Error(), s.bus.URL[7:33]) {
		t.Errorf("with another token: %v", err)
	}
}

func TestFleetIsChecked(t *testing.T) {
	for want, c := range map[string]interface{ Validate() error }{
		"Bus is x":                       BusConfig{URL: "x"},
		"Bus is http://h:1":              BusConfig{URL: "http://h:1"},
		"@10.0.0.1:1, want beyond":       BusConfig{URL: "tls://s3cr3t-token@10.0.0.1:1"},
		"nats://10.0.0.2:1, want beyond": BusConfig{URL: "nats://127.0.0.1:1,nats://10.0.0.2:1"},
		"BusCert is c":                   BusConfig{URL: "nats://127.0.0.1:1", Cert: "c"},
		"Name is a.b":                    AgentConfig{Name: "a.b"},
		"Agents is 0":                    Config{Run: "r"},
		"Run is a b":                     Config{Run: "a b", Agents: 1},
		"Plan is 524289":                 Config{Run: "r", Agents: 1, Plan: make([]byte, mostPlan+1)},
	} {
		var e *field.Error
		if err := c.Validate(); !errors.As(err, &e) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	for _, c := range []BusConfig{{URL: "nats://localhost:1"}, {URL: "nats://t@[::1]:1"}, {URL: "tls://t@10.0.0.1:1", Cert: "c", Key: "k"}, {URL: "tls://10.0.0.1:1", Cert: "c", Key: "k", Creds: "u"}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// An agent for which no run comes ends where it is to.
func TestIdleAgentEnds(t *testing.T) {
	s := serve(t)
	err := Serve(t.Context(), s.bus, AgentConfig{Name: "a", Version: "v", Idle: 50 * time.Millisecond, Say: func(string) {}})
	if err == nil || !strings.Contains(err.Error(), "no run came within 50ms") {
		t.Errorf("%v", err)
	}
}
