package fleet

import (
	"fmt"
	"strings"
)

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
