package epoll

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
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
	defer spareProcs(len(loops))()
	var cpus []int
	if !p.NoPin {
		cpus = cpusFor(len(loops))
	}
	var connected, finished sync.WaitGroup
	var start, from, to time.Duration
	started := make(chan struct{})
	for i, l := range loops {
		connected.Add(1)
		finished.Go(func() {
			// Never unlocked: the thread ends with the loop, and its timer slack
			// and CPU with it.
			runtime.LockOSThread()
			pinned := pin(cpus, i)
			clock.Punctual()
			if p.Clients() > 0 && !p.NewConnection {
				l.connectAll(max(1, exchange.MaxDials/len(loops)))
			}
			connected.Done()
			<-started
			l.source = newSource(l, p, i, len(loops), start, to)
			used := l.run(from, to)
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
		start, to = rec.Start()
		from, _ = rec.Window()
	}
	close(started)
	finished.Wait()
	if !stop() {
		<-woken // else a descriptor may be closed that is being written to
	}
	for _, l := range loops {
		l.close()
	}
	return ctx.Err()
}

// loops makes the loops of a stage, with their clients where these are known
// beforehand.
func (d *driver) loops(ctx context.Context, p bench.Plan, rec *bench.Recorder) ([]*loop, error) {
	lookUp, cancel := context.WithTimeout(ctx, p.Timeout) // it may connect
	defer cancel()
	addr, err := resolve(lookUp, d.requests.Addr)
	if err != nil {
		return nil, err
	}
	family := unix.AF_INET6
	if addr.Addr().Unmap().Is4() {
		family = unix.AF_INET
	}
	n := sources(addr.Addr().Unmap(), p.MostConnections(), p.NewConnection)
	threads := min(d.Threads, p.MostConnections())
	loops := make([]*loop, 0, threads)
	fail := func(err error) ([]*loop, error) {
		for _, l := range loops {
			l.close()
		}
		return nil, err
	}
	for i := range threads {
		server, err := sockaddr(addr) // of each loop its own, as those of from: connecting writes into it
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
			plan: p, rec: rec.NewShard(), picker: d.requests.Picker(uint64(i)),
			once: d.requests.Close, fresh: p.NewConnection, small: d.requests.Longest() <= firstWindow, spin: d.Spin,
			server: server, family: family, sources: from,
			poller: poller, reader: &http1.Reader{Head: d.requests.Head}, buf: make([]byte, readBuffer),
			open: newLine(), reasons: exchange.Reasons{},
		}
		l.conns = make([]conn, part(p.Clients(), i, threads))
		for c := range l.conns {
			l.conns[c].fd = none
		}
		loops = append(loops, l)
	}
	return loops, nil
}

// part is the share of loop i of n in so many clients.
func part(clients, i, n int) int {
	return (clients + n - 1 - i) / n
}

// newSource is what loop i of n sends.
func newSource(l *loop, p bench.Plan, i, n int, start, end time.Duration) source {
	schedule := p.Schedule()
	if schedule == nil {
		s := &closed{l: l, end: end}
		for c := range l.conns {
			if first := start + p.Begins(c*n+i); first < end {
				s.wake(int32(c), first)
			}
		}
		return s
	}
	s := &scheduled{l: l, start: start, end: end, most: part(p.MostConnections(), i, n), mostWait: part(p.MaxWaiting, i, n), burst: p.Load.Model() == load.Burst}
	if s.burst {
		// Of each wave as many as there are clients, which every n-th is not.
		p.Load.Burst = len(l.conns)
		s.schedule = p.Schedule()
	} else {
		s.schedule = share(schedule, i, n)
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

var procs struct {
	sync.Mutex
	loops  int // of all stages that run
	before int // GOMAXPROCS before the first
}

// spareProcs lets Go run two goroutines at once beside the loops, until the
// function that it returns is called. A loop that waits in the kernel keeps its
// slot for a while; with too few, it would find it taken when it wakes.
func spareProcs(loops int) func() {
	procs.Lock()
	defer procs.Unlock()
	if procs.loops == 0 {
		procs.before = runtime.GOMAXPROCS(0)
	}
	procs.loops += loops
	if want := procs.loops + 2; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
	return func() {
		procs.Lock()
		defer procs.Unlock()
		if procs.loops -= loops; procs.loops == 0 {
			runtime.GOMAXPROCS(procs.before)
		}
	}
}
