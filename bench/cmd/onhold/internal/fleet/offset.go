package fleet

import (
	"math"
	"time"
)

// maxDrift bounds the rate at which the clocks of two machines part: quartz is within
// 100 ppm of the true rate, so two are within 200 ppm of one another.
const maxDrift = 200e-6

// tick is what reading a clock rounds off.
const tick = time.Nanosecond

// mostPings bounds what is kept of the pings of one agent: the quickest ones.
const mostPings = 64

// ping is one round trip: the agent read its own clock at some instant between sent and
// got, which are of the coordinator's clock.
type ping struct {
	sent, got, agent time.Duration
}

// offsets estimates an agent's clock from round trips. Each says that agent − coordinator
// lay between agent − got and agent − sent, whatever the way there and the way back took.
// The estimate is all straight lines that pass through all of these ranges: none is
// assumed to be symmetric, and the true line is always among them.
type offsets struct {
	pings []ping
}

// add notes a round trip, the last so far.
func (o *offsets) add(p ping) {
	if p.got < p.sent {
		return
	}
	o.pings = append(o.pings, p)
	if len(o.pings) <= mostPings {
		return
	}
	// The slowest says least, but for the first and the last, which bound the drift.
	slowest := 1
	for i := 1; i < len(o.pings)-1; i++ {
		if o.pings[i].got-o.pings[i].sent > o.pings[slowest].got-o.pings[slowest].sent {
			slowest = i
		}
	}
	o.pings = append(o.pings[:slowest], o.pings[slowest+1:]...)
}

// at is the agent's clock at an instant of the coordinator's, and by how much that may be
// wrong; false where there is no ping. The bound grows with the time from the pings on.
// Pings that contradict later ones mean that a clock was set or stopped, as when a virtual
// machine is moved: they are dropped.
func (o *offsets) at(coordinator time.Duration) (agent, within time.Duration, ok bool) {
	least, most, ok := o.slopes()
	for ; !ok; least, most, ok = o.slopes() {
		if len(o.pings) == 0 {
			return 0, 0, false
		}
		o.pings = o.pings[1:]
	}
	// Of all lines, the lowest and the highest at that instant. Both are reached at a
	// slope that can be searched for, as the one is convex in the slope, the other concave.
	_, high := peak(least, most, func(d float64) float64 { _, high := o.between(d, coordinator); return high })
	_, low := peak(least, most, func(d float64) float64 { low, _ := o.between(d, coordinator); return -low })
	low = -low
	middle := (low + high) / 2
	return coordinator + time.Duration(math.Round(middle)), time.Duration(math.Ceil((high - low) / 2)), true
}

// between is the least and the highest offset, in nanoseconds, at an instant, of lines of
// one slope; there is none where the least is above the highest.
func (o *offsets) between(slope float64, at time.Duration) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	for _, p := range o.pings {
		// The agent may have read its clock at any instant of the round trip.
		low = max(low, float64(p.agent-p.got-tick)+slope*float64(at-p.got))
		high = min(high, float64(p.agent-p.sent+tick)+slope*float64(at-p.sent))
	}
	return low, high
}

// slopes is the range of the slopes of which there is a line.
func (o *offsets) slopes() (least, most float64, ok bool) {
	if len(o.pings) == 0 {
		return 0, 0, false
	}
	from := o.pings[0].sent
	room := func(d float64) float64 { low, high := o.between(d, from); return high - low }
	best, wide := peak(-maxDrift, maxDrift, room)
	if wide < 0 {
		return 0, 0, false
	}
	edge := func(outside float64) float64 {
		if room(outside) >= 0 {
			return outside
		}
		inside := best
		for range 50 {
			if middle := (inside + outside) / 2; room(middle) >= 0 {
				inside = middle
			} else {
				outside = middle
			}
		}
		return outside // so that no line is left out
	}
	return edge(-maxDrift), edge(maxDrift), true
}

// peak is where a concave function is highest between two points, and how high.
func peak(from, to float64, of func(float64) float64) (at, height float64) {
	for range 60 { // (2/3)^60: far below a nanosecond
		a, b := from+(to-from)/3, to-(to-from)/3
		if of(a) < of(b) {
			from = a
		} else {
			to = b
		}
	}
	at = (from + to) / 2
	return at, of(at)
}
