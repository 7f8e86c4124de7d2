package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Streams is how replies came that bring events over time: server-sent events, lines,
// messages. An event counts where its arrival was planned in the window, whatever the
// outcome of that.
//
// A gap is between two events of a stream. Gaps of all streams are in one histogram, where
// long streams weigh more than short ones; each stream weighs the same in MedianGap.
type Streams struct {
	FirstEvent *Hist `json:"first_event_ns"` // first event − planned instant, of streams that had one
	Gap        *Hist `json:"gap_ns"`         // of all streams
	MedianGap  *Hist `json:"median_gap_ns"`  // of each stream that has ended and had two gaps or more
	Length     *Hist `json:"length_ns"`      // end of the stream − planned instant, of those that had an event; see [NewLongHist]

	Events     int64 `json:"events"`      // FirstEvent and Gap together have as many
	Together   int64 `json:"together"`    // of them, those that came in the same read as the event before: their gap is 0
	InWindow   int64 `json:"in_window"`   // events that came during the window, whenever their arrival was planned: for a rate
	EndedEarly int64 `json:"ended_early"` // streams that the server ended before they were complete
}

// NewStreams returns Streams without events.
func NewStreams() *Streams {
	return &Streams{FirstEvent: NewHist(), Gap: NewHist(), MedianGap: NewHist(), Length: NewLongHist()}
}

// hists are the histograms by their keys.
func (s *Streams) hists() map[string]*Hist {
	return map[string]*Hist{"first_event_ns": s.FirstEvent, "gap_ns": s.Gap, "median_gap_ns": s.MedianGap, "length_ns": s.Length}
}

// counts are the numbers.
func (s *Streams) counts() []*int64 {
	return []*int64{&s.Events, &s.Together, &s.InWindow, &s.EndedEarly}
}

// Merge adds what o counted.
func (s *Streams) Merge(o *Streams) {
	of := o.hists()
	for key, h := range s.hists() {
		h.Merge(of[key])
	}
	for i, n := range o.counts() {
		*s.counts()[i] += *n
	}
}

// Without is what is left where all that part counted, which must be part of s, is left
// out.
func (s *Streams) Without(part *Streams) *Streams {
	left := &Streams{
		FirstEvent: s.FirstEvent.without(part.FirstEvent), Gap: s.Gap.without(part.Gap),
		MedianGap: s.MedianGap.without(part.MedianGap), Length: s.Length.without(part.Length),
	}
	for i, n := range left.counts() {
		*n = *s.counts()[i] - *part.counts()[i]
	}
	return left
}

// without is h less what part counted.
func (h *Hist) without(part *Hist) *Hist {
	all := h.h.Export()
	for at, n := range part.h.Export().Counts {
		all.Counts[at] -= n
	}
	return &Hist{geometry: h.geometry, h: hdrhistogram.Import(all), sum: h.sum - part.sum, over: h.over - part.over}
}

// UnmarshalJSON reads a record.
func (s *Streams) UnmarshalJSON(data []byte) error {
	type plain Streams
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	for field := range fields(reflect.TypeFor[Streams]()) {
		if members[field.key] == nil {
			return fmt.Errorf("streams: %q is missing", field.key)
		}
	}
	got := plain(*NewStreams()) // whose histograms have their geometries
	if err := json.Unmarshal(data, &got); err != nil {
		return err
	}
	*s = Streams(got)
	return s.check()
}

// check checks the counts against the histograms.
func (s *Streams) check() error {
	for key, h := range s.hists() {
		if h == nil {
			return fmt.Errorf("%s is null, want a histogram", key)
		}
	}
	switch {
	case s.Events != s.FirstEvent.N()+s.Gap.N():
		return fmt.Errorf("events is %d, but there are %d first events and %d gaps", s.Events, s.FirstEvent.N(), s.Gap.N())
	case s.Together > s.Gap.N():
		return fmt.Errorf("together is %d, but there are %d gaps", s.Together, s.Gap.N())
	case s.Length.geometry != long:
		return errors.New("length_ns has the geometry of other times")
	}
	return nil
}

// addStreams adds what o counted, where there are streams.
func addStreams(to **Streams, o *Streams) {
	if o == nil {
		return
	}
	if *to == nil {
		*to = NewStreams()
	}
	(*to).Merge(o)
}
