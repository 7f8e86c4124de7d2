package peers

import (
	"context"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
	"github.com/a628bb15/onhold/targets/orders"
)

// server is a server that runs for one measurement.
type server struct {
	addr, url string
	http2     string // the address for HTTP/2 without TLS, where it has another one
	pid       int
	ended     func() (bool, string)
	stop      func() error
	count     func(ctx context.Context, k *contest, m *Measurement) error // fills in what it counted
}

// protocol is how a server is spoken to that is none of our styles.
type protocol int

const (
	protoPlain protocol = iota // HTTP/1.1
	protoTLS                   // that over TLS
	protoHTTP2                 // without TLS
	protoGRPC                  // likewise
)

// start starts the server of a target.
func (t target) start(ctx context.Context, r *runner) (*server, error) {
	if t.other != nil {
		return t.other(ctx, r)
	}
	p, err := targets.Program{CPUs: r.targetCPUs}.Launch(ctx, t.style, t.options)
	if err != nil {
		return nil, err
	}
	s := &server{addr: p.Addr, url: "http://" + p.Addr + orders.PathOneUser, pid: p.PID, ended: p.Ended, stop: p.Stop}
	s.count = func(ctx context.Context, k *contest, m *Measurement) error {
		st, err := p.Stats(ctx)
		m.Requests, m.Rejected = st.Accepted+st.Rejected, st.Rejected
		return err
	}
	if t.style == bare.Name {
		s.count = func(ctx context.Context, k *contest, m *Measurement) error { return r.countBare(ctx, k, p.Addr, m) }
	}
	return s, nil
}

// countBare reads what the bare server counted.
func (r *runner) countBare(ctx context.Context, k *contest, addr string, m *Measurement) error {
	client := bare.Client{Addr: addr}
	st, err := client.Stats(ctx)
	if err != nil {
		return err
	}
	m.Requests, m.ServerP50 = st.Served, time.Duration(st.OwnNS)
	if time.Duration(st.LastNS-st.FirstNS) >= r.Duration/2 { // else it is a burst of a tool that began late
		m.Rate = st.Rate()
	}
	if k.task.Rate == 0 || m.Requests == 0 {
		return nil
	}
	arrivals, err := client.Arrivals(ctx)
	if err != nil {
		return err
	}
	if k.instants != nil {
		m.Pacing, err = deviationFrom(arrivals, k.instants)
		return err
	}
	m.Pacing, err = Deviation(arrivals, k.task.Rate, settling)
	return err
}
