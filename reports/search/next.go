package search

import (
	"math"
	"time"
)

const (
	firstVisit  = 5 * time.Second // of a level, to find the way
	checkLength = 10 * time.Second
	checkTime   = checkLength * 5 / 4
	quick       = firstLook * 3 / 2 // what the proof of one end may take where the other stays open
	openLooks   = 3                 // how often a level at a bound is looked at before the proof is sought beside it
	reserved    = firstLook * 3 / 2 // what is left for the proof of a level that meets the limits

	steps     = 4    // levels of the grid that the precision spans
	farApart  = 1.5  // ratio of two levels between which one is tried
	looksBad  = 0.15 // chance of as many bad arrivals at the limit, below which a level looks bad
	evidence  = 14   // (zα + zβ)²: with it a level is proven four times of five
	perSecond = 1.25 // seconds that a measured second takes, with warm-up and drain

	// What of the remaining budget the precision may take, and what a wider pair of
	// ends may, where none is proven yet.
	affordable = 1.0
	prudent    = 0.25
)

// Next is what to measure next; false where the search has ended.
func (s *Search) Next() (Visit, bool) {
	meets, misses := s.proven()
	low, high := s.Low, s.top()
	done := s.done(meets, misses)
	switch {
	case s.changed != nil || meets >= misses:
		return s.end(Changed)
	case high < low:
		return s.end(Limited)
	case s.checked:
		return s.end(s.ended(meets, misses))
	case meets > 0 && (done || meets >= high || s.undecided(high) && meets*(1+s.Precision) >= high):
		return s.check(meets)
	case misses <= low || done || s.undecided(low) && misses <= low*(1+s.Precision):
		return s.end(s.ended(meets, misses))
	case s.spent >= s.Budget || meets > 0 && s.left() < firstVisit:
		return s.check(meets)
	case len(s.levels) == 0 && len(s.limited) == 0 && s.First > 0:
		return s.visit(s.First)
	case len(s.levels) == 0:
		return s.visit(min(low, high))
	}
	good, worst := s.looks()
	if at := s.AtLeast; at > 0 && at <= high && s.cost(at, good, worst) < s.left().Seconds() {
		return s.visit(at)
	}
	v, ok := s.way(good, worst)
	if ok && !v.Check {
		v = s.reserve(v, good)
	}
	return v, ok
}

// way is the next visit between the highest level that looks good and the lowest that
// looks bad: to find the way, or of an end.
func (s *Search) way(good, worst float64) (Visit, bool) {
	low, high := s.Low, s.top()
	switch {
	case math.IsInf(worst, 1) && good < high:
		return s.visit(min(high, math.Round(max(good, low)*2)))
	case good == 0 && worst > low:
		return s.visit(max(low, math.Round(worst/2)))
	case good > 0 && worst > good*farApart && worst-good > 1 && !math.IsInf(worst, 1):
		return s.visit(math.Round(math.Sqrt(good * worst)))
	}
	return s.ends(good, worst)
}

// undecided reports whether a level stays so near to the limit that the proof is sought
// beside it.
func (s *Search) undecided(at float64) bool {
	l := s.find(at)
	return l.looks > openLooks && l.verdict == Undecided
}

// done reports whether the ends are as close as is asked, or decide about [Config.AtLeast].
func (s *Search) done(meets, misses float64) bool {
	return misses <= meets*(1+s.Precision)*(1+1e-9) || misses-meets <= 1 ||
		s.AtLeast > 0 && (meets >= s.AtLeast || misses <= s.AtLeast)
}

// left is how much longer can be measured.
func (s *Search) left() time.Duration {
	return time.Duration(float64(s.Budget-s.spent-checkTime) / perSecond).Truncate(time.Second)
}

// reserve is the level to prove instead of a visit, while there is just enough time for
// it, where none is proven to meet the limits: the highest that looks good and can be
// proven in time.
func (s *Search) reserve(v Visit, good float64) Visit {
	left := s.left()
	if meets, _ := s.proven(); meets > 0 || good == 0 || left-v.Length > reserved {
		return v
	}
	for k := len(s.levels) - 1; k >= 0; k-- {
		l := s.levels[k]
		if l.at <= good && max(s.cost(l.at, good, math.Inf(1)), (firstLook-l.length).Seconds()) <= left.Seconds() {
			v, _ = s.visit(l.at)
			break
		}
	}
	return v
}

// check is the last visit, of the level that is proven to meet the limits.
func (s *Search) check(meets float64) (Visit, bool) {
	if meets == 0 {
		_, misses := s.proven()
		return s.end(s.ended(meets, misses))
	}
	return Visit{Level: meets, Length: checkLength, Check: true}, true
}

