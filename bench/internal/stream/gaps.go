package stream

import "time"

// Gaps finds the median gap of one stream after the other, where not its bytes are read
// but its events come from elsewhere. It is as exact as that of a Stream.
type Gaps struct{ median }

// Begin makes it wait for the gaps of the next stream.
func (g *Gaps) Begin() { g.again() }

// Add adds a gap.
func (g *Gaps) Add(gap time.Duration) { g.add(gap) }

// Median is the median, 0 with fewer than two gaps.
func (g *Gaps) Median() time.Duration { return g.value() }
