package benchtest_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/benchtest"
)

var wireLines = []string{`Cookie: session="abc.def"`, `Cookie: prefs={"k":"v"}`, "x-EMPTY:", "X-Utf:  caf\xc3\xa9 "}

// BenchmarkFixtureWire prints the first request as the server got it.
func BenchmarkFixtureWire(b *testing.B) {
	p := quick(b)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	got := make(chan string, 1)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var seen bytes.Buffer
				in := bufio.NewReader(io.TeeReader(c, &seen))
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					select {
					case got <- strings.ReplaceAll(seen.String(), ln.Addr().String(), "ADDR"):
					default:
					}
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
		}
	}()
	benchtest.Run(b, p, benchtest.HTTP(bench.HTTP{URL: "http://" + ln.Addr().String() + "/a b?x={1}", Header: wireLines}))
	select {
	case text := <-got:
		os.Stderr.WriteString(text)
	default: // of go test's first look at the benchmark
	}
}

// Header lines go out of a benchmark byte for byte.
func TestHeaderLinesOfABenchmark(t *testing.T) {
	t.Parallel()
	_, stderr, code := goTest(t, "X=1", "^BenchmarkFixtureWire$")
	want := "GET /a%20b?x=%7B1%7D HTTP/1.1\r\nUser-Agent: onhold\r\nHost: ADDR\r\n" + strings.Join(wireLines, "\r\n") + "\r\n\r\n"
	if code != 0 || !strings.Contains(stderr, want) {
		t.Errorf("exit %d, stderr\n%q, want\n%q", code, stderr, want)
	}
}
