package peers

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/bare"
)

// Measurement is one run of one generator.
type Measurement struct {
	Section string    `json:"section"`
	Case    string    `json:"case"`
	Pair    int       `json:"pair"`    // from 1
	Place   int       `json:"place"`   // in its pair: 1 or 2
	Name    string    `json:"name"`    // of what is compared
	Against string    `json:"against"` // the other of the pair; "" where alone
	Start   time.Time `json:"start"`   // by the wall clock: for people
	Command []string  `json:"command"`

	CPU       time.Duration `json:"cpu_ns"`                       // of the generator, from its start to its end
	RSS       int64         `json:"rss_max_bytes"`                // of the generator, the highest
	Requests  int64         `json:"requests"`                     // that the server counted
	Rejected  int64         `json:"rejected"`                     // of these, those it turned away
	Rate      float64       `json:"requests_per_second,omitzero"` // by the server's clock
	ServerP50 time.Duration `json:"server_own_p50_ns,omitzero"`   // its own part of a request, median
	Pacing    *Pacing       `json:"pacing,omitempty"`
	Said      Said          `json:"said"`

	Failed string `json:"failed,omitempty"` // why this is no measurement
	Doubt  string `json:"doubt,omitempty"`  // what else a reader should know
}

// contestant is what is compared: a tool on a target.
type contestant struct {
	name   string // empty: the tool's
	tool   *Tool  // nil: the blocking ping-pong
	target target
}

// pingPongName is that of the blocking client in the tables.
const pingPongName = "blocking ping-pong"

func (c contestant) String() string {
	switch {
	case c.name != "":
		return c.name
	case c.tool == nil:
		return pingPongName
	}
	return c.tool.Name
}

// measure runs one contestant on a server that is at rest.
func (r *runner) measure(ctx context.Context, k *contest, c contestant, s *server, m *Measurement) error {
	if err := s.rest(ctx); err != nil {
		return err
	}
	before, err := s.counts(ctx)
	if err != nil {
		return err
	}
	m.Start = time.Now()
	held := [2]result.Throttled{host.SelfThrottled(), host.ReadQuota(s.PID).Throttled}
	if c.tool == nil {
		err = r.pingPong(ctx, s, m)
	} else {
		err = r.generate(ctx, k, c.tool, s, m)
	}
	if err != nil {
		return err
	}
	after, err := s.counts(ctx)
	if err != nil {
		return err
	}
	// What we start is in our own control groups.
	for i, who := range []string{"generator", "server"} {
		pid := []int{os.Getpid(), s.PID}[i]
		if t := host.ReadQuota(pid).Throttled.Minus(held[i]); t.Any() {
			return fmt.Errorf("a CPU quota stopped the %s %v", who, t)
		}
	}
	m.Requests, m.Rejected = after.requests-before.requests, after.rejected-before.rejected
	m.ServerP50 = after.own
	if after.span >= r.Length/2 { // else it is of the rush after a tool has begun late
		m.Rate = after.rate
	}
	if m.Requests == 0 {
		return fmt.Errorf("the server was asked nothing")
	}
	if rate := k.load.Rate; rate > 0 && c.target.bare() {
		arrivals, err := bare.Client{Addr: s.Addr}.Arrivals(ctx)
		if err != nil {
			return err
		}
		p, err := Deviation(arrivals, float64(rate), settling)
		if err != nil {
			return err
		}
		m.Pacing = &p
	}
	return nil
}

func (r *runner) pingPong(ctx context.Context, s *server, m *Measurement) error {
	m.Command = []string{pingPongName}
	hist, err := PingPong(ctx, s.Addr, s.target.path, r.Length, r.generatorCPUs)
	if err != nil {
		return err
	}
	m.Said = Said{Requests: hist.N(), Median: new(hist.Quantile(0.5))}
	return nil
}

// generate runs a tool as its own process.
func (r *runner) generate(ctx context.Context, k *contest, t *Tool, s *server, m *Measurement) error {
	own, err := scratch.New("onhold-peers-")
	if err != nil {
		return err
	}
	defer own.Remove()
	dir := own.Path
	load := k.load
	load.URL, load.Length, load.Dir = s.url(), r.Length, dir
	if k.watch {
		load.PID = s.PID
	}
	args, err := t.command(load)
	if err != nil {
		return err
	}
	m.Command = args
	u, err := runChild(ctx, args, r.generatorCPUs, load.Length+grace, t.exitsOK...)
	if err != nil {
		return err
	}
	m.CPU, m.RSS = u.cpu, u.rss
	if t.after != nil {
		report, err := runChild(ctx, t.after(t.path, load), r.generatorCPUs, grace)
		if err != nil {
			return err
		}
		u.out = report.out
	}
	if m.Said, err = t.parse(u.out); err != nil {
		m.Doubt = "what it printed could not be read: " + err.Error()
	}
	return nil
}

// served are the requests that the server did not turn away.
func (m *Measurement) served() int64 { return m.Requests - m.Rejected }

// Line tells of a measurement in one line.
func (m *Measurement) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, pair %d: %s: ", m.Section, m.Case, m.Pair, m.Name)
	if m.Failed != "" {
		return b.String() + "FAILED: " + m.Failed
	}
	fmt.Fprintf(&b, "%d requests", m.Requests)
	if n := m.served(); m.CPU > 0 && n > 0 {
		fmt.Fprintf(&b, ", %s CPU per request served, %s", showDuration(float64(m.CPU)/float64(n)), showBytes(float64(m.RSS)))
	}
	if m.Pacing != nil {
		fmt.Fprintf(&b, ", %s off the grid", showDuration(float64(m.Pacing.P50NS)))
	}
	if m.Said.Median != nil {
		fmt.Fprintf(&b, ", says median %s", showDuration(float64(*m.Said.Median)))
	}
	return b.String()
}

// checkFiles finds out whether that many clients can be had, for the tools and
// for the server alike.
func checkFiles(clients int) error {
	if err := allowFiles(); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	return host.CheckLimits(clients, 1)
}
