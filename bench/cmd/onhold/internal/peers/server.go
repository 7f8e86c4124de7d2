package peers

import (
	"context"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
)

// target is a server and the path of the requests.
type target struct {
	style   string
	options targets.Options
	path    string
}

const orderPath = "/api/orders?user_id=42"

// null is a server that replies at once, and logs that many arrivals.
func null(arrivals int) target { return bareTarget(0, arrivals) }

func bareTarget(latency time.Duration, arrivals int) target {
	return target{bare.Name, targets.Options{Bare: bare.Config{Latency: latency, Arrivals: arrivals}}, orderPath}
}

// style is a target of the order service.
func style(name string, o targets.Options) target {
	o.Sim.Latency = wait
	return target{name, o, orderPath}
}

func (t target) bare() bool { return t.style == bare.Name }

// server is a target that runs.
type server struct {
	*targets.Process
	target target
}

// counts is what a server counted.
type counts struct {
	requests   int64 // answered, including rejections
	rejected   int64
	rate       float64       // answered per second, from the first to the last; 0: unknown
	span       time.Duration // from the first to the last
	serverTime time.Duration // median, from a request read to its reply written; 0: unknown
}

func (r *runner) launch(ctx context.Context, t target) (*server, error) {
	p, err := targets.Program{CPUs: r.targetCPUs}.Launch(ctx, t.style, t.options)
	if err != nil {
		return nil, err
	}
	return &server{Process: p, target: t}, nil
}

func (s *server) url() string { return "http://" + s.Addr + s.target.path }

// counts reads what the server counted.
func (s *server) counts(ctx context.Context) (c counts, err error) {
	if !s.target.bare() {
		st, err := s.Stats(ctx)
		return counts{requests: st.Accepted + st.Rejected, rejected: st.Rejected}, err
	}
	st, err := bare.Client{Addr: s.Addr}.Stats(ctx)
	return counts{requests: st.Served, rate: st.Rate(), span: time.Duration(st.LastNS - st.FirstNS), serverTime: time.Duration(st.OwnNS)}, err
}

const (
	idleLimit = 5 * time.Second
	idleEvery = 20 * time.Millisecond
)

// waitIdle waits until the connections of the last run are closed, and resets the
// counts. The order service cannot be reset: its counts are differences.
func (s *server) waitIdle(ctx context.Context) error {
	if !s.target.bare() {
		return nil
	}
	client := bare.Client{Addr: s.Addr}
	limit := time.Now().Add(idleLimit)
	for {
		st, err := client.Stats(ctx)
		if err != nil {
			return err
		}
		if st.Open <= 1 { // that of this request
			break
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%d connections are still open %v after the run", st.Open-1, idleLimit)
		}
		time.Sleep(idleEvery)
	}
	return client.Reset(ctx)
}
