package stream

import (
	"math/bits"
	"time"
)

// median is the median of the gaps of a stream: a histogram whose buckets are 1/64 of a
// power of two wide, so that the median is within 0.8 % of the exact one. Memory is taken
// for the powers of two that gaps fall into, 256 bytes for each, and kept for the next
// stream.
type median struct {
	gaps   uint64
	which  [mostBlocks]uint8 // block of a power of two, from 1; 0: there is none yet
	blocks [][blockSize]uint32
}

const (
	subBits    = 6
	blockSize  = 1 << subBits
	mostBlocks = 64 - subBits
)

// bucketOf is the bucket of a gap: its power of two, 0 for all below blockSize, and which
// one of that.
func bucketOf(gap time.Duration) (power int, sub uint64) {
	g := uint64(max(gap, 0))
	if g < blockSize {
		return 0, g
	}
	shift := bits.Len64(g) - 1 - subBits
	return shift + 1, g>>shift - blockSize
}

// middleOf is the middle of a bucket.
func middleOf(power, sub int) time.Duration {
	if power == 0 {
		return time.Duration(sub)
	}
	shift := power - 1
	return time.Duration(uint64(blockSize+sub)<<shift + uint64(1)<<shift/2)
}

func (m *median) again() {
	m.gaps = 0
	clear(m.blocks)
}

func (m *median) add(gap time.Duration) {
	power, sub := bucketOf(gap)
	if m.which[power] == 0 {
		m.blocks = append(m.blocks, [blockSize]uint32{})
		m.which[power] = uint8(len(m.blocks))
	}
	m.blocks[m.which[power]-1][sub]++
	m.gaps++
}

// value is the median, at least 1 ns; 0 with fewer than two gaps.
func (m *median) value() time.Duration {
	if m.gaps < 2 {
		return 0
	}
	var sum uint64
	low, lower := time.Duration(0), false // the lower one of the two between which it lies
	for power, which := range m.which {
		if which == 0 {
			continue
		}
		for sub, n := range m.blocks[which-1] {
			if sum += uint64(n); n == 0 || 2*sum < m.gaps {
				continue
			}
			at := middleOf(power, sub)
			switch {
			case lower:
				return max(low+(at-low)/2, 1)
			case 2*sum > m.gaps:
				return max(at, 1)
			}
			low, lower = at, true
		}
	}
	return max(low, 1)
}
