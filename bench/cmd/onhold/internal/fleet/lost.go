package fleet

import (
	"fmt"

	"github.com/a628bb15/onhold/reports/units"
)

// Lost is the error of a run that cannot go on without an agent.
type Lost struct {
	Agents []string // one or more
	Why    string   // of the one that was noticed first
}

func (e *Lost) Error() string {
	if len(e.Agents) > 1 {
		return fmt.Sprintf("agents %s were lost: %s", units.List(e.Agents), e.Why)
	}
	return fmt.Sprintf("agent %s was lost: %s", e.Agents[0], e.Why)
}

// lose ends the run, as a member is lost. It names the others of
// which that is true, too; too may be nil.
func (c *coordinator) lose(m *member, why string, too func(*member) bool) {
	lost := &Lost{Why: why}
	for _, o := range c.members {
		if o == m || too != nil && too(o) {
			lost.Agents = append(lost.Agents, o.hello.Agent)
		}
	}
	c.fail(lost)
}
