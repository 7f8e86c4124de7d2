package epoll

import (
	"context"
	"crypto/tls"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/arrivals"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/load"
	"golang.org/x/sys/unix"
)

// Supported is whether the driver runs on this system.
const Supported = true

// firstWindow is what a new connection may send at once: ten segments by RFC
// 6928, of at least 536 bytes each.
const firstWindow = 10 * 536

// Drive implements [bench.Driver].
func (d *driver) Drive(ctx context.Context, p bench.Plan, rec *bench.Recorder) error {
	loops, err := d.loops(ctx, p, rec)
	if err != nil {
		return err
	}
	defer host.SpareProcs(len(loops))()
	var cpus []int
	if !p.NoPin {
		cpus = cpusFor(len(loops))
	}
	var connected, finished sync.WaitGroup
	var start time.Duration
	started := make(chan struct{})
	for i, l := range loops {
		connected.Add(1)
		finished.Go(func() {
			// Never unlocked: the thread ends with the loop, and its timer slack
			// and CPU with it.
			runtime.LockOSThread()
			pinned := pin(cpus, i)
			l.rec.OnThread(pinned)
			clock.Punctual()
			if (p.Clients() > 0 || d.requests.Connections > 0) && !p.NewConnection {
				l.connectAll(max(1, exchange.MaxDials/len(loops)))
			}
			connected.Done()
			<-started
			l.source = newSource(l, p, i, len(loops), start)
			used := l.run()
			used.Pinned = pinned
			l.rec.Ran(used)
		})
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		for _, l := range loops {
			l.cancelled.Store(true)
			l.poller.wake()
		}
	})
	connected.Wait()
	if ctx.Err() == nil {
		start, _ = rec.Start()
	}
	close(started)
	finished.Wait()
	if !stop() {
		<-woken // else a descriptor may be closed that is being written to
	}
	for _, l := range loops {
		l.close()
	}
	rec.Found(d.requests.Found())
	rec.Remark(d.requests.Remarks()...)
	return ctx.Err()
}

// loops makes the loops of a stage, with their clients where these are known
// beforehand.
func (d *driver) loops(ctx context.Context, p bench.Plan, rec *bench.Recorder) ([]*loop, error) {
	lookUp, cancel := context.WithTimeout(ctx, p.Timeout) // it may connect
	defer cancel()
	all, err := d.requests.Addresses(lookUp)
	if err != nil {
		return nil, err
	}
	n := 1
	if len(all) == 1 {
		connections, _ := d.Connections(p)
		n = sources(all[0].Addr(), connections, p.NewConnection)
	}
	version, err := d.requests.Agreed(lookUp)
	if err != nil {
		return nil, err
	}
	config := d.requests.Session(version)
	if config != nil {
		config.DynamicRecordSizingDisabled = true   // a request is one write
		config.Renegotiation = tls.RenegotiateNever // it would wait within a read
	}
	threads := min(d.Threads, p.MostConnections())
	if shared := d.requests.Connections; shared > 0 {
		threads = min(threads, shared)
	}
	loops := make([]*loop, 0, threads)
	sending := new(atomic.Int32)
	sending.Store(int32(threads))
	fail := func(err error) ([]*loop, error) {
		for _, l := range loops {
			l.close()
		}
		return nil, err
	}
	for i := range threads {
		peers, err := peersOf(lookUp, d.requests)
		if err != nil {
			return fail(err)
		}
		var from []unix.Sockaddr
		for s := range n {
			from = append(from, sourceAddress(s, n))
		}
		poller, err := newPoller()
		if err != nil {
			return fail(err)
		}
		l := &loop{
			plan: p, stage: rec, rec: rec.NewShard(), picker: d.requests.Picker(), most: d.requests.Most(), sending: sending,
			once: d.requests.Close, fresh: p.NewConnection, small: d.requests.Longest() <= firstWindow, spin: d.Spin,
			peers: peers, dials: i, sources: from, tls: config,
			poller: poller, reader: &http1.Reader{}, buf: make([]byte, readBuffer),
			open: newLine(), trailing: newLine(), reasons: exchange.Reasons{}, meaning: d.requests.Meaning, streams: d.requests.Stream,
		}
		l.event = func(e stream.Event) {
			l.rec.Event(bench.Event(e))
			if d.watch != nil {
				d.watch(e)
			}
		}
		l.conns = make([]conn, part(p.Clients(), i, threads))
		for c := range l.conns {
			l.conns[c].fd = none
		}
		if version == request.HTTP2 {
			l.small = false // a connection carries many
			l.mux = newMux(l, d.requests, part(d.requests.Connections, i, threads))
		}
		if l.streams == nil {
			d.requests.Look.AtReader(l.reader)
		}
		loops = append(loops, l)
	}
	for _, l := range loops {
		l.all = loops
	}
	return loops, nil
}

// part is the share of loop i of n in so many clients.
func part(clients, i, n int) int {
	return (clients + n - 1 - i) / n
}

// newSource is what loop i of n sends.
func newSource(l *loop, p bench.Plan, i, n int, start time.Duration) source {
	schedule := p.Schedule()
	if schedule == nil {
		s := &closed{l: l, every: p.Turn(), left: len(l.conns)}
		for c := range l.conns {
			l.conns[c].number = p.Share.Number(uint64(c*n + i))
			s.wake(int32(c), start+p.Begins(c*n+i))
		}
		return s
	}
	from := p.Share.Number(uint64(i))
	s := &scheduled{l: l, from: from, every: p.Share.Number(uint64(i+n)) - from, start: start, most: part(p.MostConnections(), i, n), mostWait: part(p.MostWaiting(), i, n), burst: p.Load.Model() == load.Burst}
	if s.burst {
		// Of each wave as many as there are clients, which every n-th is not.
		s.clients, s.wave = uint64(len(l.conns)), p.Turn()
		p.Load.Burst, p.Share = len(l.conns), bench.Share{}
		s.schedule = p.Schedule()
	} else {
		s.schedule = arrivals.Share(schedule, i, n)
	}
	for c := range l.conns {
		s.idle = append(s.idle, int32(c))
	}
	s.advance()
	return s
}

// cpusFor is the CPUs for so many loops, nil where there are not enough to
// give each its own. The first are left free: most interrupts go there.
func cpusFor(loops int) []int {
	cpus, err := host.Affinity(0)
	if err != nil || len(cpus) < loops || len(cpus) < 2 {
		return nil
	}
	return cpus[len(cpus)-loops:]
}

// pin confines the calling thread to the i-th CPU, and returns which that is.
func pin(cpus []int, i int) int {
	if cpus == nil || host.PinThread(cpus[i]) != nil {
		return -1
	}
	return cpus[i]
}
