package bench_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// deaf is a server of which the kernel takes one or two connections and no
// more: it accepts none.
func deaf(t *testing.T) (addr string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}

// A server that has stopped accepting costs the timeout and no more, also
// while the first connections are made.
func TestServerThatDoesNotAccept(t *testing.T) {
	for _, scheme := range []string{"http://", "https://"} {
		for _, driver := range []string{epoll.Name, bench.GoroutineName} {
			for _, fresh := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s%s, new connections: %v", scheme, driver, fresh), func(t *testing.T) {
					t.Parallel()
					r := hostileRun{URL: scheme + deaf(t) + "/", Driver: driver, Fresh: fresh, Clients: 8, Stalls: true}
					for range 3 { // others may have taken the CPU
						stage, took, err := r.run(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						addsUp(t, stage)
						if n := stage.Counts[result.Timeout]; n == 0 || n != stage.Counts.Planned() {
							t.Fatalf("counts %v, want all timeouts; %q", stage.Counts, stage.Notes())
						}
						// The first connections have one timeout together.
						if took <= r.limit(r.plan())+r.plan().Timeout+time.Second {
							return
						}
					}
					t.Error("the stage did not end in time")
				})
			}
		}
	}
}

// A server that stops accepting and closes what it has, in the midst of a
// stage, refuses from then on.
func TestServerThatGoesAway(t *testing.T) {
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln = wiretest.Listener{Listener: ln}
		served := make(chan struct{}, 1000)
		go func() {
			for range 4 {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					b := make([]byte, 4096)
					for range 3 {
						if _, err := c.Read(b); err != nil {
							return
						}
						says(okReply)(c)
						served <- struct{}{}
					}
				}()
			}
			ln.Close()
		}()
		stage := run(t, bench.Plan{Load: bench.Load{Clients: 4, Backoff: 20 * time.Millisecond, ThinkTime: 20 * time.Millisecond}, Duration: 300 * time.Millisecond}, made(t, bench.HTTP{URL: "http://" + ln.Addr().String() + "/"}))
		ok, refused, reset := stage.Counts[result.OK], stage.Counts[result.Refused], stage.Counts[result.Reset]
		if ok != int64(len(served)) || refused == 0 || ok+refused+reset != stage.Counts.Planned() {
			t.Errorf("counts %v, %d served; %q", stage.Counts, len(served), stage.Notes())
		}
	})
}
