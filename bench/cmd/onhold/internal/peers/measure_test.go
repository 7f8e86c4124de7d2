package peers

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// grid is n arrivals, each moved off its place by what off says.
func grid(n int, rate float64, off func(i int) time.Duration) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = 12345 + int64(float64(i)*1e9/rate) + int64(off(i))
	}
	return all
}

func TestDeviation(t *testing.T) {
	const rate = 1000
	rows := []struct {
		about    string
		off      func(i int) time.Duration
		p50, p90 time.Duration
	}{
		{"a perfect generator", func(int) time.Duration { return 0 }, 0, 0},
		{"one that is always late by as much", func(int) time.Duration { return time.Second }, 0, 0},
		{"one late in ten", func(i int) time.Duration { return time.Duration(i%10/9) * 100 * time.Microsecond }, 0, 0},
		{"two late in ten", func(i int) time.Duration { return time.Duration(i%10/8) * 100 * time.Microsecond }, 0, 100 * time.Microsecond},
		{"one that comes in pairs", func(i int) time.Duration { return time.Duration(i%2) * -time.Millisecond }, 500 * time.Microsecond, 500 * time.Microsecond},
		{"one that loses an arrival in the middle", func(i int) time.Duration { return time.Duration(i/1250) * time.Millisecond }, 500 * time.Microsecond, 500 * time.Microsecond},
	}
	for _, row := range rows {
		p, err := Deviation(grid(2000, rate, row.off), rate, settling)
		if err != nil {
			t.Fatal(err)
		}
		if p.Arrivals != 1500 && row.about != "one that comes in pairs" || differs(p.P50NS, row.p50) || differs(p.P90NS, row.p90) {
			t.Errorf("%s: %+v, want medians of %v and %v", row.about, p, row.p50, row.p90)
		}
		if math.Abs(p.Rate-rate) > 2 {
			t.Errorf("%s: rate %v, want %v", row.about, p.Rate, rate)
		}
	}
	for _, few := range [][]int64{nil, {1}, {1, 2, 3}} {
		if p, err := Deviation(few, rate, settling); err == nil {
			t.Errorf("of %v: %+v, want an error", few, p)
		}
	}
}

// differs allows for rounding to nanoseconds.
func differs(got int64, want time.Duration) bool { return math.Abs(float64(got-int64(want))) > 10 }

func TestMedian(t *testing.T) {
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("got %v, want 3", got)
	}
	if got := median([]float64{4, 1, 3, 100}); got != 3.5 {
		t.Errorf("got %v, want 3.5", got)
	}
}

// A recording is replayed at its own instants: as many arrivals, each at its place.
func TestDeviationFromARecording(t *testing.T) {
	log, instants := accessLog(500, 50, 10)
	if n := strings.Count(log, "\n"); n != 500 || len(instants) != n || instants[0] != 0 || !slices.IsSorted(instants) || instants[n-1] > 2*time.Second {
		t.Fatalf("%d lines, %d instants up to %v", n, len(instants), instants[len(instants)-1])
	}
	var arrivals []int64
	for i, at := range instants {
		arrivals = append(arrivals, int64(at)+12345+int64(i%100/98)*3000) // 2 % are late
	}
	if p, err := deviationFrom(arrivals, instants); err != nil || differs(p.P50NS, 0) || differs(p.P90NS, 0) || differs(p.P99NS, 3*time.Microsecond) {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := deviationFrom(arrivals[1:], instants); err == nil {
		t.Errorf("with one arrival less: %+v", p)
	}
}
