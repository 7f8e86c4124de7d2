package result

import "github.com/a628bb15/onhold/reports/units"

// streamMetrics are those of replies that bring events over time.
var streamMetrics = []Metric{
	benchmarked(percentile("first-event-", 0.5)),
	benchmarked(percentile("first-event-", 0.99)),
	benchmarked(percentile("gap-", 0.5)),
	benchmarked(percentile("gap-", 0.99)),
	percentile("median-gap-", 0.5),
	benchmarked(percentile("median-gap-", 0.99)),
	{Name: "events/s", Heading: "events/s", Unit: units.Rate, Higher: true, Bench: "events/s", benchScale: 1, read: streamReading(func(t Totals) Reading {
		return Reading{Value: t.rate(t.Streams.InWindow)}
	})},
	{Name: "ended-early", Heading: "ended early", Unit: units.Share, read: streamReading(func(t Totals) Reading {
		return known(float64(t.Streams.EndedEarly)/float64(t.Counts.Planned()), t.Counts.Planned() > 0, noArrival)
	})},
	{Name: "in-one-read", Heading: "in one read", Unit: units.Share, read: streamReading(func(t Totals) Reading {
		return known(float64(t.Streams.Together)/float64(t.Streams.Events), t.Streams.Events > 0, noEvent)
	})},
}

const noEvent = "no stream had an event"

// streamReading is what read has of the streams of a stage.
func streamReading(read func(Totals) Reading) func(*Stage) Reading {
	return func(s *Stage) Reading {
		t := s.Shown()
		switch {
		case t.Streams != nil:
			return read(t)
		case s.Settings.Get(KeyStream) != "":
			return Reading{Reason: noEvent}
		}
		return Reading{Reason: "the replies are no streams; they are where the kind of stream is set, and of gRPC methods that stream replies"}
	}
}

// eventReading is a percentile of one of the histograms of streams.
func eventReading(of func(*Streams) *Hist, none string) func(q float64) func(*Stage) Reading {
	return func(q float64) func(*Stage) Reading {
		return streamReading(func(t Totals) Reading {
			h := of(t.Streams)
			if h.N() == 0 {
				return Reading{Reason: none}
			}
			d := h.Quantile(q)
			if d < h.lowest {
				d = 0 // of events that came together, which is all that a histogram has below
			}
			return ranked(float64(d), q, h.N(), h.Over())
		})
	}
}
