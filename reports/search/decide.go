package search

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// endShare is the share of the error that each end of the answer has. The rest is
	// for what has no exact bound, such as the inflation: the simulation of this
	// package measures the sum.
	endShare = 0.25

	// A level is decided about once it was measured for firstLook, and each time its
	// length has grown by lookGrowth. A shorter time sees too few clusters to know them.
	firstLook  = 30 * time.Second
	lookGrowth = 1.5

	// overloadShare is the share of the error for levels whose requests in flight grow,
	// by leastGrowth of the arrivals at least: a queue that fills does not go on.
	overloadShare = 0.05
	leastGrowth   = 0.02
	growsSigmas   = 2 // of growth, with which no level meets the limits
	growsBadly    = 4 // with which a level looks bad

	// A level that was decided is open again if what the search has learned since, of
	// longer clusters, leaves this chance that the verdict is wrong.
	doubt = 0.003

	// pool is how far from a level, as a share of it, counts of others count for it.
	pool = 0.06

	// A first visit ends where the chance of its counts at the limit is below obvious: it
	// only finds the way.
	obvious     = 0.001
	clearLength = 2 * time.Second

	longVisit = 20 * time.Second // that two visits last at least of which one is held against the other

	// Bounds of the inflation: how many times the variance of a count of bad arrivals
	// is that of independent ones, as they come in clusters.
	leastInflation   = 1.5
	unknownInflation = 8    // where too few are bad to know
	leastBad         = 20   // bad arrivals from which it is estimated
	leastClusters    = 8    // clusters from which the estimate counts as known
	leastFreedom     = 20   // degrees of freedom for which a length of batches is used
	inflationError   = 0.4  // chance that the inflation of one length of batches is above its bound
	neighbours       = 0.16 // the levels whose clusters are alike, as a logarithm
)

// alpha is the error of one look at a level, for one limit and on one side.
func (s *Search) alpha() float64 {
	return (1 - s.Confidence) * endShare / float64(s.mostLooks()) / float64(max(1, len(s.Limits)))
}

// mostLooks is how often a level is looked at: for half of the budget.
func (s *Search) mostLooks() int {
	return 1 + int(math.Ceil(math.Log(max(1, s.Budget.Seconds()/2/firstLook.Seconds()))/math.Log(lookGrowth)))
}

// judge decides about a level by all that was counted there, with the error alpha. All
// limits must be met; one that is missed is enough.
func (s *Search) judge(l *level, alpha float64) Verdict {
	if s.outrun(l.last) {
		return Misses
	}
	verdict := Meets
	if grows(l.last) > growsSigmas {
		verdict = Undecided
	}
	for i := range s.Limits {
		n, b := total(l.batches, bad(i))
		hopeless := n > 0 && b >= n*9/10
		few, many := s.pooled(l, i)
		switch enough := l.length >= firstLook; {
		case many < alpha && (enough || hopeless):
			return Misses
		case few >= alpha || !enough || rising(l.last, i):
			verdict = Undecided
		}
	}
	return verdict
}

// outrun reports whether it is proven that arrivals outran their ends in a visit, so that
// more and more requests are in flight: no latency is the highest there.
func (s *Search) outrun(batches []Batch) bool {
	alpha := (1 - s.Confidence) * overloadShare / float64(s.mostLooks())
	n := float64(len(batches) - 2)
	g := grows(batches)
	return n > 1 && g > growsSigmas && g > distuv.StudentsT{Nu: n, Sigma: 1}.Quantile(1-alpha)
}

// grows is by how many standard errors the requests in flight grew from batch to batch
// of a visit; 0 where it is not known, or they grew by less than leastGrowth. The first
// batch does not count: of those in flight when the visit began, no end is known.
func grows(batches []Batch) float64 {
	if len(batches) < 4 {
		return 0
	}
	var sum, squares, arrivals float64
	for _, b := range batches[1:] {
		d := float64(b.N - b.Ended)
		sum, squares, arrivals = sum+d, squares+d*d, arrivals+float64(b.N)
	}
	if sum == arrivals || sum < leastGrowth*arrivals {
		return 0
	}
	n := float64(len(batches) - 1)
	return sum / math.Sqrt(n*max((squares-sum*sum/n)/(n-1), arrivals/n))
}

// pooled are the chances of so few bad arrivals at a level and of so many, if it were at
// the limit. As more load is never better, few bad arrivals at the levels above count for
// it too, and many at those below, as far as their clusters are alike.
func (s *Search) pooled(l *level, limit int) (few, many float64) {
	v, share := s.inflation(limit, l.at), s.Limits[limit].Share
	n, b := total(l.batches, bad(limit))
	few, many = tails(b, n, share, v)
	at, _ := slices.BinarySearchFunc(s.levels, l.at, func(o *level, at float64) int { return cmp.Compare(o.at, at) })
	up, bads := n, b
	for k := at + 1; k < len(s.levels) && s.levels[k].at < l.at*(1+pool); k++ {
		n, b := total(s.levels[k].batches, bad(limit))
		up, bads = up+n, bads+b
		f, _ := tails(bads, up, share, v)
		few = min(few, f)
	}
	down, bads := n, b
	for k := at - 1; k >= 0 && s.levels[k].at > l.at*(1-pool); k-- {
		n, b := total(s.levels[k].batches, bad(limit))
		down, bads = down+n, bads+b
		_, m := tails(bads, down, share, v)
		many = min(many, m)
	}
	return few, many
}