func (s *Search) end(o Outcome) (Visit, bool) {
	s.outcome = o
	return Visit{}, false
}

// ended is how a search has ended.
func (s *Search) ended(meets, misses float64) Outcome {
	switch open := math.IsInf(misses, 1); {
	case misses <= s.Low:
		return Below
	case meets >= s.High:
		return Above
	case open && s.top() < s.High:
		return Limited
	case s.done(meets, misses):
		return Found
	case open && meets*(1+s.Precision) >= s.High:
		return Above
	case meets == 0 && misses <= s.Low*(1+s.Precision):
		return Below
	}
	return Wide
}

// top is the highest level that can be measured. Once the generator was the limit twice
// above all other levels, it is sought between the highest of these and the lowest at
// which it was.
func (s *Search) top() float64 {
	strikes, ceiling := 0, math.Inf(1)
	good := s.measured()
	for at, times := range s.limited {
		if at > good {
			strikes, ceiling = strikes+times, min(ceiling, at)
		}
	}
	switch {
	case strikes < 2 || ceiling > s.High:
		return s.High
	case good == 0 && ceiling > s.Low:
		return max(s.Low, math.Floor(ceiling/2))
	case good == 0:
		return 0
	case ceiling <= good*(1+s.Precision) || ceiling-good <= 1:
		return good
	}
	return max(good, math.Floor(math.Sqrt(good*ceiling)))
}

// measured is the highest level at which the generator was not the limit when it was
// visited last; 0: none.
func (s *Search) measured() float64 {
	last := map[float64]bool{}
	for _, v := range s.visits {
		last[v.Level] = v.Limited == ""
	}
	good := 0.0
	for at, ok := range last {
		if ok {
			good = max(good, at)
		}
	}
	return good
}

// visit is the next visit of a level.
func (s *Search) visit(at float64) (Visit, bool) {
	length := firstVisit
	if l := s.find(at); l.looks > 0 {
		length = max(firstLook-l.length, time.Duration(float64(l.length)*(lookGrowth-1)).Round(time.Second))
	}
	return Visit{Level: at, Length: min(length, max(firstVisit, s.left()))}, true
}

// looks are the highest level that looks good, below the lowest that looks bad; 0 and
// infinite where there is none.
func (s *Search) looks() (good, worst float64) {
	worst = math.Inf(1)
	for _, l := range s.levels {
		is := l.verdict == Misses || grows(l.last) > growsBadly
		for i, limit := range s.Limits {
			n, b := total(l.batches, bad(i))
			_, many := tails(b, n, limit.Share, s.inflation(i, l.at))
			is = is || many < looksBad && l.verdict != Meets
		}
		if is {
			return good, l.at
		}
		good = l.at
	}
	return good, worst
}

// ends chooses the two levels to prove, and of them the one to visit: the pair that the
// precision asks, or a wider one where that would take too long. Next to a bound of the
// range, and to what the generator can send, one end is all that can be proven.
func (s *Search) ends(good, worst float64) (Visit, bool) {
	if math.IsInf(worst, 1) {
		worst = good * farApart
	}
	e, binding := s.estimate(max(good, 1), worst)
	meets, misses := s.proven()
	left, part := s.left().Seconds(), affordable
	best := pair{seconds: math.Inf(1)}
	for span := steps; span <= 8*steps && !(best.seconds < left*part); span += steps / 2 {
		p := s.cheapest(e, binding, span)
		if !(p.seconds < left*part) {
			p = s.open(e, binding, span, p)
		}
		if p.seconds < best.seconds {
			best = p
		}
		if meets == 0 || math.IsInf(misses, 1) {
			part = prudent
		}
	}
	low, high := best.low, best.high
	a, b := s.find(low), s.find(high)
	switch {
	case math.IsInf(best.seconds, 1):
		return s.check(meets)
	case low == meets:
		return s.visit(high)
	case high == misses || math.IsInf(high, 1):
		return s.visit(low)
	case a.looks > b.looks || a.looks == b.looks && s.need(e, binding, high) > s.need(e, binding, low):
		return s.visit(high)
	}
	return s.visit(low)
}

// pair are two levels, and about how long it takes to prove them. The lower is 0, or the
// higher infinite, where that end stays open.
type pair struct{ low, high, seconds float64 }

