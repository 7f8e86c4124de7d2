package bench

import (
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

type foldedSlice struct {
	result.Slice
	lag *result.Sparse
}

// openSlice is what comes to a slice while it is new.
type openSlice struct {
	number       int
	counts       result.Counts
	latency, lag result.Tally
	streams      *eventTally // nil until there are events
}

// record counts an arrival in the slice of that number. New slices, which most arrivals
// belong to, are quick to record into.
func (f *fold) record(number int, e *entry) {
	o := f.openAt(number)
	if o == nil {
		s := f.slice(number)
		s.Counts[e.outcome]++
		if e.outcome != result.Unsent {
			s.lag.Record(e.lag)
		}
		if e.outcome == result.OK {
			s.Latency.Record(e.took)
		}
		return
	}
	o.counts[e.outcome]++
	if e.outcome != result.Unsent {
		o.lag.Record(e.lag)
	}
	if e.outcome == result.OK {
		o.latency.Record(e.took)
	}
}

// openAt is the slice of that number, where it is new; else nil.
func (f *fold) openAt(number int) *openSlice {
	f.newest = max(f.newest, number)
	if number <= f.newest-len(f.open) {
		return nil
	}
	o := &f.open[number%len(f.open)]
	if o.number != number {
		f.close(o)
		o.number = number
	}
	return o
}

// close moves what came to a new slice into it.
func (f *fold) close(o *openSlice) {
	if o.streams != nil && !o.streams.empty() {
		o.streams.moveTo(f.slice(o.number).events())
	}
	if o.counts == (result.Counts{}) {
		return
	}
	s := f.slice(o.number)
	s.Counts.Add(o.counts)
	o.counts = result.Counts{}
	o.latency.MoveTo(s.Latency)
	o.lag.MoveTo(s.lag)
}

// fit makes room for the slice of that number, and returns its number then. Where there
// would be too many slices, two become one.
func (f *fold) fit(number int) int {
	for number >= result.MaxSlices {
		f.closeAll()
		f.halve()
		f.newest /= 2
		number /= 2
	}
	return number
}

func (f *fold) closeAll() {
	for i := range f.open {
		f.close(&f.open[i])
	}
}

// slice is the slice of a number that fits.
func (f *fold) slice(number int) *foldedSlice {
	for n := len(f.slices); n <= number; n++ {
		f.slices = append(f.slices, foldedSlice{
			Slice: result.Slice{Offset: time.Duration(n) * f.length, Length: f.length, Latency: new(result.Sparse)}, lag: new(result.Sparse),
		})
	}
	return &f.slices[number]
}

func (f *fold) halve() {
	half := f.slices[:0]
	for i := 0; i < len(f.slices); i += 2 {
		s := f.slices[i]
		if i+1 < len(f.slices) {
			next := f.slices[i+1]
			s.Slice = s.Join(next.Slice)
			s.lag.Merge(next.lag)
		}
		half = append(half, s)
	}
	clear(f.slices[len(half):])
	f.slices = half
	f.length *= 2
	if n := len(half); n > 0 {
		half[n-1].Length = f.length
	}
}