// Enough reports whether a visit that goes on has shown what it is for, if it is the
// first of its level: whether to search above or below.
func (s *Search) Enough(v Visit) bool {
	if v.Check || v.Length < clearLength || s.find(v.Level).looks > 0 {
		return false
	}
	if s.outrun(v.Batches) {
		return true
	}
	good := len(v.Batches) >= 4 && grows(v.Batches) < growsSigmas
	for i, limit := range s.Limits {
		n, b := total(v.Batches, bad(i))
		few, many := tails(b, n, limit.Share, unknownInflation)
		if many < obvious {
			return true
		}
		good = good && few < obvious
	}
	return good
}

// contradiction is an earlier visit and the last one, which cannot both be true of one
// server: the higher level is below the limit, and the lower one above it. There may be
// none. Short visits do not count: they begin with an empty server and see few clusters.
func (s *Search) contradiction() []int {
	last := len(s.visits) - 1
	v := s.visits[last]
	for k, w := range s.visits[:last] {
		for i, limit := range s.Limits {
			n, b := total(v.Batches, bad(i))
			n0, b0 := total(w.Batches, bad(i))
			worse, worse0 := float64(b) > float64(n)*limit.Share, float64(b0) > float64(n0)*limit.Share
			if min(v.Length, w.Length) < longVisit || n*n0 == 0 || worse == worse0 {
				continue
			}
			few, many := tails(b, b+b0, float64(n)/float64(n+n0), max(s.inflation(i, v.Level), s.inflation(i, w.Level)))
			alpha := s.alpha() / float64(last)
			if v.Level <= w.Level && many < alpha || v.Level >= w.Level && few < alpha {
				return []int{k, last}
			}
		}
	}
	return nil
}

// tails are the chances, at a level whose bad share is exactly share, of as few bad
// arrivals as b of n, and of as many, where their variance is inflated v times: b/v
// bad arrivals among n/v that are independent.
func tails(b, n int64, share, v float64) (few, many float64) {
	k, of := float64(b)/v, float64(n)/v
	few, many = 1, 1
	if of > k {
		few = mathext.RegIncBeta(of-k, k+1, 1-share)
	}
	if k > 0 {
		many = mathext.RegIncBeta(k, of-k+1, share)
	}
	return few, many
}

// bounds are those of the bad share, each with the error alpha: the shares at which
// one of the tails is alpha.
func bounds(b, n int64, v, alpha float64) (lower, upper float64) {
	k, of := float64(b)/v, float64(n)/v
	lower, upper = 0, 1
	if k > 0 {
		lower = mathext.InvRegIncBeta(k, of-k+1, alpha)
	}
	if of > k {
		upper = mathext.InvRegIncBeta(k+1, of-k, 1-alpha)
	}
	return lower, upper
}

// rising reports whether the bad share rose during a visit, as where a queue grows.
func rising(batches []Batch, limit int) bool {
	n1, b1 := total(batches[:len(batches)/2], bad(limit))
	n2, b2 := total(batches[len(batches)/2:], bad(limit))
	return float64(b2)*float64(max(n1, 1)) > 2*float64(b1)*float64(max(n2, 1)) && b2 > 6+2*b1
}

// inflation is that of the bad counts at a level and its neighbours, at its upper bound.
// Where too few are bad, that of the nearly bad counts stands in.
func (s *Search) inflation(limit int, at float64) float64 {
	key := place{limit, at}
	v, known := s.inflations[key]
	if !known {
		v = s.inflate(limit, at)
		s.inflations[key] = v
	}
	return v
}

// place is a level that is asked about, visited or not, and a limit.
type place struct {
	limit int
	at    float64
}

func (s *Search) inflate(limit int, at float64) float64 {
	share := s.Limits[limit].Share
	v, known := s.clusters(at, share/4, share*4, bad(limit))
	if known {
		return max(v, leastInflation)
	}
	other, _ := s.clusters(at, share/4, 0.5, near(limit))
	return max(v, other, unknownInflation)
}

// clusters estimates the inflation of a count by the levels around one at which its
// share lies within bounds. Batches are merged to 2, 4, 8 … as long as there are enough
// of them, and the largest estimate counts: so clusters that are longer than a batch are
// found too.
func (s *Search) clusters(at, from, to float64, count func(Batch) int64) (v float64, known bool) {
	for merge := 1; ; merge *= 2 {
		var squares, expected float64
		var all int64
		freedom := 0
		for _, l := range s.levels {
			n, k := total(l.batches, count)
			share := float64(k) / float64(max(n, 1))
			if share > to || share < from || math.Abs(math.Log(l.at/at)) > neighbours {
				continue
			}
			all += k
			m := 0
			for i := merge; i <= len(l.batches); i += merge {
				if n, k := total(l.batches[i-merge:i], count); n > 0 {
					d := float64(k) - float64(n)*share
					squares, m = squares+d*d/float64(n), m+1
				}
			}
			if m > 1 {
				freedom, expected = freedom+m-1, expected+float64(m-1)*share*(1-share)
			}
		}
		if freedom < leastFreedom || all < leastBad || expected == 0 {
			return v, known
		}
		f := float64(freedom)
		v = max(v, squares/expected*f/distuv.ChiSquared{K: f}.Quantile(inflationError))
		known = float64(all) >= leastClusters*v
	}
}
