package bench_test

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
)

// The conformance suite: what is said of a stage must be so whatever drives
// it. Its servers know what they did with each request and when it came, and
// what the drivers report is held against that. Of times only such bounds are
// asserted as a slow machine cannot break.

// made makes a driver for the requests.
type made func(t *testing.T, h bench.HTTP) bench.Driver

func connsDriver(t *testing.T, h bench.HTTP) bench.Driver {
	t.Helper()
	d, err := h.Driver()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func epollDriver(threads int) made {
	return func(t *testing.T, h bench.HTTP) bench.Driver {
		t.Helper()
		d, err := epoll.New(h, epoll.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// secured makes the driver for the same requests over TLS, which servers that
// accept from a wiretest.Listener speak, too.
func secured(m made) made {
	return func(t *testing.T, h bench.HTTP) bench.Driver {
		t.Helper()
		secure := func(url string) string { return strings.Replace(url, "http://", "https://", 1) }
		h.URL, h.Mix = secure(h.URL), slices.Clone(h.Mix)
		for i := range h.Mix {
			h.Mix[i].URL = secure(h.Mix[i].URL)
		}
		_, h.TLS = certificate()
		return m(t, h)
	}
}

// eachDriver runs the test for both drivers, the event loop over TLS, too.
func eachDriver(t *testing.T, test func(t *testing.T, made made)) {
	t.Helper()
	t.Run("goroutine", func(t *testing.T) { test(t, connsDriver) })
	if epoll.Supported {
		t.Run("epoll", func(t *testing.T) { test(t, epollDriver(1)) })
		t.Run("epoll, TLS", func(t *testing.T) { test(t, secured(epollDriver(1))) })
	}
}

// eachThreads runs it for both, the event-loop driver with as many loops as do
// and do not divide what there is to share, two of them over TLS, too.
func eachThreads(t *testing.T, test func(t *testing.T, made made)) {
	t.Helper()
	t.Run("goroutine", func(t *testing.T) { test(t, connsDriver) })
	if epoll.Supported {
		for threads := 1; threads <= 3; threads++ {
			t.Run(fmt.Sprintf("epoll-%d", threads), func(t *testing.T) { test(t, epollDriver(threads)) })
		}
		t.Run("epoll-2, TLS", func(t *testing.T) { test(t, secured(epollDriver(2))) })
	}
}

// run runs a stage and holds it against what must be true of every one.
func run(t *testing.T, p bench.Plan, d bench.Driver) *result.Stage {
	t.Helper()
	// How long a busy machine takes for the last replies is no matter of the tests that do not say.
	p.DrainTimeout, p.Timeout = cmp.Or(p.DrainTimeout, time.Minute), cmp.Or(p.Timeout, time.Minute)
	stage, err := bench.Run(t.Context(), p, d)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, stage)
	return stage
}

// addsUp holds that every arrival has one outcome, and every histogram one
// sample for each arrival that belongs to it.
func addsUp(t *testing.T, s *result.Stage) {
	t.Helper()
	if s.Latency.N() != s.Counts[result.OK] || s.Uncorrected.N() != s.Counts[result.OK] ||
		s.Rejected.N() != s.Counts[result.Rejected] || s.Lag.N() != s.Counts.Planned()-s.Counts[result.Unsent] {
		t.Errorf("counts %v, but %d latencies, %d service times, %d rejections, %d lags",
			s.Counts, s.Latency.N(), s.Uncorrected.N(), s.Rejected.N(), s.Lag.N())
	}
	for _, w := range s.Notes() {
		if strings.Contains(w, "Little") || strings.Contains(w, "a fault of the driver") {
			t.Error(w)
		}
	}
}

// sum reads to the end.
func sum(r io.Reader) (n int64, checksum uint32, err error) {
	h := crc32.NewIEEE()
	n, err = io.Copy(h, r)
	return n, h.Sum32(), err
}

// number prints a figure for people.
func number(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) }

// namedDriver makes a driver where there is no test to fail.
func namedDriver(name string, h bench.HTTP) (bench.Driver, error) {
	if name == epoll.Name {
		return epoll.New(h, epoll.Options{Threads: 2})
	}
	dial, err := h.Dial()
	return &bench.GoroutineDriver{Dial: dial, Kind: bench.GoroutineName}, err
}
