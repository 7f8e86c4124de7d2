package compare

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/result"
)

// Design fixes, before anything is measured, when the series are tested and the
// chance of a false alarm of each look and series.
type Design struct {
	Alpha float64   `json:"alpha"` // of one-sided false alarms, over all gated series, tests and looks
	Looks []int     `json:"looks"` // after how many pairs, rising
	Spend []float64 `json:"spend"` // each look's share of Alpha, above 0; adds up to 1
	Tests int       `json:"tests"` // gated series of all scenarios, which share Alpha equally; at least 1
}

const (
	// outlierShare is the part of a series' alpha for outliers. The rest is for the
	// typical launch.
	outlierShare = 0.2
	// exactFirst is the part that an exact metric spends at the first look, where all
	// of its pairs agree unless it has noise after all.
	exactFirst = 0.75
	// equalAlpha is the chance, over all looks, that an exact metric is called equal
	// and is not equal in most launches.
	equalAlpha = 0.05
	// lookGrowth is the least ratio between the pairs of two consecutive looks.
	lookGrowth = 1.25
)

// DefaultDesign has a false-alarm rate of at most 1 % a comparison. The early
// looks get little of it: they are for obvious changes and obvious equality.
func DefaultDesign() Design {
	return Design{Alpha: 0.01, Tests: 1}.at([]int{14, 20, 32, 48})
}

// UpTo is the design whose last look is after most pairs. Those before are after
// 14, 20, 32 and 48 pairs and after half as many more each time, as far as they
// come well before the last.
func (d Design) UpTo(most int) Design {
	looks := []int{14, 20, 32}
	for n := 48; n < most; n += n / 2 {
		looks = append(looks, n)
	}
	looks = slices.DeleteFunc(looks, func(n int) bool { return float64(n)*lookGrowth > float64(most) })
	return d.at(append(looks, most))
}

// at is the design with these looks. The second spends twice as much of Alpha as
// the first, the third three times as much, the others four times as much.
func (d Design) at(looks []int) Design {
	d.Looks, d.Spend = looks, make([]float64, len(looks))
	var sum float64
	for i := range looks {
		d.Spend[i] = float64(min(i+1, 4))
		sum += d.Spend[i]
	}
	for i := range d.Spend {
		d.Spend[i] /= sum
	}
	return d
}

// ForOutliers is the design with a look after the fewest pairs that can show that
// at most that share of the candidate's launches are outliers. It is an error where
// the design ends before. A share of 0 changes nothing.
func (d Design) ForOutliers(maxOutliers float64) (Design, error) {
	if maxOutliers == 0 {
		return d, nil
	}
	needed, most := launchesFor(maxOutliers), d.MaxPairs()
	if needed > most {
		return d, fmt.Errorf("a limit of %g %% outliers takes %d pairs to show, and the comparison has at most %d", 100*maxOutliers, needed, most)
	}
	looks := slices.DeleteFunc(slices.Clone(d.Looks), func(n int) bool {
		return n != most && float64(n) < float64(needed)*lookGrowth && float64(needed) < float64(n)*lookGrowth
	})
	if !slices.Contains(looks, needed) {
		looks = append(looks, needed)
		slices.Sort(looks)
	}
	return d.at(looks), nil
}

// MaxPairs is the number of pairs at the last look.
func (d Design) MaxPairs() int { return d.Looks[len(d.Looks)-1] }

// part is the chance of a false alarm of one series, over all its tests and
// looks.
func (d Design) part() float64 { return d.Alpha / float64(max(d.Tests, 1)) }

// alpha is the chance of a false alarm about the typical launch of a series of the
// scale at the look with that index, from 0. It is 0 at a look with too few pairs to
// prove anything; its share goes to the next look.
func (d Design) alpha(scale Scale, look int) float64 {
	if scale == Exact {
		return d.spent((1-outlierShare)*d.part(), d.exactSpend(), look)
	}
	return d.spent((1-outlierShare)*d.part(), d.Spend, look)
}