// open is the pair of which one end stays open, where the capacity is so near to a bound
// that nothing beyond can be measured; else, p.
func (s *Search) open(e line, binding, span int, p pair) pair {
	meets, misses := s.proven()
	grid := math.Log(1+s.Precision) / steps
	try := func(from, step float64, of func(level float64) pair) {
		for k := range span + 1 {
			at := math.Round(from * math.Exp(step*float64(k)*grid))
			if at <= meets || at >= misses || at < s.Low || at > s.top() || s.undecided(at) {
				continue
			}
			q := of(at)
			if q.seconds = s.need(e, binding, at); q.seconds < p.seconds {
				p = q
			}
			if q.seconds < quick.Seconds() {
				return
			}
		}
	}
	if top := s.top(); math.IsInf(misses, 1) && math.Log(top) < e.at+float64(span)*grid/2 && meets*(1+s.Precision) < top {
		try(top, -1, func(level float64) pair { return pair{low: level, high: math.Inf(1)} })
	}
	if meets == 0 && math.Log(s.Low) > e.at-float64(span)*grid/2 && misses > s.Low*(1+s.Precision) {
		try(s.Low, 1, func(level float64) pair { return pair{high: level} })
	}
	return p
}

// cheapest is the pair of levels that far apart on the grid which takes the fewest
// seconds to prove.
func (s *Search) cheapest(e line, binding, span int) pair {
	meets, misses := s.proven()
	grid, top := math.Log(1+s.Precision)/steps, s.top()
	middle := math.Round((e.at - math.Log(s.Low)) / grid)
	best := pair{seconds: math.Inf(1)}
	for k := middle - float64(span); k <= middle; k++ {
		l := max(math.Round(s.Low*math.Exp(k*grid)), s.Low, meets)
		l = min(l, top)
		h := min(max(math.Floor(l*math.Exp(float64(span)*grid)+1e-6), l+1), top, misses)
		if l >= h || l == meets && h == misses || math.Log(l) > e.at+grid && l != meets || math.Log(h) < e.at-grid && h != misses {
			continue
		}
		seconds := 0.0
		if l != meets {
			seconds += s.need(e, binding, l)
		}
		if h != misses {
			seconds += s.need(e, binding, h)
		}
		if seconds < best.seconds {
			best = pair{l, h, seconds}
		}
	}
	return best
}

// need is about how many seconds it still takes to prove a level.
func (s *Search) need(e line, binding int, at float64) float64 {
	l := s.find(at)
	if l.looks >= s.mostLooks() || at == 0 || math.IsInf(at, 1) {
		return math.Inf(1)
	}
	n, _ := total(l.batches, bad(binding))
	grid := math.Log(1+s.Precision) / steps
	distance := max(math.Abs(math.Log(at)-e.at), grid/2) * e.slope
	clusters := evidence / (distance * distance)
	if math.Log(at) < e.at {
		clusters = max(clusters, -math.Log(s.alpha())) // without one, so many were to be seen at the limit
	}
	want := s.inflation(binding, at) * clusters
	atLimit := s.Limits[binding].Share
	return max(want-float64(n)*atLimit, want/5) / (atLimit * s.rate(at))
}

// rate is about how many arrivals per second there are at a level.
func (s *Search) rate(at float64) float64 {
	rate, nearest := at, math.Inf(1)
	for _, l := range s.levels {
		far := math.Abs(math.Log(l.at / at))
		if n, _ := total(l.batches, bad(0)); s.Closed && far < nearest && n > 0 {
			rate, nearest = float64(n)/l.length.Seconds(), far
		}
	}
	return rate
}

// cost is [Search.need] where the capacity lies between a level that looks good and one
// that looks bad.
func (s *Search) cost(at, good, worst float64) float64 {
	if math.IsInf(worst, 1) {
		worst = max(good, 1) * farApart
	}
	e, binding := s.estimate(max(good, 1), worst)
	return s.need(e, binding, at)
}

// Estimate is about how long a search takes whose capacity lies in the middle of its
// range, if bad arrivals come in clusters of 3 and their share rises as it usually does.
func (c Config) Estimate() time.Duration {
	s := New(c)
	middle := math.Sqrt(c.Low * c.High)
	e := line{math.Log(middle), usualSlope}
	var seconds float64
	for i := range c.Limits {
		half := math.Log(1+c.Precision) / 2
		seconds = max(seconds, 2*max(s.need(e, i, math.Round(middle*math.Exp(half)))*3/unknownInflation, firstLook.Seconds()))
	}
	seconds += (2 + math.Log2(c.High/c.Low)) * firstVisit.Seconds()
	seconds += checkLength.Seconds()
	return min(time.Duration(min(seconds*perSecond, 1e8)*float64(time.Second)).Round(10*time.Second), c.Budget)
}

// Warmup is how long to drive a level before a visit, whose requests take about latency:
// a queue takes longer to fill than a request to be served.
func Warmup(length, latency time.Duration) time.Duration {
	return max(2*time.Second, length/10, 20*latency).Round(100 * time.Millisecond)
}
