package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
)

// Measurement is one run of one generator.
type Measurement struct {
	Section string    `json:"section"`
	Case    string    `json:"case"`
	Pair    int       `json:"pair"`    // from 1
	Name    string    `json:"name"`    // of what is compared
	Against string    `json:"against"` // the other of the pair; "" where alone
	Start   time.Time `json:"start"`   // by the wall clock: for people
	Command []string  `json:"command,omitempty"`

	Took      time.Duration `json:"took_ns,omitzero"`             // of the generator's process, from its start to its end
	CPU       time.Duration `json:"cpu_ns"`                       // of the generator, from its start to its end
	RSS       int64         `json:"rss_max_bytes"`                // of the generator, the maximum
	Requests  int64         `json:"requests"`                     // counted by the server
	Rejected  int64         `json:"rejected"`                     // of these
	Rate      float64       `json:"requests_per_second,omitzero"` // by the server's clock
	ServerP50 time.Duration `json:"server_time_p50_ns,omitzero"`  // from a request read to its reply written, median
	Pacing    *Pacing       `json:"pacing,omitempty"`
	Limit     *result.Limit `json:"limit,omitempty"` // who set the pace, by the CPU time of both over the duration of the load
	Reported  Reported      `json:"reported"`

	Failed  string `json:"failed,omitempty"`  // why this is no measurement
	Warning string `json:"warning,omitempty"` // what a reader should know
}

const (
	// settling is cut off the beginning of an arrival log, in which a tool connects
	// and warms up.
	settling  = 500 * time.Millisecond
	grace     = 60 * time.Second      // beyond the duration of its load, for a tool to start and to exit
	peakEvery = 20 * time.Millisecond // how often a tool's memory is read
)

// measure runs one contestant on a fresh server.
func (r *runner) measure(ctx context.Context, k *contest, c contestant, s *server, m *Measurement) error {
	m.Start = time.Now()
	// The processes that we start are in our control groups.
	parts := []struct {
		name string
		pid  int
	}{{"generator", os.Getpid()}, {"server", cmp.Or(s.pid, os.Getpid())}}
	var before []result.Throttled
	for _, p := range parts {
		before = append(before, host.ReadQuota(p.pid).Throttled)
	}
	generate := r.generate
	if c.tool == nil {
		generate = r.pingPong
	}
	meter := host.Process(s.pid)
	metered := errors.New("the server is part of this process")
	if s.pid != 0 {
		metered = meter.Start()
	}
	if err := generate(ctx, k, c, s, m); err != nil {
		return err
	}
	var used result.Usage
	if metered == nil {
		used, metered = meter.Stop()
	}
	for i, p := range parts {
		if t := host.ReadQuota(p.pid).Throttled.Minus(before[i]); t.Any() {
			return fmt.Errorf("a CPU quota stopped the %s %v", p.name, t)
		}
	}
	if err := s.count(ctx, k, m); err != nil {
		return err
	}
	if m.Requests == 0 {
		return errors.New("the server received no request")
	}
	if metered == nil {
		m.Limit = r.limit(k, c, used, m)
	}
	return nil
}

// limit is who set the pace of a run: as of a stage in which the server and the generator
// used as much.
func (r *runner) limit(k *contest, c contestant, server result.Usage, m *Measurement) *result.Limit {
	stage := result.NewStage()
	stage.Length, stage.Target = cmp.Or(m.Took, r.Duration), server
	stage.Generator = result.Usage{CPU: m.CPU, CPUs: host.FormatCPUs(r.generatorCPUs)}
	stage.Counts[result.OK], stage.Counts[result.Rejected] = m.served(), m.Rejected
	stage.Settings = result.Settings{{Key: result.KeyLoad, Value: string(k.task.Model())}}
	for _, style := range targets.Styles {
		if style.Name == c.target.style {
			stage.Settings = append(stage.Settings, c.target.options.Settings(style)...)
		}
	}
	limit := stage.Limit(nil)
	return &limit
}

func (r *runner) pingPong(ctx context.Context, _ *contest, _ contestant, s *server, m *Measurement) error {
	hist, err := PingPong(ctx, s.addr, orders.PathOneUser, r.Duration, r.generatorCPUs)
	if err != nil {
		return err
	}
	m.Reported = Reported{Requests: hist.N(), Median: new(hist.Quantile(0.5))}
	return nil
}