// outlierAlpha is alpha of the test for outliers.
func (d Design) outlierAlpha(look int) float64 {
	return d.spent(outlierShare*d.part(), d.Spend, look)
}

// exactSpend is each look's share for an exact metric.
func (d Design) exactSpend() []float64 {
	out := slices.Clone(d.Spend)
	if len(out) == 1 {
		return out
	}
	rest := 1 - out[0]
	for i := range out[1:] {
		out[i+1] *= (1 - exactFirst) / rest
	}
	out[0] = exactFirst
	return out
}

func (d Design) spent(total float64, spend []float64, look int) float64 {
	var carried float64
	for i, share := range spend[:look+1] {
		carried += total * share
		if i == look {
			break
		}
		if exact.LeastPairs(carried) <= d.Looks[i] {
			carried = 0
		}
	}
	if look < len(d.Looks)-1 && exact.LeastPairs(carried) > d.Looks[look] {
		return 0
	}
	return carried
}

// MinPairs is the fewest pairs with which the last look can prove anything. Where
// that is above [Design.MaxPairs] the comparison can prove nothing.
func (d Design) MinPairs() int { return exact.LeastPairs(d.alpha(Ratio, len(d.Looks)-1)) }

// Validate returns an error for a design that is not possible.
func (d Design) Validate() error {
	if !(d.Alpha > 0 && d.Alpha < 0.5) {
		return fmt.Errorf("alpha is %g, want more than 0 and less than 0.5", d.Alpha)
	}
	if len(d.Looks) == 0 || len(d.Looks) != len(d.Spend) {
		return fmt.Errorf("%d looks with %d shares of alpha, want as many, and at least one", len(d.Looks), len(d.Spend))
	}
	sum, last := 0.0, 0
	for i, n := range d.Looks {
		if n <= last {
			return fmt.Errorf("look %d is after %d pairs, want more than %d", i+1, n, last)
		}
		if s := d.Spend[i]; !(s > 0 && s <= 1) { // also NaN
			return fmt.Errorf("look %d spends %g of alpha, want more than 0 and at most 1", i+1, s)
		}
		last = n
		sum += d.Spend[i]
	}
	if sum > 1+1e-9 {
		return fmt.Errorf("the looks spend %g of alpha, want at most 1", sum)
	}
	return nil
}

// Settings are the design as settings of a run.
func (d Design) Settings() result.Settings {
	list := func(values any) string {
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(values), "[]"), " ", ",")
	}
	return result.Settings{{Key: "alpha", Value: fmt.Sprint(d.Alpha)}, {Key: "looks", Value: list(d.Looks)}, {Key: "spend", Value: list(d.Spend)}}
}

// DesignOf reads what Settings wrote.
func DesignOf(s result.Settings) (d Design, err error) {
	d.Tests = 1
	for _, f := range []struct {
		key, format string
		to          any
	}{{"alpha", "%s", &d.Alpha}, {"looks", "[%s]", &d.Looks}, {"spend", "[%s]", &d.Spend}} {
		if json.Unmarshal(fmt.Appendf(nil, f.format, s.Get(f.key)), f.to) != nil {
			return d, fmt.Errorf("%s is %q, want numbers separated by commas", f.key, s.Get(f.key))
		}
	}
	return d, d.Validate()
}

// launchesFor is the fewest launches without an outlier that show, with 95 %
// confidence, that at most that share of them are: (1-share)^n ≤ 5 %. It is
// [math.MaxInt] where the share is not above 0, and 1 where it is 1 or more.
func launchesFor(share float64) int {
	switch {
	case !(share > 0):
		return math.MaxInt
	case share >= 1:
		return 1
	}
	n := math.Log(1-seen) / math.Log1p(-share)
	if !(n < math.MaxInt32) {
		return math.MaxInt
	}
	return max(1, int(math.Ceil(n*(1-1e-12))))
}
