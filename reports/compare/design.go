package compare

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
)

// Design fixes, before anything is measured, when is looked and what chance of
// a false alarm each look and metric has.
type Design struct {
	Alpha float64   `json:"alpha"` // of one-sided false alarms, over all gated metrics and looks
	Looks []int     `json:"looks"` // after how many pairs, rising
	Spend []float64 `json:"spend"` // each look's share of Alpha; adds up to 1
	Tests int       `json:"tests"` // gated metrics of all scenarios, without those of scale exact; at least 1
}

// DefaultDesign has a false-alarm rate of at most 1 % a comparison. The early
// looks get little of it: they are for changes and for sameness that nobody
// could doubt.
func DefaultDesign() Design {
	return Design{Alpha: 0.01, Looks: []int{14, 20, 32, 48}, Spend: []float64{0.1, 0.2, 0.3, 0.4}, Tests: 1}
}

// Upto is the design that ends at most pairs. What its later looks would have
// spent goes to the last.
func (d Design) Upto(most int) Design {
	out := d
	out.Looks, out.Spend = nil, nil
	var spent float64
	for i, n := range d.Looks {
		if n >= most {
			break
		}
		out.Looks, out.Spend = append(out.Looks, n), append(out.Spend, d.Spend[i])
		spent += d.Spend[i]
	}
	out.Looks, out.Spend = append(out.Looks, most), append(out.Spend, 1-spent)
	return out
}

// Max is the number of pairs at the last look.
func (d Design) Max() int { return d.Looks[len(d.Looks)-1] }

// AlphaAt is the chance of a false alarm of one metric at the look with that
// index, from 0.
func (d Design) AlphaAt(look int) float64 {
	return d.Alpha * d.Spend[look] / float64(max(d.Tests, 1))
}

// LookAt is the index of the look that n pairs have reached; -1 where that is
// none.
func (d Design) LookAt(n int) int {
	look := -1
	for i, at := range d.Looks {
		if n >= at {
			look = i
		}
	}
	return look
}

// Validate says what is wrong with the design.
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
		last = n
		sum += d.Spend[i]
	}
	if sum > 1+1e-9 {
		return fmt.Errorf("the looks spend %g of alpha, want at most 1", sum)
	}
	return nil
}

// Settings are the design as settings, so that a record says by what it was
// decided.
func (d Design) Settings() result.Settings {
	var looks, spend []string
	for i, n := range d.Looks {
		looks, spend = append(looks, strconv.Itoa(n)), append(spend, strconv.FormatFloat(d.Spend[i], 'g', -1, 64))
	}
	return result.Settings{
		{Key: "alpha", Value: strconv.FormatFloat(d.Alpha, 'g', -1, 64)}, {Key: "looks", Value: strings.Join(looks, ",")}, {Key: "spend", Value: strings.Join(spend, ",")},
	}
}

// DesignOf reads what Settings wrote.
func DesignOf(s result.Settings) (d Design, err error) {
	d.Tests = 1
	if d.Alpha, err = strconv.ParseFloat(s.Get("alpha"), 64); err != nil {
		return d, fmt.Errorf("alpha is %q, want a number", s.Get("alpha"))
	}
	for part := range strings.SplitSeq(s.Get("looks"), ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return d, fmt.Errorf("looks are %q, want whole numbers separated by commas", s.Get("looks"))
		}
		d.Looks = append(d.Looks, n)
	}
	for part := range strings.SplitSeq(s.Get("spend"), ",") {
		v, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return d, fmt.Errorf("spend is %q, want numbers separated by commas", s.Get("spend"))
		}
		d.Spend = append(d.Spend, v)
	}
	return d, d.Validate()
}
