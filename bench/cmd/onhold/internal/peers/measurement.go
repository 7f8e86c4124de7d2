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
	"github.com/a628bb15/onhold/reports/units"
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
	RSS       int64         `json:"rss_max_bytes"`                // of the generator, the maximum
	Requests  int64         `json:"requests"`                     // counted by the server
	Rejected  int64         `json:"rejected"`                     // of these
	Rate      float64       `json:"requests_per_second,omitzero"` // by the server's clock
	ServerP50 time.Duration `json:"server_time_p50_ns,omitzero"`  // from a request read to its reply written, median
	Pacing    *Pacing       `json:"pacing,omitempty"`
	Reported  Reported      `json:"reported"`

	Failed  string `json:"failed,omitempty"`  // why this is no measurement
	Warning string `json:"warning,omitempty"` // what a reader should know
}

// contestant is one side of a comparison: a tool on a target.
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

// measure runs one contestant on an idle server.
func (r *runner) measure(ctx context.Context, k *contest, c contestant, s *server, m *Measurement) error {
	if err := s.waitIdle(ctx); err != nil {
		return err
	}
	before, err := s.counts(ctx)
	if err != nil {
		return err
	}
	m.Start = time.Now()
	throttled := [2]result.Throttled{host.SelfThrottled(), host.ReadQuota(s.PID).Throttled}
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
	// The processes that we start are in our control groups.
	for i, name := range []string{"generator", "server"} {
		pid := []int{os.Getpid(), s.PID}[i]
		if t := host.ReadQuota(pid).Throttled.Minus(throttled[i]); t.Any() {
			return fmt.Errorf("a CPU quota stopped the %s %v", name, t)
		}
	}
	m.Requests, m.Rejected = after.requests-before.requests, after.rejected-before.rejected
	m.ServerP50 = after.serverTime
	if after.span >= r.Duration/2 { // else it is a burst of a tool that began late
		m.Rate = after.rate
	}
	if m.Requests == 0 {
		return fmt.Errorf("the server received no request")
	}
	if rate := k.task.Rate; rate > 0 && c.target.bare() {
		arrivals, err := bare.Client{Addr: s.Addr}.Arrivals(ctx)
		if err != nil {
			return err
		}
		p, err := Deviation(arrivals, rate, settling)
		if err != nil {
			return err
		}
		m.Pacing = &p
	}
	return nil
}

func (r *runner) pingPong(ctx context.Context, s *server, m *Measurement) error {
	m.Command = []string{pingPongName}
	hist, err := PingPong(ctx, s.Addr, s.target.path, r.Duration, r.generatorCPUs)
	if err != nil {
		return err
	}
	m.Reported = Reported{Requests: hist.N(), Median: new(hist.Quantile(0.5))}
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
	task := k.task
	task.URL, task.Duration, task.Dir = s.url(), r.Duration, dir
	if k.watch {
		task.TargetPID = s.PID
	}
	args, err := t.command(task)
	if err != nil {
		return err
	}
	m.Command = args
	u, err := runChild(ctx, args, r.generatorCPUs, task.Duration+grace, t.exitsOK...)
	if err != nil {
		return err
	}
	m.CPU, m.RSS = u.cpu, u.rss
	if t.after != nil {
		report, err := runChild(ctx, append([]string{t.path}, t.after(task)...), r.generatorCPUs, grace)
		if err != nil {
			return err
		}
		u.out = report.out
	}
	if m.Reported, err = t.parse(u.out); err != nil {
		m.Warning = "its output could not be read: " + err.Error()
	}
	return nil
}

// served is the number of requests that the server did not reject.
func (m *Measurement) served() int64 { return m.Requests - m.Rejected }

// Line describes a measurement in one line.
func (m *Measurement) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, pair %d: %s: ", m.Section, m.Case, m.Pair, m.Name)
	if m.Failed != "" {
		return b.String() + "FAILED: " + m.Failed
	}
	fmt.Fprintf(&b, "%s requests", units.Int(m.Requests))
	if n := m.served(); m.CPU > 0 && n > 0 {
		fmt.Fprintf(&b, ", %s CPU per request served, %s", units.Time.Text(float64(m.CPU)/float64(n)), units.Size(m.RSS))
	}
	if m.Pacing != nil {
		fmt.Fprintf(&b, ", %s off the grid", units.Duration(time.Duration(m.Pacing.P50NS)))
	}
	if m.Reported.Median != nil {
		fmt.Fprintf(&b, ", reported median %s", units.Duration(*m.Reported.Median))
	}
	return b.String()
}

// checkFiles fails where the limit of open files is too low for that many clients.
func checkFiles(clients int) error {
	if err := allowFiles(); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	return host.CheckLimits(clients, 1)
}
