package series

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// Point is what ended in a part of a stage, at the instant of its completion: while a
// stage runs, nothing else is known. All points of a stage together have the arrivals of
// its window; the last contains those that ended while it drained.
type Point struct {
	Target    string         `json:"target"`
	Load      string         `json:"load"`
	Level     float64        `json:"level"`
	Repeat    int            `json:"repeat"`
	Attempt   int            `json:"attempt"` // from 1; an attempt that is followed by another does not count
	Time      time.Time      `json:"time"`    // of its end
	Offset    time.Duration  `json:"offset_ns"`
	Length    time.Duration  `json:"length_ns"`
	By        string         `json:"by"` // completion
	Last      bool           `json:"last"`
	Disturbed bool           `json:"disturbed"`
	Counts    result.Counts  `json:"counts"`
	Latency   *result.Sparse `json:"latency_ns"` // of ok, from the planned instant
	Lag       *result.Sparse `json:"lag_ns"`

	Streams *result.StreamPart `json:"streams,omitzero"` // of replies that bring events over time; nil where they do not
}

// Join adds the next point of the stage.
func (p *Point) Join(next Point) {
	if p.Latency == nil {
		*p = next
		return
	}
	p.Time, p.Length, p.Last, p.Disturbed = next.Time, p.Length+next.Length, next.Last, p.Disturbed || next.Disturbed
	p.Counts.Add(next.Counts)
	p.Latency.Merge(next.Latency)
	p.Lag.Merge(next.Lag)
	p.Streams = p.Streams.Plus(next.Streams)
}

// Writer writes points somewhere, in order.
type Writer func(Point) error

// JSON writes a line for each point.
func JSON(w io.Writer) Writer {
	enc := json.NewEncoder(w)
	return func(p Point) error {
		p.By = "completion"
		return enc.Encode(p)
	}
}

// unquoted is what a tag must not contain.
var unquoted = strings.NewReplacer(",", "_", " ", "_", "\n", "_", "\r", "_")

// HLog writes latencies of ok in the interval log of HdrHistogram, in nanoseconds, with
// a tag for each stage: TARGET@LEVEL, then /REPEAT and #ATTEMPT where they are not the
// first. Of streams it writes the times to first events and the gaps, too, with +first-event
// and +gap behind the tag.
func HLog(w io.Writer) Writer {
	var start time.Time
	return func(p Point) error {
		begins := p.Time.Add(-p.Length)
		if start.IsZero() {
			start = begins
			if _, err := fmt.Fprintf(w, "#[Interval log of onhold: latency of ok in nanoseconds, by completion]\n#[Histogram log format version 1.3]\n"+
				"#[StartTime: %.3f (seconds since epoch), %s]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
				float64(start.UnixMilli())/1000, start.UTC().Format(time.RFC3339)); err != nil {
				return err
			}
		}
		tag := fmt.Sprintf("%s@%g", p.Target, p.Level)
		if p.Repeat > 1 {
			tag += fmt.Sprintf("/%d", p.Repeat)
		}
		if p.Attempt > 1 {
			tag += fmt.Sprintf("#%d", p.Attempt)
		}
		write := func(tag string, times *result.Sparse) error {
			h := times.Hist()
			text, err := h.Encode()
			if err != nil {
				return err
			}
			if n := h.Over(); n > 0 {
				text += fmt.Sprintf("\n#[%d more are above %v]", n, result.HistHighest)
			}
			_, err = fmt.Fprintf(w, "Tag=%s,%.3f,%.3f,%.3f,%s\n", unquoted.Replace(tag), begins.Sub(start).Seconds(), p.Length.Seconds(), float64(h.Max())/1e6, text)
			return err
		}
		err := write(tag, p.Latency)
		if t := p.Streams; t != nil && err == nil {
			err = cmp.Or(write(tag+"+first-event", t.FirstEvent), write(tag+"+gap", t.Gap))
		}
		return err
	}
}
