package fleet

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

// record is what an agent hands over of its share of a stage.
type record struct {
	Stage     *result.Stage `json:"stage"`
	Disturbed bool          `json:"disturbed"` // which a stage does not say when it is stored
}

// merge is the stage that the agents drove together, once it is finished. What a lost
// agent had planned and not reported has the outcome unknown.
func (c *coordinator) merge(p bench.Plan) *result.Stage {
	var parts []*result.Stage
	for _, m := range c.members {
		p.Share = m.share
		parts = append(parts, m.part(c, p))
	}
	s := result.Together(parts)
	s.Settings = s.Settings.With(result.KeyAgents, strconv.Itoa(c.agents))
	p.Share = bench.Share{}
	if n, planned := s.Counts.Planned(), p.Planned(p.Duration, 0); !c.cut && p.Load.Model() != load.Closed && s.Settings.Get(result.KeyDataEnd) != bench.DataStop && n != planned {
		s.Invalidate("the schedule has %d arrivals in the window, but the agents account for %d", planned, n)
	}
	s.Intervals = series.Intervals(s)
	return s
}

// part is the record of an agent, or what is known without it.
func (m *member) part(c *coordinator, p bench.Plan) *result.Stage {
	var r record
	if m.complete {
		if err := json.Unmarshal(m.record, &r); err != nil || r.Stage == nil {
			m.lost = fmt.Sprintf("its record cannot be read: %v", err)
		}
	}
	s := r.Stage
	if m.lost != "" || s == nil {
		s = m.unknown(c, p)
	} else {
		s.Disturbed = r.Disturbed
	}
	s.Agents = []result.Agent{{
		Name: m.hello.Agent, Host: m.hello.Host, Counts: s.Counts, Clients: p.Clients(), Lag: s.Lag.Quantile(0.99),
		Clock: m.within, Valid: s.Valid(), Lost: m.lost,
	}}
	if c.agents > 1 {
		for _, notes := range [][]string{s.Invalid, s.Warnings} {
			for i, note := range notes {
				notes[i] = fmt.Sprintf("agent %s: %s", m.hello.Agent, note)
			}
		}
	}
	return s
}

// unknown is what is known of the share of a lost agent: what it had reported while it
// ran. The rest may have been sent.
func (m *member) unknown(c *coordinator, p bench.Plan) *result.Stage {
	s := result.NewStage()
	s.Settings, s.Start, s.Length = c.current.settings, clock.Wall(c.start+p.Lead()), p.Duration
	if l := m.live; l != nil && l.addTo(s.Latency, s.Lag, new([2]result.Sparse)) == nil {
		s.Counts = result.Counts(l.Counts)
	}
	if p.Load.Model() == load.Closed {
		s.Invalidate("was lost: %s. Its %d of %d clients are missing from then on", m.lost, p.Clients(), int(p.Load.Level()))
		return s
	}
	planned := p.Planned(p.Duration, 0)
	s.Counts[result.Unknown] = max(0, planned-s.Counts.Planned())
	s.Invalidate("was lost: %s. Of its %d arrivals %d are unknown: they may have been sent", m.lost, planned, s.Counts[result.Unknown])
	return s
}
