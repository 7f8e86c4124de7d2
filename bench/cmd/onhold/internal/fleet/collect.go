package fleet

import (
	"fmt"
	"strings"
	"time"
)

// collected notes whose record is complete and who is lost. Nobody takes over the share
// of a lost agent.
func (c *coordinator) collected(now time.Duration) {
	end := max(c.start+c.current.length, c.since)
	more := false
	for _, m := range c.members {
		s := &m.state
		here := s.Stage == c.stage
		switch {
		case m.complete || m.lost != "":
			continue
		case here && s.Phase == Missed && c.resumed:
			m.lost = "it had not started when the coordinator before this one was lost"
		case here && s.Phase == Missed:
			if c.misses++; c.misses > mostMisses {
				c.lose(m, fmt.Sprintf("the order to start reached it too late, %d times", c.misses), nil)
				return
			}
			c.attempt(now)
			return
		case here && s.Phase == Failed:
			m.lost = s.Why
		case s.Refused != "":
			m.lost = s.Refused
		case !here && c.resumed:
			m.lost = "it has no record of the stage, which the coordinator before this one had started"
		case !here: // it was ready for the stage, or there would be none
			m.lost = "it gave up the stage, as it had not heard from the coordinator"
		case now >= end+uploadFor:
			m.lost = fmt.Sprintf("no record within %v of the end of the stage", uploadFor)
		case now > end+lostAfter && c.silent(now, m):
			m.lost = fmt.Sprintf("last heard %v after the start of the stage", max(0, m.heard-c.start).Round(100*time.Millisecond))
		default:
			more = true
		}
	}
	if !more {
		c.step, c.finished = waiting, true
	}
}

// collect adds a part to the record of a member. What arrives is bounded: by the size that
// the first part states, by mostRecord, and with those of the others by the room there is.
func (c *coordinator) collect(m *member, s State) {
	if m.complete || m.lost != "" || s.From != len(m.record) || len(s.Part) == 0 {
		return
	}
	if s.From == 0 {
		m.size, m.sum = s.Size, s.Sum
	}
	switch {
	case m.size > mostRecord:
		m.lost = fmt.Sprintf("its record has %d bytes, above the limit of %d", m.size, mostRecord)
	case c.held+len(s.Part) > c.room:
		m.lost = fmt.Sprintf("there was no room for its record of %d bytes: those of all agents may have %d", m.size, c.room)
		c.drop(m)
	case s.Size != m.size || s.Sum != m.sum || len(m.record)+len(s.Part) > m.size:
		c.again(m)
	default:
		m.record = append(m.record, s.Part...)
		if c.held += len(s.Part); len(m.record) < m.size {
			m.asked -= seldom // for the next part at once
		} else if m.complete = sumOf(m.record) == m.sum; !m.complete {
			c.again(m)
		}
	}
}

// again collects a record again that was none.
func (c *coordinator) again(m *member) {
	c.drop(m)
	if m.tries++; m.tries == mostTries {
		m.lost = fmt.Sprintf("what it handed over was not its record, %d times: its parts contradict its size or its checksum", mostTries)
	}
}

func (c *coordinator) drop(m *member) {
	c.held -= len(m.record)
	m.record = nil
}

// clip bounds a text of an agent.
func clip(text string) string {
	if len(text) <= mostText {
		return text
	}
	return strings.ToValidUTF8(text[:mostText], "") + " …"
}