// generate runs a tool as its own process.
func (r *runner) generate(ctx context.Context, k *contest, c contestant, s *server, m *Measurement) error {
	dir, err := scratch.New("onhold-peers-")
	if err != nil {
		return err
	}
	defer dir.Remove()
	t, task := c.tool, k.task
	task.URL, task.Duration, task.Dir, task.TargetPID = s.url, r.Duration, dir.Path, s.pid
	if m.Command, err = t.prepare(task); err != nil {
		return err
	}
	began := time.Now()
	out, err := r.run(ctx, m, m.Command, task.Duration+grace, t.exitsOK...)
	m.Took = time.Since(began)
	if err == nil && t.after != "" {
		out, err = r.run(ctx, &Measurement{}, t.command(task, t.after), grace)
	}
	if err != nil {
		return err
	}
	if m.Reported, err = t.parse(out); err != nil {
		m.Warning = "its output could not be read: " + err.Error()
	}
	return nil
}

// run runs a command line to its end on the generator's CPUs, and measures it from
// outside. It fails where the exit code is neither 0 nor one of ok.
func (r *runner) run(ctx context.Context, m *Measurement, args []string, limit time.Duration, ok ...int) ([]byte, error) {
	watch := func(pid int, stop <-chan struct{}) {
		tick := time.NewTicker(peakEvery)
		defer tick.Stop()
		for {
			if rss, err := host.PeakRSS(pid); err == nil {
				m.RSS = max(m.RSS, rss)
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}
	ran, err := process.Run(ctx, exec.Command(args[0], args[1:]...), r.generatorCPUs, limit, watch, ok...)
	if ran.State != nil {
		m.CPU = ran.State.UserTime() + ran.State.SystemTime()
	}
	out, cut := ran.Output()
	return out, errors.Join(err, cut)
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
	if m.Limit != nil {
		fmt.Fprintf(&b, ", limit %s", m.Limit)
	}
	if m.Pacing != nil {
		fmt.Fprintf(&b, ", %s off the grid", units.Duration(time.Duration(m.Pacing.P50NS)))
	}
	if m.Reported.Median != nil {
		fmt.Fprintf(&b, ", reported median %s", units.Duration(*m.Reported.Median))
	}
	return b.String()
}

// Pacing is how precisely arrivals kept to the requested grid.
type Pacing struct {
	Arrivals int     `json:"arrivals"` // after settling
	Rate     float64 `json:"rate"`     // achieved, per second
	P50NS    int64   `json:"p50_ns"`   // median of how far an arrival is from its place on the grid
	P90NS    int64   `json:"p90_ns"`
	P99NS    int64   `json:"p99_ns"`
}

// Deviation compares arrivals, in nanoseconds and rising, with the ideal grid
// t0 + i/rate. t0 is the median of arrival i minus i/rate, so the result is how
// steady the generator is, not when it began. A missing arrival moves all later
// ones off the grid by one place, as it should.
func Deviation(arrivals []int64, rate float64, settle time.Duration) (*Pacing, error) {
	if len(arrivals) > 0 {
		from, _ := slices.BinarySearch(arrivals, arrivals[0]+int64(settle))
		arrivals = arrivals[from:]
	}
	n := len(arrivals)
	if n < 2 || rate <= 0 {
		return nil, fmt.Errorf("%d arrivals after the first %v at %v/s are too few to measure pacing", n, settle, rate)
	}
	return deviation(arrivals, func(i int) float64 { return float64(i) * 1e9 / rate }), nil
}

// deviationFrom compares arrivals with instants at which as many were to come.
func deviationFrom(arrivals []int64, instants []time.Duration) (*Pacing, error) {
	if len(arrivals) != len(instants) || len(instants) < 2 {
		return nil, fmt.Errorf("%d arrivals, want the %d recorded", len(arrivals), len(instants))
	}
	return deviation(arrivals, func(i int) float64 { return float64(instants[i]) }), nil
}

func deviation(arrivals []int64, place func(i int) float64) *Pacing {
	n := len(arrivals)
	off := make([]float64, n)
	for i, at := range arrivals {
		off[i] = float64(at-arrivals[0]) - place(i)
	}
	origin := median(off)
	for i := range off {
		off[i] = math.Abs(off[i] - origin)
	}
	slices.Sort(off)
	rank := func(q float64) int64 { return int64(off[int(math.Ceil(q*float64(n)-1e-9))-1]) }
	p := Pacing{Arrivals: n, P50NS: rank(0.5), P90NS: rank(0.9), P99NS: rank(0.99)}
	if span := arrivals[n-1] - arrivals[0]; span > 0 {
		p.Rate = float64(n-1) / (float64(span) / 1e9)
	}
	return &p
}

// median is the middle of values, or the mean of the two in the middle; NaN
// where there are none.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
