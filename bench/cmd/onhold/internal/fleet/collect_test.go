package fleet

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"
)

// collecting is a coordinator that waits for the record of its agents.
func collecting(agents int, room int) *coordinator {
	c := newCoordinator(0, coordinator{run: "r", epoch: 1, version: "v", agents: agents, plan: []byte("plan"), gather: time.Minute, room: room})
	for i := range agents {
		c.hello(0, Hello{Run: "r", Agent: string(rune('a' + i)), Instance: "i", Version: "v"})
	}
	c.share()
	c.step, c.stage = running, 1
	for _, m := range c.members {
		m.state = State{Stage: 1, Phase: Started}
	}
	return c
}

// partOf is the message with a part of a record.
func partOf(seq uint64, agent string, record []byte, from, to int) State {
	return State{Run: "r", Epoch: 1, Agent: agent, Instance: "i", Seq: seq, Hash: sumOf([]byte("plan")), Stage: 1, Phase: Done, Size: len(record), Sum: sumOf(record), From: from, Part: record[from:to]}
}

// However a record is cut, and whatever is doubled, late or of other parts, it arrives.
func TestRecordArrivesInParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := collecting(1, 0)
		m := c.members[0]
		record := rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(t, "record")
		for seq := uint64(1); !m.complete; seq++ {
			from := len(m.record)
			if rapid.Bool().Draw(t, "another") {
				from = rapid.IntRange(0, len(record)-1).Draw(t, "from")
			}
			c.state(time.Second, partOf(seq, "a", record, from, rapid.IntRange(from, len(record)).Draw(t, "to")))
			if seq > 20_000 {
				t.Fatal("it does not arrive")
			}
		}
		if !bytes.Equal(m.record, record) || m.lost != "" || c.held != len(record) {
			t.Fatalf("%d bytes, want %d; %q, %d held", len(m.record), len(record), m.lost, c.held)
		}
	})
}

// An agent whose parts are none of a record, or have no end, takes bounded memory and
// time, and is named.
func TestHostileParts(t *testing.T) {
	record := bytes.Repeat([]byte("a record"), 100)
	for name, c := range map[string]struct {
		message func(c *coordinator, seq uint64) State
		want    string
	}{
		"too large": {func(_ *coordinator, seq uint64) State {
			s := partOf(seq, "a", record, 0, 10)
			s.Size = mostRecord + 1
			return s
		}, "its record has 67108865 bytes, above the limit of 67108864"},
		"no size": {func(_ *coordinator, seq uint64) State {
			s := partOf(seq, "a", record, 0, 10)
			s.Size = -1
			return s
		}, "was not its record, 3 times"},
		"beyond its size": {func(c *coordinator, seq uint64) State {
			s := partOf(seq, "a", record, 0, 600)
			s.From = len(c.members[0].record)
			return s
		}, "was not its record, 3 times"},
		"grows": {func(c *coordinator, seq uint64) State {
			s := partOf(seq, "a", record, 0, 10)
			s.From = len(c.members[0].record)
			s.Size = s.From + 20
			return s
		}, "was not its record, 3 times"},
		"another checksum": {func(c *coordinator, seq uint64) State {
			s := partOf(seq, "a", record, 0, len(record))
			s.Sum = sumOf([]byte("another"))
			return s
		}, "was not its record, 3 times"},
		"no room": {func(c *coordinator, seq uint64) State {
			s := partOf(seq, "a", record, 0, 100)
			s.From, s.Size = len(c.members[0].record), 1<<20
			return s
		}, "there was no room for its record of 1048576 bytes: those of all agents may have 5000"},
		"no end": {func(c *coordinator, seq uint64) State {
			s := partOf(seq, "a", record, 0, 1)
			s.From, s.Size = len(c.members[0].record), mostRecord
			return s
		}, "no record within 1m0s of the end of the stage"},
	} {
		c2 := collecting(1, 5000)
		m := c2.members[0]
		now := time.Duration(0)
		for seq := uint64(1); m.lost == "" && seq < 100_000; seq++ {
			now += 20 * time.Millisecond
			c2.state(now, c.message(c2, seq))
			c2.tick(now)
			c2.out = nil
			if len(m.record) > 5000 || cap(m.record) > 20_000 {
				t.Fatalf("%s: %d bytes of room %d", name, len(m.record), cap(m.record))
			}
		}
		if !strings.Contains(m.lost, c.want) || c2.held > 5000 || m.complete {
			t.Errorf("%s: %q, %d held, want %q", name, m.lost, c2.held, c.want)
		}
		if c2.tick(now); !c2.finished {
			t.Errorf("%s: the stage does not end", name)
		}
	}
}

