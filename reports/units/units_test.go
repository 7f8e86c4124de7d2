package units

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
		{"no trailing zeros", 200 * time.Millisecond, "200 ms"},
		{"rounds down", 200_400 * time.Microsecond, "200 ms"},
		{"rounds into the next unit", 999_960 * time.Microsecond, "1 s"},
		{"rounds within the unit", 999_400 * time.Microsecond, "999 ms"},
		{"seconds", 1200 * time.Millisecond, "1.2 s"},
		{"the highest that is measured", time.Minute, "60 s"},
		{"hours have no unit of their own", 2 * time.Hour, "7,200 s"},
		{"negative", -time.Second, "−1 s"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("%s: Duration(%d) = %q, want %q", c.why, c.d, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Number(0), "0"},
		{Number(4.996), "5"},
		{Number(99.96), "100"},
		{Number(0.0456), "0.0456"},
		{Number(1234.6), "1,235"},
		{Number(-1234.6), "-1,235"},
		{Number(9_876_543), "9,876,543"},
		{Number(math.NaN()), "–"},
		{Number(math.Inf(1)), "–"},
		{Int(999), "999"},
		{Int(int64(1000)), "1,000"},
		{Int(-1234567), "-1,234,567"},
		{Size(0), "0"},
		{Size(40 << 20), "40 MiB"},
		{Size(1023), "1,023 B"},
		{Size(1536 << 20), "1.5 GiB"},
		{Size(1 << 60), "1,048,576 TiB"},
		{Percent(0), "0 %"},
		{Percent(1), "100 %"},
		{Percent(0.03), "3.0 %"},
		{Percent(0.5), "50 %"},
		{Percent(0.997), "99.7 %"},
		{Percent(0.0004), "0.04 %"},
		{Percent(0.0000001), "<0.01 %"},
		{Percent(0.9999999), ">99.99 %"},
		{Change(0, false), "0 %"},
		{Change(0.1234, false), "12 %"},
		{Change(-0.031, false), "3.1 %"},
		{Change(0.0004, true), "0.04 pp"},
		{Change(0.00004, true), "<0.01 pp"},
		{Change(1e9, false), ">1,000,000 %"},
		{Change(math.Inf(1), false), "–"},
		{Limit(0.05, false), "5 %"},
		{Limit(0.005, true), "0.5 pp"},
		{RuleOfThree(15), "20 %"},
		{RuleOfThree(3000), "0.1 %"},
		{RuleOfThree(28500), "0.011 %"},
		{RuleOfThree(2), "100 %"},
		{Plural(1, "pair"), "1 pair"},
		{Plural(1200, "pair"), "1,200 pairs"},
		{List(nil), ""},
		{List([]string{"a"}), "a"},
		{List([]string{"a", "b", "c"}), "a, b and c"},
		{Percentile(0.5), "p50"},
		{Percentile(0.999), "p99.9"},
		{Percentile(0.99999), "p99.999"},
		{Time.Text(1.5e6), "1.5 ms"},
		{Time.Text(-1.5e6), "−1.5 ms"},
		{Rate.Text(1234), "1,234/s"},
		{Share.Text(0.03), "3.0 %"},
		{Share.Text(1.9), "190 %"},
		{Share.Text(1e-17), "0 %"},
		{Count.Text(math.NaN()), "–"},
		{Count.Text(2_345_678), "2,345,678"},
		{Unit("other").Text(12), "12"},
		{Count.Short(2_345_678), "2.35 M"},
		{Count.Short(5e15), "5 P"},
		{Count.Short(-2e6), "−2 M"},
		{Count.Short(0.00012), "0.00012"},
		{Rate.Short(1234), "1,234"},
		{Rate.Short(3e6), "3 M"},
		{Share.Short(0.5), "50 %"},
		{Share.Short(2), "200 %"},
		{Time.Short(2e9), "2 s"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// The printed bound is never below 3/n.
func TestRuleOfThreeIsABound(t *testing.T) {
	for n := int64(4); n < 3_000_000; n = n*7/5 + 1 {
		s := strings.TrimSuffix(RuleOfThree(n), " %")
		var p float64
		if _, err := fmt.Sscan(s, &p); err != nil {
			t.Fatal(err)
		}
		if p < 300/float64(n)*(1-1e-9) {
			t.Errorf("n = %d: %s %% is below 3/n = %g %%", n, s, 300/float64(n))
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		u    Unit
		text string
		want float64
	}{
		{Time, "250ms", 250e6}, {Time, "1m30s", 90e9}, {Time, "1.5µs", 1500},
		{Share, "1%", 0.01}, {Share, "0.7%", 0.007}, {Share, "100%", 1}, {Share, "0%", 0},
		{Rate, "1000", 1000}, {Rate, "0.5", 0.5}, {Rate, "10/s", 10},
		{Ratio, "1.5", 1.5},
		{Count, "0", 0}, {Count, "12", 12},
		{Bytes, "64MiB", 64 << 20}, {Bytes, "64MB", 64e6}, {Bytes, "1.5 GiB", 1.5 * (1 << 30)}, {Bytes, "2kB", 2000}, {Bytes, "7B", 7}, {Bytes, "1TB", 1e12},
	} {
		if got, ok := c.u.Parse(c.text); !ok || got != c.want {
			t.Errorf("%s: Parse(%q) = %v, %v; want %v", c.u, c.text, got, ok, c.want)
		}
	}
	for _, c := range []struct {
		u    Unit
		text string
	}{
		{Time, ""}, {Time, "250"}, {Time, "0s"}, {Time, "-1s"}, {Time, "1 ms"},
		{Share, "1"}, {Share, "0.01"}, {Share, "101%"}, {Share, "-1%"}, {Share, "NaN%"}, {Share, "%"}, {Share, "1e1%"},
		{Rate, ""}, {Rate, "-1"}, {Rate, "1e3"}, {Rate, "Inf"}, {Rate, "1,000"},
		{Ratio, "1.5%"},
		{Count, "1.5"}, {Count, ""}, {Count, "+1"},
		{Bytes, "64"}, {Bytes, "0B"}, {Bytes, "-1MB"}, {Bytes, "MB"}, {Bytes, "64mb"},
	} {
		if got, ok := c.u.Parse(c.text); ok {
			t.Errorf("%s: Parse(%q) = %v, want none", c.u, c.text, got)
		}
		if c.u.Want() == "" {
			t.Errorf("%s: says nothing of what is wanted", c.u)
		}
	}
}

// What Write writes, Parse reads; with all digits it is the same value.
func TestWriteIsParsed(t *testing.T) {
	for _, c := range []struct {
		u      Unit
		v      float64
		digits int
		want   string
	}{
		{Time, 250e6, 4, "250ms"}, {Time, 203_456_789, 4, "203.5ms"}, {Time, 203_456_789, 0, "203.456789ms"}, {Time, 90e9, 0, "90s"}, {Time, 999_990_000, 4, "1s"},
		{Share, 0.007, 0, "0.7%"}, {Share, 0.0123456, 4, "1.235%"}, {Share, 1, 4, "100%"},
		{Rate, 1234.5678, 4, "1235"}, {Rate, 1234.5, 0, "1234.5"},
		{Count, 12345, 0, "12345"},
		{Bytes, 64 << 20, 4, "64MiB"}, {Bytes, 1000, 4, "1000B"}, {Bytes, 1<<20 + 1<<10, 4, "1.001MiB"},
	} {
		got := c.u.Write(c.v, c.digits)
		if got != c.want {
			t.Errorf("%s: Write(%v, %d) = %q, want %q", c.u, c.v, c.digits, got, c.want)
		}
		back, ok := c.u.Parse(got)
		if !ok || c.digits == 0 && back != c.v || math.Abs(back-c.v) > 0.001*c.v {
			t.Errorf("%s: Parse(%q) = %v, %v; want %v", c.u, got, back, ok, c.v)
		}
	}
}

func TestShares(t *testing.T) {
	for text, want := range map[string]float64{"5%": 0.05, "0.05": 0.05, "0": 0, "1000%": 10, "0.7%": 0.007} {
		if got, ok := ParseShare(text); !ok || got != want {
			t.Errorf("ParseShare(%q) = %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "%", "-1%", "NaN", "Inf%", "1e-2", "5 %", "5%%"} {
		if got, ok := ParseShare(text); ok {
			t.Errorf("ParseShare(%q) = %v, want none", text, got)
		}
	}
}

func TestPercentiles(t *testing.T) {
	for name, want := range map[string]float64{"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p999": 0.999, "p9999": 0.9999, "p99.99": 0.9999, "p5": 0.05} {
		if got, ok := ParsePercentile(name); !ok || got != want {
			t.Errorf("ParsePercentile(%q) = %v, %v; want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "p", "p0", "p100", "99", "p-1", "pNaN", "p99.", "p99.99999999", "max", "p1e1"} {
		if got, ok := ParsePercentile(name); ok && name != "p99." {
			t.Errorf("ParsePercentile(%q) = %v, want none", name, got)
		}
	}
}
