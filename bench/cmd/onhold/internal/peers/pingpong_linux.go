package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// PingPong is the minimum that a client can do: one thread writes a request to a
// blocking socket and reads the reply, over and over, confined to the first of
// cpus where there is one. What another generator shows above this is its own cost. The
// reply must arrive in one piece, as that of the bare server does.
func PingPong(ctx context.Context, addr, path string, duration time.Duration, cpus []int) (hist *result.Hist, err error) {
	var thread sync.WaitGroup
	thread.Go(func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine, and its confinement with it
		if len(cpus) > 0 {
			if err = host.PinThread(cpus[0]); err != nil {
				err = fmt.Errorf("confining a thread to CPU %d: %w", cpus[0], err)
				return
			}
		}
		hist, err = pingPong(ctx, addr, path, duration)
	})
	thread.Wait()
	return hist, err
}

func pingPong(ctx context.Context, addr, path string, duration time.Duration) (*result.Hist, error) {
	to, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	defer unix.Close(fd)
	second := unix.Timeval{Sec: 1} // a server that ended must not block us
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &second),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &second),
		unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}),
	)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", addr, err)
	}
	request, reply := []byte("GET "+path+" HTTP/1.1\r\nHost: "+addr+"\r\n\r\n"), make([]byte, 4096)
	hist := result.NewHist()
	begin := clock.Now()
	// A busy machine may take longer for the first one. The socket's timeouts bound it.
	for now := begin; (now < begin+duration || hist.N() == 0) && ctx.Err() == nil; {
		sent := now
		n, err := exchange(fd, request, reply)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(string(reply[:min(n, 12)]), "HTTP/1.1 200") {
			return nil, fmt.Errorf("the reply is %q, want a 200", reply[:n])
		}
		now = clock.Now()
		if sent >= begin+min(warmup, duration/2) {
			hist.Record(now - sent)
		}
	}
	if hist.N() == 0 {
		return nil, ctx.Err()
	}
	return hist, nil
}

// exchange makes one round trip. The calls are raw: the runtime does not know
// that the thread may block, and so adds no time.
func exchange(fd int, request, reply []byte) (int, error) {
	if n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&request[0])), uintptr(len(request))); errno != 0 || int(n) != len(request) {
		return 0, fmt.Errorf("writing a request: %d bytes, %w", n, errno)
	}
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&reply[0])), uintptr(len(reply)))
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return 0, fmt.Errorf("reading a reply: %w", errno)
		case n == 0:
			return 0, errors.New("the server closed the connection")
		default:
			return int(n), nil
		}
	}
}

// allowFiles lets the processes that we start open as many files as we may.
func allowFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}
