package result

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"iter"
	"math/bits"
	"slices"
	"time"
)

// Sparse is a histogram that holds only the buckets in use. It has the geometry of
// [Hist], so both merge exactly. The zero Sparse is empty. It is not safe for
// concurrent use.
type Sparse struct {
	buckets []bucket // in rising order
	n, over int64    // n includes over
	sum     time.Duration
}

type bucket struct {
	at int32 // its number in the geometry
	n  int64
}

// The geometry of Hist in bits: 512 ns is the width of the smallest buckets, of which
// there are twice 1,024 before the width doubles.
const (
	unitBits = 9
	halfBits = 10
)

// bucketOf is the number of the bucket of a value up to HistHighest.
func bucketOf(d time.Duration) int32 {
	octave := max(0, bits.Len64(uint64(d))-unitBits-halfBits-1)
	return int32(octave<<halfBits + int(d>>(octave+unitBits)))
}

// bounds are the least and the largest value of a bucket.
func (b bucket) bounds(unitBits int32) (low, high time.Duration) {
	octave := max(0, b.at>>halfBits-1)
	low = time.Duration(b.at-octave<<halfBits) << (octave + unitBits)
	return low, low + 1<<(octave+unitBits) - 1
}

// SparseOf is the same histogram.
func SparseOf(h *Hist) *Sparse {
	s := &Sparse{n: h.N(), over: h.over, sum: h.sum}
	s.buckets = slices.Collect(h.used())
	return s
}

// Record counts one duration, as [Hist.Record] does.
func (s *Sparse) Record(d time.Duration) {
	d = max(d, 0)
	s.n++
	s.sum += d
	if d > HistHighest {
		s.over++
		return
	}
	s.add(bucket{bucketOf(d), 1})
}

