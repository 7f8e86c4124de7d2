package benchtest_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/benchtest"
	"github.com/a628bb15/onhold/reports/result"
)

// A protocol of one's own takes a Conn: here a line is sent and a line comes
// back.
type lines struct {
	net.Conn
	replies *bufio.Reader
}

func (l *lines) Do(timeout time.Duration) bench.Reply {
	if err := l.SetDeadline(time.Now().Add(timeout)); err != nil {
		return failed(err)
	}
	if _, err := l.Write([]byte("order 42\n")); err != nil {
		return failed(err)
	}
	switch line, err := l.replies.ReadSlice('\n'); {
	case err != nil:
		return failed(err)
	case string(line) == "busy\n":
		return bench.Reply{Outcome: result.Rejected}
	}
	return bench.Reply{Outcome: result.OK}
}

func failed(err error) bench.Reply {
	r := bench.Reply{Outcome: result.Reset, Spent: true, Why: err.Error()}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.Outcome = result.Timeout
	}
	return r
}

func dialLines(address string) bench.Dial {
	return func(ctx context.Context) (bench.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return &lines{conn, bufio.NewReader(conn)}, nil
	}
}

func BenchmarkLines(b *testing.B) {
	address := startLines(b)
	plan := bench.Plan{Load: bench.Load{Clients: 20, RampUp: 5 * time.Millisecond}, Warmup: 200 * time.Millisecond, Duration: time.Second}
	benchtest.Run(b, plan, benchtest.Dial("lines", dialLines(address)))
}

// startLines is the service: it answers each line after 5 ms.
func startLines(b *testing.B) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					if _, err := r.ReadSlice('\n'); err != nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
					if _, err := conn.Write([]byte("ok\n")); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
