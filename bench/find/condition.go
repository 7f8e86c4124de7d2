package find

import (
	"fmt"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
	"github.com/a628bb15/onhold/reports/units"
)

// Condition is a requirement as a share: fewer than Share of the arrivals are bad. An
// arrival that is neither ok nor rejected has failed.
//
// Of streams, FirstEvent and MedianGap are bounds, too: the stream of an ok arrival is bad
// where its first event came later, or where half of its gaps or more are longer.
type Condition struct {
	search.Limit
	Rejected, Failed bool          // which outcomes are bad
	Latency          time.Duration // an ok arrival that takes longer is bad too; 0: none is

	FirstEvent, MedianGap time.Duration // 0: no bound
}

// Conditions are requirements as shares of the arrivals. The error of one that is none
// says what to require in its place.
func Conditions(required compare.Requirements, model load.Model) (all []Condition, err error) {
	for _, r := range required {
		c, err := condition(r, model)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r, err)
		}
		all = append(all, c)
	}
	return all, nil
}

func condition(r compare.Requirement, model load.Model) (c Condition, err error) {
	c.Limit = search.Limit{Name: r.String(), Share: r.Bound}
	below := strings.HasPrefix(r.Op, "<")
	rest, adjusted := strings.CutPrefix(r.Metric, "adjusted-")
	q, percentile := units.ParsePercentile(rest)
	stream, streamed := c.ofStreams(r.Metric)
	switch {
	case len(r.Where) > 0:
		return c, fmt.Errorf("a search chooses the levels; leave out what follows @")
	case adjusted && percentile && below:
		c.Rejected, c.Failed, c.Latency, c.Share = true, true, time.Duration(r.Bound), 1-q
	case below && stream != nil:
		c.Rejected, c.Failed, *stream, c.Share = true, true, time.Duration(r.Bound), 1-streamed
	case r.Metric == "rejected" && below && model.Open():
		c.Rejected = true
	case r.Metric == "failed" && below:
		c.Failed = true
	case r.Metric == "ok" && !below && model.Open():
		c.Rejected, c.Failed, c.Share = true, true, 1-r.Bound
	case r.Metric == "rejected" || r.Metric == "ok":
		if !model.Open() {
			return c, fmt.Errorf("with clients, the share of %s measures how long they back off; search a rate, or require %s", r.Metric, "adjusted-p99<250ms")
		}
		return c, fmt.Errorf("want rejected<1%% or ok>99%%")
	case percentile:
		return c, fmt.Errorf("%s leaves out what was rejected or failed; require adjusted-%s, which is of all arrivals", r.Metric, units.Percentile(q))
	default:
		return c, fmt.Errorf("is no share of the arrivals; a search takes adjusted-p99<250ms, rejected<1%%, failed<0.1%% and ok>99%%, of streams first-event-p99<1s and median-gap-p99<100ms, and reports the others")
	}
	if c.Share <= 0 || c.Share >= 0.5 {
		return c, fmt.Errorf("allows a share of %s to be bad; want more than 0 and less than 50 %%", units.Percent(c.Share))
	}
	return c, nil
}

// ofStreams is the bound that a metric is about, and its percentile, where it is one of
// what each stream has one of.
func (c *Condition) ofStreams(metric string) (bound *time.Duration, q float64) {
	for prefix, bound := range map[string]*time.Duration{"first-event-": &c.FirstEvent, "median-gap-": &c.MedianGap} {
		if rest, ok := strings.CutPrefix(metric, prefix); ok {
			if q, ok := units.ParsePercentile(rest); ok {
				return bound, q
			}
		}
	}
	return nil, 0
}

// bad reports whether an arrival is bad, and whether it is nearly so.
func (c Condition) bad(a bench.Arrival) (bad, near bool) {
	switch a.Outcome {
	case result.OK:
		for _, of := range [...]struct{ took, bound time.Duration }{
			{a.Done - a.Planned, c.Latency}, {a.FirstEvent - a.Planned, c.FirstEvent}, {a.MedianGap, c.MedianGap},
		} {
			if of.bound > 0 {
				return of.took > of.bound, of.took > of.bound/2
			}
		}
		return false, false
	case result.Rejected:
		return c.Rejected, c.Rejected
	}
	return c.Failed, c.Failed
}
