package benchtest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/benchtest"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
)

var wireLines = []string{`Cookie: session="abc.def"`, `Cookie: prefs={"k":"v"}`, "x-EMPTY:", "X-Utf:  caf\xc3\xa9 "}

// BenchmarkFixtureWire prints the first request as the server got it.
func BenchmarkFixtureWire(b *testing.B) {
	p := quick(b)
	s := wiretest.Start(b)
	benchtest.Run(b, p, benchtest.HTTP(bench.HTTP{URL: "http://" + s.Addr + "/a b?x={1}", Header: wireLines}))
	for _, text := range s.Requests() { // none at go test's first look at the benchmark
		os.Stderr.WriteString(strings.ReplaceAll(text, s.Addr, "ADDR"))
		break
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

// The rows of a file make requests differ; a search takes no data that ends.
func TestDataOfABenchmark(t *testing.T) {
	t.Parallel()
	if _, stderr, code := goTest(t, "X=1", "^BenchmarkFixtureData$"); code != 0 || !strings.Contains(stderr, "7 differ, /u/6: true\n") {
		t.Errorf("exit %d, stderr\n%s", code, stderr)
	}
	if stdout, _, code := goTest(t, "X=1", "^BenchmarkFixtureFindOfDataThatEnds$"); code == 0 || !strings.Contains(stdout, "DataEnd is stop, want cycle, as this measures for as long as it needs to") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}
