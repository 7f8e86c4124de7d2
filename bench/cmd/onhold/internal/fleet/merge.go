package fleet

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

// mostInflated bounds a record that is not compressed any more, in bytes.
const mostInflated = mostRecord

// record is what an agent hands over of its share of a stage.
type record struct {
	Stage     *result.Stage `json:"stage"`     // without its slices
	Disturbed bool          `json:"disturbed"` // which a stage does not say when it is stored
	Slices    []slice       `json:"slices"`
	Counted   []byte        `json:"counted,omitempty"` // by the [Counter] of the stage
}

// slice is a slice with its histogram in the binary form. A thousand agents hand over a
// hundred slices each, and the form for a file takes a hundred times the CPU.
type slice struct {
	result.Slice
	Latency []byte      `json:"latency_ns"`
	Streams *streamPart `json:"streams,omitempty"`
}

// recordOf is the record of a stage, compressed: the coordinator holds those of all agents
// until the last one has come.
func recordOf(s *result.Stage, counted []byte) ([]byte, error) {
	bare := *s
	bare.Slices = nil
	r := record{Stage: &bare, Disturbed: s.Disturbed, Counted: counted}
	for _, part := range s.Slices {
		r.Slices = append(r.Slices, slice{part, binaryOf(part.Latency), streamPartOf(part.Streams)})
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(w).Encode(r); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// readRecord reads what recordOf writes.
func readRecord(compressed []byte) (s *result.Stage, counted []byte, err error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(compressed)), mostInflated+1))
	if err != nil {
		return nil, nil, err
	}
	if len(text) > mostInflated {
		return nil, nil, fmt.Errorf("it has more than %d bytes", mostInflated)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, nil, err
	}
	if r.Stage == nil {
		return nil, nil, errors.New("it has no stage")
	}
	s = r.Stage
	s.Disturbed = r.Disturbed
	for _, part := range r.Slices {
		part.Slice.Latency = new(result.Sparse)
		if err := part.Slice.Latency.UnmarshalBinary(part.Latency); err != nil {
			return nil, nil, err
		}
		if part.Slice.Streams, err = part.Streams.read(); err != nil {
			return nil, nil, err
		}
		s.Slices = append(s.Slices, part.Slice)
	}
	return s, r.Counted, s.Validate()
}

// ended is a stage that is finished, as the coordinator knows it. It shares nothing that
// changes with it: to put together what a thousand agents recorded takes seconds, in which
// the coordinator goes on.
type ended struct {
	stagePlan
	members []member
	start   time.Duration
	cut     bool
	counted [][]byte // by the counters of the agents, once it is merged
}

// ended is the stage that is finished.
func (c *coordinator) ended() *ended {
	e := &ended{stagePlan: c.current, start: c.start, cut: c.cut}
	for _, m := range c.members {
		e.members = append(e.members, *m)
		m.record = nil
	}
	return e
}

// settle notes whose record could not be read.
func (c *coordinator) settle(e *ended) {
	for i, m := range c.members {
		m.lost = e.members[i].lost
	}
}

// merge is the stage that the agents drove together. What a lost agent had planned and
// not reported has the outcome unknown. It uses the records up.
func (e *ended) merge(p bench.Plan) *result.Stage {
	s := result.Together(func(yield func(*result.Stage) bool) {
		for i := range e.members {
			if !yield(e.part(&e.members[i], p)) {
				return
			}
		}
	})
	s.Settings = s.Settings.With(result.KeyAgents, strconv.Itoa(len(e.members)))
	p.Share = bench.Share{}
	if n, planned := s.Counts.Planned(), p.Planned(p.Duration, 0); !e.cut && p.Load.Model() != load.Closed && s.Settings.Get(result.KeyDataEnd) != bench.DataStop && n != planned {
		s.Invalidate("the schedule has %d arrivals in the window, but the agents account for %d", planned, n)
	}
	s.Intervals = series.Intervals(s)
	return s
}

// vague is the error of a start that a stage notes: a tenth of a slice, as more arrivals
// would belong to another one.
const vague = 25 * time.Millisecond

// part is the record of an agent, or what is known without it.
func (e *ended) part(m *member, p bench.Plan) *result.Stage {
	p.Share = m.share
	var s *result.Stage
	var counted []byte
	if m.complete {
		var err error
		if s, counted, err = readRecord(m.record); err != nil {
			m.lost = fmt.Sprintf("its record cannot be read: %v", err)
		}
		m.record = nil
	}
	if m.lost != "" || s == nil {
		s = e.unknown(m, p)
		if counted = nil; m.live != nil {
			counted = m.live.Counted
		}
	} else if m.quiet > quietAfter {
		s.Warn("did not answer for %v: it stood still, or was cut off", m.quiet.Round(100*time.Millisecond))
	}
	if m.within > vague {
		s.Warn("may have started up to %v early or late: a round trip to it takes up to %v", m.within.Round(time.Millisecond), m.rtt.Round(time.Millisecond))
	}
	e.counted = append(e.counted, counted)
	s.Agents = []result.Agent{{
		Name: m.hello.Agent, Host: m.hello.Host, Counts: s.Counts, Clients: p.Clients(), Lag: s.Lag.Quantile(0.99),
		Clock: m.within, Valid: s.Valid(), Lost: m.lost,
	}}
	for _, notes := range [][]string{s.Invalid, s.Warnings} {
		for i, note := range notes {
			notes[i] = fmt.Sprintf("agent %s: %s", m.hello.Agent, note)
		}
	}
	return s
}

// unknown is what is known of the share of a lost agent: what it had reported while it
// ran. The rest may have been sent.
func (e *ended) unknown(m *member, p bench.Plan) *result.Stage {
	s := result.NewStage()
	s.Settings, s.Start, s.Length = e.settings, clock.Wall(e.start+p.Lead()), p.Duration
	known := totals{latency: s.Latency, lag: s.Lag}
	if l := m.live; l != nil && l.addTo(&known, new([2]result.Sparse)) == nil {
		s.Counts, s.Streams = result.Counts(l.Counts), known.streams
	}
	if p.Load.Model() == load.Closed {
		s.Invalidate("was lost: %s. Its %d of %d clients are missing from then on", m.lost, p.Clients(), int(p.Load.Level()))
		return s
	}
	planned := p.Planned(p.Duration, 0)
	s.Counts[result.Unknown] = max(0, planned-s.Counts.Planned())
	if s.Counts[result.Unknown] == 0 {
		s.Invalidate("was lost: %s. It had reported all of its %d arrivals, but its record is missing", m.lost, planned)
		return s
	}
	s.Invalidate("was lost: %s. Of its %d arrivals %d are unknown: they may have been sent", m.lost, planned, s.Counts[result.Unknown])
	return s
}