// wired is an agent's driver that only sends.
type wired struct {
	driver
	bus *Bus
}

func (w wired) send(s State) { w.bus.publish(stateSubject(s.Run, s.Agent), &s) }

// A record that is larger than the messages that the user's server takes arrives all the
// same. A plan that is, and a server that takes next to nothing, are refused with the
// limit.
func TestLimitOfTheServer(t *testing.T) {
	t.Parallel()
	small := func(most int) (*Bus, error) { return embed("token", server.RANDOM_PORT, most) }
	if _, err := small(leastMessage - 1); err == nil || !strings.Contains(err.Error(), "takes messages of up to 65535 bytes (max_payload of its server), want 65536 or more") {
		t.Error(err)
	}
	bus, err := small(leastMessage)
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	for size, want := range map[int]string{40_000: "want at most 32768 on this bus: max_payload of its server is 65536", mostPlan + 1: "want at most 524288"} {
		if _, err := Lead(t.Context(), bus, Config{Run: "r", Version: "v", Agents: 1, Plan: make([]byte, size), Gather: time.Second}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a plan of %d bytes: %v", size, err)
		}
	}
	record := bytes.Repeat([]byte("a record"), 100_000)
	a := &agent{
		hello: Hello{Agent: "a", Instance: "i"}, driver: wired{bus: bus}, part: bus.part(),
		run: "r", epoch: 1, stage: 1, phase: Done, record: record, sum: sumOf(record), hash: sumOf([]byte("plan")),
	}
	c := collecting(1, 0)
	states := make(chan State, 100)
	if err := errors.Join(
		subscribe(bus, orderSubject("r", "a"), func(o Order) { a.order(0, o) }), // of which there is one at a time
		subscribe(bus, stateSubject("r", "a"), func(s State) { states <- s }),
	); err != nil {
		t.Fatal(err)
	}
	now := time.Second
	for end := time.Now().Add(30 * time.Second); !c.members[0].complete && time.Now().Before(end); {
		now += time.Millisecond
		c.tick(now)
		for _, m := range c.out {
			bus.publish(orderSubject("r", "a"), m.what)
		}
		c.out = nil
		select {
		case s := <-states:
			c.state(now, s)
		case <-time.After(time.Second):
		}
	}
	if !bytes.Equal(c.members[0].record, record) {
		t.Errorf("%d of %d bytes arrived", len(c.members[0].record), len(record))
	}
}

// What an agent says of itself is bounded.
func TestTextsOfAgentsAreBounded(t *testing.T) {
	c := collecting(1, 0)
	long := strings.Repeat("ü", 1<<20)
	c.state(time.Second, State{Run: "r", Epoch: 1, Agent: "a", Instance: "i", Seq: 1, Stage: 1, Phase: Failed, Why: long})
	c.tick(time.Second)
	if n := len(c.members[0].lost); n == 0 || n > mostText+10 {
		t.Errorf("%d bytes", n)
	}
	c = newCoordinator(0, coordinator{run: "r", epoch: 1, version: "v", agents: 1, plan: []byte("plan"), gather: time.Minute})
	for _, h := range []Hello{{Version: long}, {Host: long, Version: "v"}, {Instance: long, Version: "v"}} {
		h.Run, h.Agent = "r", "a"
		c.hello(0, h)
	}
	if len(c.members) > 0 || len(c.refused) > 0 {
		t.Errorf("%d members, %d are refused", len(c.members), len(c.refused))
	}
}
