package fleet

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

// A bus with TLS on both sides and a token lets nobody in who lacks one of them, and the
// error says which.
func TestClientWithoutCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, other := wiretest.Sign(x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil), wiretest.Sign(x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	client := x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for name, c := range map[string]tls.Certificate{
		"ca": ca, "other": other, "bus": wiretest.Sign(x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, &ca),
		"client": wiretest.Sign(client, &ca), "stranger": wiretest.Sign(client, &other),
	} {
		wiretest.WritePEM(t, dir, name, c)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	config, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: path("bus.pem"), KeyFile: path("bus.key"), CaFile: path("ca.pem"), Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := broker.Embed(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, Authorization: "the-token", TLSConfig: config, TLSTimeout: 10, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	for want, c := range map[string]BusConfig{
		"":                                     {URL: "tls://the-token@%s", CA: "ca", Cert: "client"},
		"wants a token, a user or credentials": {URL: "tls://%s", CA: "ca", Cert: "client"},
		"does not know this token":             {URL: "tls://an0ther-t0ken@%s", CA: "ca", Cert: "client"},
		"wants a client's certificate":         {URL: "tls://the-token@%s", CA: "ca"},
		"its server wants a client's certificate, of an authority that it trusts": {URL: "tls://the-token@%s", CA: "ca", Cert: "stranger"},
		"give the authority that signed it":                                       {URL: "tls://the-token@%s", CA: "other", Cert: "client"},
	} {
		c.URL = fmt.Sprintf(c.URL, s.Addr())
		if c.CA = path(c.CA + ".pem"); c.Cert != "" {
			c.Cert, c.Key = path(c.Cert+".pem"), path(c.Cert+".key")
		}
		b, err := Connect(c)
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "t0ken") || strings.Contains(err.Error(), "the-token")):
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
		if err == nil {
			b.Close()
		}
	}
}

// elsewhere is a plan that agents read in another way than the coordinator.
type elsewhere struct{ opened }

func (e elsewhere) Stage(spec []byte) (bench.Plan, bench.Driver, error) {
	p, d, err := e.opened.Stage(spec)
	p.Timeout = 7 * time.Second
	return p, d, err
}

// Agents that cannot be in the run are named, with the reason, over a real bus.
func TestAgentsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		agents []AgentConfig
		want   string // of the coordinator
		said   string // by an agent
	}{
		{"another version", []AgentConfig{{Name: "a", Version: "v"}, {Name: "b", Version: "v0"}}, "1 of 2 agents came forward within 2s; agent b on here: its version is v0, that of the coordinator is v: install the same on all", "agent b: run r does not take this agent: its version is v0"},
		{"one name", []AgentConfig{{Name: "a", Version: "v"}, {Name: "a", Version: "v"}}, "1 of 2 agents came forward within 2s; agent a on here: another agent has this name: give each its own (--name)", "agent a: run r does not take this agent: another agent has this name"},
		{"another stage", []AgentConfig{{Name: "a", Version: "v"}, {Name: "b", Version: "v", Open: func(plan []byte) (Opened, error) { return elsewhere{opened{string(plan)}}, nil }}}, "agent b would drive another stage: its timeout is \"7s\", that of the coordinator is \"5s\"", "agent b: run r is over"},
	} {
		s := serve(t)
		for _, a := range c.agents {
			s.agent(t, a)
		}
		f, err := Lead(t.Context(), s.bus, Config{Run: "r", Version: "v", Agents: 2, Plan: []byte(s.url), Gather: 2 * time.Second})
		if err == nil {
			_, err = s.stage(t, f, "open")
			f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
		for end := time.Now().Add(10 * time.Second); !s.heard(c.said); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%s: no agent says %q", c.what, c.said)
				break
			}
		}
		if s.requests.Load() > 0 {
			t.Errorf("%s: %d requests were sent", c.what, s.requests.Load())
		}
	}
}

// heard reports whether an agent said something.
func (s *served) heard(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.said, "\n"), text)
}

