package find

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/search"
)

// Bounds of what is read of another generator.
const (
	mostQuanta = 1 << 22 // 12 days
	mostCount  = 1 << 50
)

// Counted is what the counter counted so far, for [Counter.Together].
func (c *Counter) Counted() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := binary.AppendUvarint(nil, uint64(c.waited))
	last := int64(0)
	for _, at := range slices.Sorted(maps.Keys(c.bins)) {
		b := c.bins[at]
		out = binary.AppendUvarint(out, uint64(at-last))
		for _, n := range slices.Concat([]int64{b.N, b.Ended}, b.Bad, b.Near) {
			out = binary.AppendUvarint(out, uint64(n))
		}
		last = at
	}
	return out
}

// Together makes the counts of the counter those of others, of the same conditions, each
// of which counted a share of the same arrivals. It fails, and leaves the counts as they
// are, where one of them cannot be read.
func (c *Counter) Together(parts [][]byte) error {
	sum := NewCounter(c.conditions)
	for _, part := range parts {
		end, err := sum.read(part)
		if err != nil {
			return err
		}
		sum.ends = append(sum.ends, end)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bins, c.waited, c.ends = sum.bins, sum.waited, sum.ends
	return nil
}

// read adds what another counter counted, and returns the last quantum with an arrival.
func (c *Counter) read(part []byte) (end int64, err error) {
	number := func(most uint64) int64 {
		n, length := binary.Uvarint(part)
		if length <= 0 || n > most {
			part, err = nil, errors.New("counts of arrivals: they are cut short or out of range")
			return 0
		}
		part = part[length:]
		return int64(n)
	}
	if len(part) > 0 {
		c.waited += number(mostCount)
	}
	for at := int64(0); len(part) > 0; {
		at += number(mostQuanta)
		if at > mostQuanta {
			return 0, errors.New("counts of arrivals: they are out of range")
		}
		b := c.batch()
		b.N, b.Ended = number(mostCount), number(mostCount)
		for _, counts := range [][]int64{b.Bad, b.Near} {
			for i := range counts {
				counts[i] = number(mostCount)
			}
		}
		if err != nil {
			return 0, err
		}
		if b.N > 0 {
			end = at
		}
		c.numbered(at).Add(*b)
	}
	return end, err
}

// trim drops what only some of the generators had the time to send, as their windows were
// ended early: each hears of it at another moment. It returns the length that is left of a
// window of length.
func (c *Counter) trim(length time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ends) < 2 {
		return length
	}
	end := slices.Min(c.ends)
	maps.DeleteFunc(c.bins, func(at int64, _ *search.Batch) bool { return at > end })
	return min(length, time.Duration(end+1)*quantum)
}