func (s *Sparse) add(b bucket) {
	low, high := 0, len(s.buckets)
	for low < high {
		if middle := int(uint(low+high) >> 1); s.buckets[middle].at < b.at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(s.buckets) && s.buckets[low].at == b.at {
		s.buckets[low].n += b.n
		return
	}
	s.buckets = slices.Insert(s.buckets, low, b)
}

// Merge adds everything that o counted.
func (s *Sparse) Merge(o *Sparse) { s.combine(o, 1) }

// Subtract removes everything that o counted, which must be part of s.
func (s *Sparse) Subtract(o *Sparse) { s.combine(o, -1) }

func (s *Sparse) combine(o *Sparse, sign int64) {
	s.n, s.over, s.sum = s.n+sign*o.n, s.over+sign*o.over, s.sum+time.Duration(sign)*o.sum
	merged := make([]bucket, 0, len(s.buckets)+len(o.buckets))
	for i, j := 0, 0; i < len(s.buckets) || j < len(o.buckets); {
		var b bucket
		switch {
		case j == len(o.buckets) || i < len(s.buckets) && s.buckets[i].at < o.buckets[j].at:
			b = s.buckets[i]
			i++
		case i == len(s.buckets) || o.buckets[j].at < s.buckets[i].at:
			b = bucket{o.buckets[j].at, sign * o.buckets[j].n}
			j++
		default:
			b = bucket{s.buckets[i].at, s.buckets[i].n + sign*o.buckets[j].n}
			i, j = i+1, j+1
		}
		if b.n != 0 {
			merged = append(merged, b)
		}
	}
	s.buckets = merged
}

// AddTo adds everything that s counted to a histogram.
func (s *Sparse) AddTo(h *Hist) {
	h.sum += s.sum
	h.over += s.over
	for _, b := range s.buckets {
		low, _ := b.bounds(unitBits)
		_ = h.h.RecordValues(int64(low), b.n) // it fails above HistHighest only
	}
}

// Hist is the same histogram.
func (s *Sparse) Hist() *Hist {
	h := NewHist()
	s.AddTo(h)
	return h
}

// N is the number of recorded durations, those above the highest included.
func (s *Sparse) N() int64 { return s.n }

// Over is the number of recorded durations above HistHighest.
func (s *Sparse) Over() int64 { return s.over }

// Sum is the exact sum of the recorded durations.
func (s *Sparse) Sum() time.Duration { return s.sum }

// Above is how many recorded durations are above d, to three digits.
func (s *Sparse) Above(d time.Duration) int64 {
	if d >= HistHighest {
		return s.over
	}
	first, found := slices.BinarySearchFunc(s.buckets, bucketOf(max(d, 0)), func(b bucket, at int32) int { return cmp.Compare(b.at, at) })
	if found {
		first++
	}
	n := s.over
	for _, b := range s.buckets[first:] {
		n += b.n
	}
	return n
}

// Quantile is as [Hist.Quantile].
func (s *Sparse) Quantile(q float64) time.Duration {
	k := rank(q, s.n)
	if k < 1 {
		return 0
	}
	for _, b := range s.buckets {
		if k -= b.n; k <= 0 {
			_, high := b.bounds(unitBits)
			return high
		}
	}
	return HistHighest
}

// All yields the recorded durations in rising order, as [Hist.All] does.
func (s *Sparse) All() iter.Seq2[time.Duration, int64] {
	return func(yield func(time.Duration, int64) bool) {
		for _, b := range s.buckets {
			if low, high := b.bounds(unitBits); !yield(low/2+high/2, b.n) {
				return
			}
		}
		if s.over > 0 {
			yield(HistHighest+1, s.over)
		}
	}
}

// MarshalJSON writes what [Hist.MarshalJSON] writes.
func (s *Sparse) MarshalJSON() ([]byte, error) { return json.Marshal(s.Hist()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Sparse) UnmarshalJSON(data []byte) error {
	h := new(Hist)
	if err := json.Unmarshal(data, h); err != nil {
		return err
	}
	*s = *SparseOf(h)
	return nil
}

// AppendBinary appends a compact form of the histogram, for programs of the same version.
// Its error is always nil.
func (s *Sparse) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendVarint(b, s.over)
	b = binary.AppendVarint(b, int64(s.sum))
	last := int32(0)
	for _, u := range s.buckets {
		b = binary.AppendUvarint(b, uint64(u.at-last))
		b = binary.AppendUvarint(b, uint64(u.n))
		last = u.at
	}
	return b, nil
}

// UnmarshalBinary reads what AppendBinary writes, in the memory that s has. It leaves s
// empty where it fails.
func (s *Sparse) UnmarshalBinary(b []byte) error {
	buckets := s.buckets[:0]
	*s = Sparse{}
	wrong := errors.New("histogram: it is cut short or out of range")
	at := 0 // in b
	number := func() (n uint64, ok bool) {
		if at < len(b) && b[at] < 0x80 { // most are
			at++
			return uint64(b[at-1]), true
		}
		n, length := binary.Uvarint(b[at:])
		at += max(length, 0)
		return n, length > 0
	}
	signed := func() (int64, bool) {
		n, length := binary.Varint(b[at:])
		at += max(length, 0)
		return n, length > 0 && n >= 0 && n <= maxNumber
	}
	over, ok1 := signed()
	sum, ok2 := signed()
	if !ok1 || !ok2 || over > maxCount {
		return wrong
	}
	got := Sparse{over: over, n: over, sum: time.Duration(sum)}
	for place := uint64(0); at < len(b); {
		gap, ok1 := number()
		n, ok2 := number()
		if !ok1 || !ok2 || n == 0 || n > maxCount || gap > uint64(lastBucket)-place || gap == 0 && len(buckets) > 0 {
			return wrong
		}
		place += gap
		if got.n += int64(n); got.n > maxCount {
			return wrong
		}
		buckets = append(buckets, bucket{int32(place), int64(n)})
	}
	got.buckets = buckets
	*s = got
	return nil
}