// A plan that is not the one of its hash is not opened, and the agent drives nothing.
func TestAnotherPlanIsRefused(t *testing.T) {
	w := newWorld(1, 1, bench.Plan{Load: bench.Load{Rate: 5}, Duration: time.Second}, network{})
	a := w.agents[0]
	order := Order{Run: "r1", Epoch: 1, Seq: 1, Agent: "a0", Instance: "i0", Goal: Prepare, Stage: 1, Hash: sumOf([]byte("a plan")), Plan: []byte("another plan"), Share: bench.Share{Of: 1}}
	a.machine.order(0, order)
	if a.machine.refuse != "the plan was altered on its way" || a.machine.phase != Idle || a.current != nil {
		t.Errorf("%q, %q", a.machine.refuse, a.machine.phase)
	}
	// Nor is a stage prepared of a plan that the agent does not have.
	a = newWorld(1, 1, w.plan, network{}).agents[0]
	order.Plan = nil
	if a.machine.order(0, order); a.machine.phase != Idle || a.current != nil {
		t.Errorf("%q", a.machine.phase)
	}
}

// Clocks that are 3 s off and drift by 100 ppm cost no more than the bound that is stated:
// half the round trip, and what clocks may drift from the pings to the start.
func TestClocksThatDiffer(t *testing.T) {
	w := newWorld(1, 3, bench.Plan{Load: bench.Load{Rate: 30}, Duration: 30 * time.Second}, network{delay: time.Millisecond})
	w.agents[0].clock, w.agents[1].clock = trueClock{3 * time.Second, 100e-6}, trueClock{-3 * time.Second, -100e-6}
	stages, err := w.run(t, 3)
	if err != nil || len(stages) != 3 {
		t.Fatalf("%d stages, %v", len(stages), err)
	}
	for i, s := range stages {
		for _, a := range s.Agents {
			if a.Clock > 1500*time.Microsecond || a.Lost != "" {
				t.Errorf("stage %d: %+v", i+1, a)
			}
		}
	}
	for _, m := range w.coord.members {
		for _, play := range w.plays {
			if off := play.from - w.coord.start; play.stage == w.coord.stage && play.agent.machine.hello.Agent == m.hello.Agent && (off > m.within+10 || off < -m.within-10) {
				t.Errorf("agent %s started %v from the instant, beyond the bound of %v", m.hello.Agent, off, m.within)
			}
		}
	}
}

// The same with real agents over a real bus, whose clocks alone are not.
func TestRealAgentsWhoseClocksDiffer(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var mu sync.Mutex
	starts := map[string]time.Duration{} // by the true clock
	for name, c := range map[string]trueClock{"a": {3 * time.Second, 100e-6}, "b": {-3 * time.Second, -100e-6}, "c": {}} {
		s.agent(t, AgentConfig{
			Name: name, Version: "v", skew: c.at,
			back: func(at time.Duration) time.Duration {
				at = time.Duration(float64(at-c.ahead) / (1 + c.drift))
				mu.Lock()
				defer mu.Unlock()
				starts[name] = at
				return at
			},
		})
	}
	f, err := s.lead(t, 3)
	if err != nil {
		t.Fatal(err, s.said)
	}
	before := clock.Now()
	stage, err := s.stage(t, f, "open")
	if err != nil {
		t.Fatal(err, s.said)
	}
	if p := planned("open"); stage.Counts.Planned() != p.Planned(p.Duration, 0) {
		t.Errorf("%v", stage.Counts)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, a := range stage.Agents {
		for _, b := range stage.Agents {
			if off := starts[a.Name] - starts[b.Name]; off > a.Clock+b.Clock+10 {
				t.Errorf("agent %s was to start %v after %s, beyond their bounds of %v and %v", a.Name, off, b.Name, a.Clock, b.Clock)
			}
		}
		if at := starts[a.Name]; at < before || at > before+time.Minute || a.Clock > 500*time.Millisecond {
			t.Errorf("agent %s was to start at %v, asked at %v; its clock is known within %v", a.Name, at, before, a.Clock)
		}
	}
}
