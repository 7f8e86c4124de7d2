package render

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		why  string
		d    time.Duration
		want string
	}{
		{"nothing", 0, "0"},
		{"below the smallest that is measured", 7, "7 ns"},
		{"microseconds", 45 * time.Microsecond, "45 µs"},
		{"three digits", 1234 * time.Microsecond, "1.23 ms"},
		{"no zeros behind", 200 * time.Millisecond, "200 ms"},
		{"rounds down", 200_400 * time.Microsecond, "200 ms"},
		{"rounds into the next unit", 999_960 * time.Microsecond, "1 s"},
		{"rounds within the unit", 999_400 * time.Microsecond, "999 ms"},
		{"seconds", 1200 * time.Millisecond, "1.2 s"},
		{"the highest that is measured", time.Minute, "60 s"},
		{"hours have no unit of their own", 2 * time.Hour, "7,200 s"},
		{"a negative one is none", -time.Second, "0"},
	} {
		if got := duration(c.d); got != c.want {
			t.Errorf("%s: duration(%d) = %q, want %q", c.why, c.d, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0), "0"},
		{number(4.996), "5"},
		{number(99.96), "100"},
		{number(0.0456), "0.0456"},
		{number(1234.6), "1,235"},
		{number(9_876_543), "9,876,543"},
		{number(math.NaN()), "–"},
		{number(math.Inf(1)), "–"},
		{count(999), "999"},
		{count(1000), "1,000"},
		{count(-1234567), "-1,234,567"},
		{byteSize(40 << 20), "40 MiB"},
		{byteSize(1023), "1,023 B"},
		{byteSize(1536 << 20), "1.5 GiB"},
		{byteSize(1 << 60), "1,048,576 TiB"},
		{percent(0), "0 %"},
		{percent(1), "100 %"},
		{percent(0.03), "3.0 %"},
		{percent(0.5), "50 %"},
		{percent(0.997), "99.7 %"},
		{percent(0.0004), "0.04 %"},
		{percent(0.0000001), "<0.01 %"},
		{percent(0.9999999), ">99.99 %"},
		{seldom(15), "20 %"},
		{seldom(3000), "0.1 %"},
		{seldom(28500), "0.011 %"},
		{seldom(2), "100 %"},
		{and(nil), ""},
		{and([]string{"a"}), "a"},
		{and([]string{"a", "b", "c"}), "a, b and c"},
		{shorten("abcdefghij", 10), "abcdefghij"},
		{shorten("abcdefghijk", 10), "abcd…ghijk"},
		{percentile(0.5), "p50"},
		{percentile(0.999), "p99.9"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestSeldomIsABound: the printed bound is never below 3/n.
func TestSeldomIsABound(t *testing.T) {
	for n := int64(4); n < 3_000_000; n = n*7/5 + 1 {
		s := strings.TrimSuffix(seldom(n), " %")
		var p float64
		if _, err := fmt.Sscan(s, &p); err != nil {
			t.Fatal(err)
		}
		if p < 300/float64(n)*(1-1e-9) {
			t.Errorf("n = %d: %s %% is below 3/n = %g %%", n, s, 300/float64(n))
		}
	}
}
