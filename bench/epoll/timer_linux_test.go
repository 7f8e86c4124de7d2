package epoll

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// listen starts a server that answers whatever it reads with the same bytes.
func listen(t testing.TB, text string) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answers(t, ln, text)
	return "http://" + ln.Addr().String() + "/"
}

const okReply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// onTimers is the driver with one loop, as it is on kernels that do not have
// epoll_pwait2.
type onTimers struct{ *driver }

func (d onTimers) Drive(ctx context.Context, p bench.Plan, rec *bench.Recorder) error {
	loops, err := d.loops(ctx, p, rec)
	if err != nil {
		return err
	}
	l := loops[0]
	defer l.close()
	if l.poller.timer < 0 {
		if err := l.poller.useTimer(); err != nil {
			return err
		}
	}
	l.connectAll(1)
	start, _ := rec.Start()
	l.source = newSource(l, p, 0, 1, start)
	l.run()
	return nil
}

func TestOldKernelsWaitByATimer(t *testing.T) {
	for _, p := range []bench.Plan{
		{Load: bench.Load{Rate: 500, Arrivals: load.Constant}, Duration: 200 * time.Millisecond},
		{Load: bench.Load{Burst: 10, BurstInterval: 20 * time.Millisecond}, Duration: 200 * time.Millisecond},
		{Load: bench.Load{Clients: 10, ThinkTime: 20 * time.Millisecond}, Duration: 200 * time.Millisecond},
	} {
		d, err := New(bench.HTTP{URL: listen(t, okReply)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		stage, err := bench.Run(t.Context(), p, onTimers{d.(*driver)})
		if err != nil {
			t.Fatal(err)
		}
		n := stage.Counts[result.OK]
		if n != stage.Counts.Planned() || p.Load.Model() != load.Closed && n != 100 || n < 20 || n > 100 {
			t.Errorf("%s: counts %v, want about 100 ok and no more", p.Load, stage.Counts)
		}
	}
}

// A wait by the timer does not end before its instant, and ends.
func TestTimerWakes(t *testing.T) {
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.useTimer(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		began := time.Now()
		if n := p.wait(5*time.Millisecond, 0); n > 1 {
			t.Errorf("%d events of one timer", n)
		}
		if took := time.Since(began); took < 5*time.Millisecond {
			t.Errorf("it woke after %v", took)
		}
	}
	p.wake()
	if n := p.wait(never, 0); n != 1 || p.events[0].Fd != wakeup {
		t.Errorf("%d events, the first for %d, want to be woken", n, p.events[0].Fd)
	}
}
