package benchtest_test

import (
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/slow"
)

// A benchmark without a capacity fails and says what is known.
func TestFindFails(t *testing.T) {
	t.Parallel()
	stdout, _, code := goTest(t, "X=1", "^BenchmarkFixtureFind$")
	if code == 0 || !strings.Contains(stdout, "no capacity (below): from 20 on, 0 is the highest level proven to meet rejected<1%, and 20 the lowest proven to miss it") ||
		!strings.Contains(stdout, "Unit capacity-low/s better=higher\n") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}

// A target that rejects what exceeds 300/s: 5 % are rejected at 316/s.
func TestSlowFind(t *testing.T) {
	slow.Longest(t)
	stdout, _, code := goTest(t, "X=1", "^BenchmarkFixtureFindCapacity$")
	lines, units := parsed(t, stdout)
	if code != 0 || len(lines) != 1 {
		t.Fatalf("exit %d\n%s", code, stdout)
	}
	low, _ := lines[0].Value("capacity-low/s")
	at, _ := lines[0].Value("capacity/s")
	high, _ := lines[0].Value("capacity-high/s")
	if low < 200 || low > 330 || high < 300 || high > 400 || at < low || at > high || units.GetBetter("capacity/s") <= 0 {
		t.Errorf("%v, %v to %v\n%s", at, low, high, stdout)
	}
}
