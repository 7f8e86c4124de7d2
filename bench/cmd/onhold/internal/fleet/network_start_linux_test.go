package fleet

import (
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/netns"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

var starts = flag.Int("starts", 3, "starts of TestSlowNetworkStart over each link")

// start is what was seen of one start of a fleet.
type start struct {
	spread time.Duration // between the first requests of the agents, which have one planned instant
	stated time.Duration // by how much two agents may differ, as the run says
	lag    time.Duration // the greatest of an agent: its own delay, which comes on top
}

// Agents begin a burst, of which all arrivals have one planned instant. Their first
// requests are seen by one clock as they leave their machines, and are no further from
// one another than the run says. It prints a table.
func TestSlowNetworkStart(t *testing.T) {
	slow.Only(t)
	netns.New(t, 0) // or the test is skipped
	program := build(t)
	out := table.New(table.Numbers("link", "starts", "spread median", "worst", "stated bound median", "worst", "lag median", "beyond bound and lag")...)
	for _, c := range []struct {
		name        string
		link, other netns.Link // of all agents, and of the first
	}{
		{name: "no delay"},
		{name: "10 ms each way", link: netns.Link{Delay: 10 * time.Millisecond}, other: netns.Link{Delay: 10 * time.Millisecond}},
		{name: "100 ms each way", link: netns.Link{Delay: 100 * time.Millisecond}, other: netns.Link{Delay: 100 * time.Millisecond}},
		{name: "one agent: 20 ms one way, 0 back", other: netns.Link{More: 20 * time.Millisecond}},
	} {
		var all []start
		for i := range *starts {
			t.Run(fmt.Sprintf("%s: %d", c.name, i+1), func(t *testing.T) {
				all = append(all, startOver(t, program, uint64(i), c.link, c.other))
			})
		}
		if len(all) == 0 {
			continue
		}
		beyond := 0
		for _, s := range all {
			if s.spread > s.stated+s.lag {
				beyond++
			}
		}
		if beyond == len(all) { // one may be of this machine, which is busy with other tests
			t.Errorf("%s: all starts were beyond what was stated: %v", c.name, all)
		}
		of := func(value func(start) time.Duration) (median, worst string) {
			var values []time.Duration
			for _, s := range all {
				values = append(values, value(s))
			}
			slices.Sort(values)
			n := len(values)
			return units.Duration((values[(n-1)/2] + values[n/2]) / 2), units.Duration(values[n-1])
		}
		spread, worstSpread := of(func(s start) time.Duration { return s.spread })
		stated, worstStated := of(func(s start) time.Duration { return s.stated })
		lag, _ := of(func(s start) time.Duration { return s.lag })
		out.Row(c.name, units.Int(len(all)), spread, worstSpread, stated, worstStated, lag, units.Int(beyond))
	}
	t.Log("\n" + out.Markdown())
}

// startOver has four agents start once.
func startOver(t *testing.T, program string, seed uint64, link, first netns.Link) start {
	m := newMachines(t, program, seed, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "a", "b", "c", "d")
	for i, a := range m.agents {
		if a.SetLink(link); i == 0 {
			a.SetLink(first)
		}
		m.startAgent(a)
	}
	folder := filepath.Join(m.dir, "run")
	cmd, printed, ended := m.run("--out", folder, "--burst", fmt.Sprint(len(m.agents)), "--burst-interval", "500ms", "--duration", "500ms", "--warmup", "0s", "--max-lag", "1m", "--retries", "0")
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatalf("the run has not ended within a minute\n%s", printed)
	}
	_, stages, _, err := result.Open(folder)
	if err != nil || len(stages) != 1 || cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("exit code %d, %d stages: %v\n%s", cmd.ProcessState.ExitCode(), len(stages), err, printed)
	}
	var at, bounds []time.Duration
	var s start
	for i, a := range m.agents {
		g := stages[0].Agents[i]
		if !strings.EqualFold(g.Name, a.name) || a.served.Load() == 0 {
			t.Fatalf("agent %s: %+v, first seen at %d", a.name, g, a.served.Load())
		}
		at, bounds, s.lag = append(at, time.Duration(a.served.Load())), append(bounds, g.Clock), max(s.lag, g.Lag)
	}
	slices.Sort(bounds)
	s.spread, s.stated = slices.Max(at)-slices.Min(at), bounds[len(bounds)-1]+bounds[len(bounds)-2]
	return s
}
