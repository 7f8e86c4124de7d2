package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Saved is what a coordinator must know to take a run over from one that was lost. It has
// no secrets.
type Saved struct {
	Run     string       `json:"run"`
	Epoch   int          `json:"epoch"` // of the newest coordinator
	Version string       `json:"version"`
	Hash    string       `json:"plan_sha256"`
	Agents  []SavedAgent `json:"agents"` // in the order of their parts

	Stage   int       `json:"stage"`   // the newest of which there were orders; each attempt is another
	Spec    []byte    `json:"spec"`    // of that stage
	Started bool      `json:"started"` // there were orders to start it
	Cut     bool      `json:"cut"`     // and to end its window
	Start   time.Time `json:"start,omitzero"`
}

// SavedAgent is an agent of a run.
type SavedAgent struct {
	Name   string        `json:"name"`
	Host   string        `json:"host"`
	Within time.Duration `json:"within_ns"` // by how much the start may be wrong
}

// Fits reports why a coordinator cannot take the run over: it is to lead it as it was
// begun.
func (s *Saved) Fits(c Config) error {
	switch {
	case s.Version != c.Version:
		return fmt.Errorf("it was begun with version %.80q, this is %s: use that one", s.Version, c.Version)
	case len(s.Agents) != c.Agents:
		return fmt.Errorf("it has %d agents, not %d", len(s.Agents), c.Agents)
	case s.Hash != sumOf(c.Plan):
		return errors.New("it was begun with other flags or other files: give those that it had, in the same way")
	case !namePattern.MatchString(s.Run) || s.Epoch < 1 || s.Stage < 1 || !slices.IsSorted(s.names()):
		return errors.New("what is stored of its agents is no record of a run")
	}
	return nil
}

func (s *Saved) names() (names []string) {
	for _, a := range s.Agents {
		names = append(names, a.Name)
	}
	return names
}

func (s *Saved) has(name string) bool { return slices.Contains(s.names(), name) }

// saved is what is to be known of the run. The start is by a clock of this process, and
// left to the caller.
func (c *coordinator) saved() Saved {
	s := Saved{Run: c.run, Epoch: c.epoch, Version: c.version, Hash: c.hash, Stage: c.stage, Spec: c.current.spec, Started: c.launched, Cut: c.cut}
	for _, m := range c.members {
		s.Agents = append(s.Agents, SavedAgent{m.hello.Agent, m.hello.Host, m.within})
	}
	return s
}

// milestone is what of a run is saved before any agent hears of it.
type milestone struct {
	stage         int
	launched, cut bool
}

func (c *coordinator) milestone() milestone { return milestone{c.stage, c.launched, c.cut} }

// pending reports whether the coordinator before this one started a stage that is not in
// the record.
func (c *coordinator) pending() bool { return c.before != nil && c.before.Started && c.since == 0 }

// takeUp collects the records of the stage that the coordinator before this one started.
// No agent begins it, or drives it again.
func (c *coordinator) takeUp(now time.Duration) {
	if !bytes.Equal(c.current.spec, c.before.Spec) {
		c.fail(fmt.Errorf("the stage that was under way is another one: %.200q, want %.200q", c.before.Spec, c.current.spec))
		return
	}
	c.step, c.resumed, c.since = running, true, max(now, 1)
	for i, m := range c.members {
		m.within, m.record, m.complete, m.live, m.asked = c.before.Agents[i].Within, nil, false, nil, now-seldom
		if m.absent {
			m.lost = fmt.Sprintf("it did not come back within %v, after the coordinator was lost", c.gather)
		}
	}
}

// absentees adds the agents that did not come back.
func (c *coordinator) absentees() {
	for _, a := range c.before.Agents {
		if c.named[a.Name] == nil {
			m := &member{hello: Hello{Agent: a.Name, Host: a.Host}, absent: true}
			c.members, c.named[a.Name] = append(c.members, m), m
		}
	}
}
