package peers

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/targets/orders"
)

// logged is a server in this process that notes when the kernel received each request:
// what it does itself does not show in these instants.
func logged(p protocol) func(context.Context, *runner) (*server, error) {
	return func(ctx context.Context, r *runner) (*server, error) {
		before, err := host.Affinity(0)
		if err != nil {
			return nil, err
		}
		if len(r.targetCPUs) > 0 {
			if err := host.PinSelf(r.targetCPUs); err != nil {
				return nil, err
			}
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		a := &arrivals{open: map[net.Conn]bool{}}
		scheme := "http://"
		a.answer = map[protocol]func(*stamped){protoPlain: a.http1, protoTLS: a.http1, protoHTTP2: a.http2, protoGRPC: a.http2}[p]
		if p == protoTLS {
			pair, err := certificate("")
			if err != nil {
				return nil, err
			}
			scheme, a.config = "https://", &tls.Config{Certificates: []tls.Certificate{pair}, SessionTicketsDisabled: true}
		}
		a.serving.Go(func() { a.serve(l) })
		return &server{
			addr: l.Addr().String(), url: scheme + l.Addr().String() + orders.PathOneUser,
			ended: func() (bool, string) { return false, "" },
			stop: func() error {
				l.Close()
				a.stop()
				return host.PinSelf(before)
			},
			count: func(_ context.Context, k *contest, m *Measurement) (err error) {
				a.mu.Lock()
				defer a.mu.Unlock()
				m.Requests = int64(len(a.at))
				if m.Took > 0 {
					m.Rate = float64(m.Requests) / m.Took.Seconds()
				}
				if m.Requests > 0 && k.task.Rate > 0 {
					slices.Sort(a.at)
					m.Pacing, err = Deviation(a.at, k.task.Rate, settling)
				}
				return err
			},
		}, nil
	}
}

// arrivals are the instants at which requests came.
type arrivals struct {
	config  *tls.Config
	answer  func(*stamped) // the requests of a connection
	serving sync.WaitGroup

	mu   sync.Mutex // guards what follows
	at   []int64    // nanoseconds
	open map[net.Conn]bool
	over bool
}

func (a *arrivals) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		a.mu.Lock()
		if a.open[c] = true; a.over {
			c.Close()
		}
		a.mu.Unlock()
		a.serving.Go(func() {
			if stamped, err := newStamped(c); err == nil {
				a.answer(stamped)
			}
			c.Close()
			a.mu.Lock()
			delete(a.open, c)
			a.mu.Unlock()
		})
	}
}

func (a *arrivals) stop() {
	a.mu.Lock()
	a.over = true
	for c := range a.open {
		c.Close()
	}
	a.mu.Unlock()
	a.serving.Wait()
}

// note notes a request that came at an instant.
func (a *arrivals) note(at int64) {
	a.mu.Lock()
	a.at = append(a.at, at)
	a.mu.Unlock()
}

func (a *arrivals) http1(stamped *stamped) {
	conn := net.Conn(stamped)
	if a.config != nil {
		conn = tls.Server(stamped, a.config)
	}
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		req.Body.Close()
		a.note(stamped.at)
		if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")); err != nil {
			return
		}
	}
}

// stamped is a connection that knows when the kernel received what was read last.
type stamped struct {
	net.Conn
	raw  syscall.RawConn
	side []byte
	at   int64 // nanoseconds of the wall clock
}

func newStamped(c net.Conn) (*stamped, error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }); err != nil {
		return nil, err
	}
	return &stamped{Conn: c, raw: raw, side: make([]byte, unix.CmsgSpace(int(unsafe.Sizeof(unix.Timespec{}))))}, set
}

// Read implements [net.Conn].
func (s *stamped) Read(p []byte) (n int, err error) {
	var side int
	waitErr := s.raw.Read(func(fd uintptr) bool {
		n, side, _, _, err = unix.Recvmsg(int(fd), p, s.side, 0)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, net.ErrClosed
	}
	s.at = time.Now().UnixNano() // unless the kernel knows better
	if all, err := unix.ParseSocketControlMessage(s.side[:side]); err == nil {
		for _, m := range all {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
				s.at = int64(binary.NativeEndian.Uint64(m.Data))*1e9 + int64(binary.NativeEndian.Uint64(m.Data[8:]))
			}
		}
	}
	return n, nil
}
