package stream

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// exact is the median by sorting.
func exact(gaps []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(gaps))
	n := len(sorted)
	return sorted[(n-1)/2] + (sorted[n/2]-sorted[(n-1)/2])/2
}

func TestMiddleIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "gap"))
		if power, sub := bucketOf(gap); math.Abs(float64(middleOf(power, int(sub))-gap)) > float64(gap)/128 {
			t.Fatalf("%d is in a bucket whose middle is %d", gap, middleOf(power, int(sub)))
		}
	})
}

// Gaps of any size, in any order, have the median that they have, within the width of a
// bucket.
func TestMedian(t *testing.T) {
	var m median // used again
	rapid.Check(t, func(t *rapid.T) {
		m.again()
		gaps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, 1<<rapid.IntRange(0, 62).Draw(t, "bits")).Draw(t, "gap"))
		}), 2, 200).Draw(t, "gaps")
		for _, gap := range gaps {
			m.add(gap)
		}
		if got, want := m.value(), exact(gaps); math.Abs(float64(got-want)) > float64(want)/128+1 {
			t.Fatalf("the median of %d is %d, want %d", gaps, got, want)
		}
	})
}

func TestMedianOfNone(t *testing.T) {
	var m median
	if m.add(time.Second); m.value() != 0 {
		t.Errorf("one gap has the median %v", m.value())
	}
	m.again()
	m.add(0)
	m.add(0)
	if m.value() != 1 {
		t.Errorf("the median of gaps that are 0 is %d ns, want 1", m.value())
	}
}

func BenchmarkMedian(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	gaps := make([]time.Duration, 4096)
	for i := range gaps {
		gaps[i] = time.Duration(20e6 * random.ExpFloat64())
	}
	var m median
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.add(gaps[i%len(gaps)])
	}
}
