package render

import (
	"regexp"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

func stagesOf(all ...made) []*result.Stage {
	var stages []*result.Stage
	for _, m := range all {
		stages = append(stages, m.stage())
	}
	return stages
}

func TestFinding(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	with := func(m made, change func(*made)) made { change(&m); return m }
	late := func(m *made) { m.invalid = "the generator was late" }
	named := func(target string, m made) made { m.target = target; return m }
	for _, c := range []struct {
		why    string
		stages []*result.Stage
		want   string
		sure   bool
	}{
		{"the three styles", defaultStages(),
			"blocking rejects requests above 300 clients; goroutine and eventloop serve up to 2,000 clients within 209 ms (p99)", true},
		{"two pools of the same size share a clause", stagesOf(pool(300), pool(500), named("other", pool(300)), named("other", pool(500))),
			"blocking and other reject requests above 300 clients", true},
		{"rejected from the first level on", stagesOf(pool(500), pool(1000)),
			"blocking rejects requests already at 500 clients", true},
		{"a single level that is served", stagesOf(free("goroutine", 500)),
			"goroutine serves 500 clients within 204 ms (p99)", true},
		{"good again above: no more than that may be said", stagesOf(pool(200), pool(500), named("blocking", free("blocking", 800))),
			"blocking rejects requests at 500 clients, but not at 800", true},
		{"a few rejections below the line are not kept quiet",
			stagesOf(with(pool(200), func(m *made) { m.rejected = 2 }), pool(500)),
			"blocking rejects requests above 200 clients (more than 1 %)", true},
		{"user 1001: one in a thousand is turned away, and is not kept quiet", stagesOf(
			made{target: "t", load: "burst", level: 1000, ok: 3000, latency: ms(200)},
			made{target: "t", load: "burst", level: 1001, ok: 3000, rejected: 3, latency: ms(200)}),
			"t rejects up to 0.10 % of requests above 1,000 clients", true},
		{"a wait that doubles is a slowing down", stagesOf(
			made{target: "t", load: "closed", level: 300, ok: 3000, latency: ms(201)},
			made{target: "t", load: "closed", level: 600, ok: 3000, latency: ms(401)}),
			"t slows down above 300 clients: p99 grows from 201 ms to 401 ms", true},
		{"everybody is rejected", stagesOf(made{target: "t", load: "closed", level: 50, rejected: 100, turnedIn: ms(1)}),
			"t rejects every request", true},
		{"everybody times out", stagesOf(made{target: "t", load: "closed", level: 50, timeouts: 100}),
			"t times out on every request", true},
		{"timeouts at an open load", stagesOf(
			made{target: "t", load: "poisson", level: 100, ok: 100, latency: ms(200)},
			made{target: "t", load: "poisson", level: 200, ok: 180, timeouts: 20, latency: ms(200)}),
			"t times out above 100 arrivals/s", true},
		{"latency that grows with the load", stagesOf(
			made{target: "t", load: "constant", level: 500, ok: 500, latency: ms(200)},
			made{target: "t", load: "constant", level: 600, ok: 600, latency: ms(210)},
			made{target: "t", load: "constant", level: 700, ok: 700, latency: ms(900)}),
			"t slows down above 600 arrivals/s: p99 grows from 200 ms to 900 ms", true},
		{"a spike on the way is no slowing down, but is told", stagesOf(
			made{target: "t", load: "closed", level: 500, ok: 500, latency: ms(200)},
			made{target: "t", load: "closed", level: 600, ok: 600, latency: ms(900)},
			made{target: "t", load: "closed", level: 700, ok: 700, latency: ms(200)}),
			"t serves up to 700 clients within 900 ms (p99)", true},
		{"a wide spread is no growth", stagesOf(
			made{target: "t", load: "closed", level: 500, ok: 500, latency: ms(1), jitter: ms(100)},
			made{target: "t", load: "closed", level: 600, ok: 600, latency: ms(1), jitter: ms(100)}),
			"t serves up to 600 clients within 450 ms (p99)", true},
		{"slow and full: both are told", stagesOf(
			made{target: "t", load: "closed", level: 50, ok: 500, latency: ms(100)},
			made{target: "t", load: "closed", level: 100, ok: 500, latency: ms(500)},
			made{target: "t", load: "closed", level: 200, ok: 500, rejected: 500, latency: ms(500), turnedIn: ms(1)}),
			"t rejects requests above 100 clients and serves the others within 500 ms (p99)", true},
		{"the level below is not valid: the place is not sure", stagesOf(pool(100), with(pool(300), late), pool(500)),
			"blocking rejects requests at 500 clients", true},
		{"the levels above are not valid, but fail as well", stagesOf(pool(300), pool(500), with(pool(1000), late)),
			"blocking rejects requests above 300 clients", true},
		{"a level above does not fail, but is not valid", stagesOf(pool(300), pool(500), with(named("blocking", free("", 1000)), late)),
			"blocking rejects requests at 500 clients", true},
		{"the highest load is not valid", stagesOf(free("t", 100), with(free("t", 200), late)), "How does the server behave as load rises?", false},
		{"no stage is valid", stagesOf(with(pool(300), late), with(pool(500), late)), "How does the server behave as load rises?", false},
		{"too few arrivals", stagesOf(free("t", 1), free("t", 2)), "How does the server behave as load rises?", false},
		{"a failure or two may be chance", stagesOf(with(free("t", 1), func(m *made) { m.timeouts = 0.4 })), "How does the server behave as load rises?", false},
		{"no stages", nil, "How does the server behave as load rises?", false},
		{"one target of two is not sure", stagesOf(pool(300), pool(500), with(free("t", 500), late)),
			"blocking rejects requests above 300 clients; t: inconclusive (no valid stage)", true},
		{"more targets than a title can name", stagesOf(pool(300), pool(500), free("a", 500), free("b", 500), free("c", 500)),
			"1 of 4 targets rejects requests, 3 serve every request within 204 ms", true},
	} {
		got, sure := finding.Of(sweep.Of(c.stages))
		if got != c.want || sure != c.sure {
			t.Errorf("%s:\n got %q, sure: %v\nwant %q, sure: %v", c.why, got, sure, c.want, c.sure)
		}
	}
}

// TestUnsentIsNoFinding: what the generator could not send says nothing about
// the target.
func TestUnsentIsNoFinding(t *testing.T) {
	s := free("t", 500).stage()
	s.Counts[result.Unsent] = 1000
	if got, sure := finding.Of(sweep.Of([]*result.Stage{s})); sure {
		t.Errorf("got %q for a load that was not sent", got)
	}
}

func TestEveryWayOfFailingHasWords(t *testing.T) {
	for _, o := range result.Outcomes {
		if o == result.OK || o == result.Unsent {
			continue
		}
		few, all := free("t", 500).stage(), free("t", 500).stage()
		few.Counts[o], all.Counts = 1000, result.Counts{}
		all.Counts[o] = 1000
		for want, s := range map[string]*result.Stage{"t [a-z]+s [a-z ]+ already at 500 clients": few, "t [a-z]+s .*every [a-z ]+": all} {
			if got, _ := finding.Of(sweep.Of([]*result.Stage{s})); !regexp.MustCompile("^" + want + "$").MatchString(got) {
				t.Errorf("%v: %q", o, got)
			}
		}
	}
}

func TestTailFinding(t *testing.T) {
	for _, c := range []struct {
		why    string
		stages []*result.Stage
		want   string
	}{
		{"each at the highest load that it serves", defaultStages(),
			"At the highest load with 99 % served, 1 request in 100 takes longer than 303 ms on blocking (300 clients) and 209 ms on goroutine and eventloop (2,000 clients)"},
		{"too few samples for p99", stagesOf(free("t", 50)), "1 request in 10 takes longer than 202 ms on t (50 clients)"},
		{"too few samples for anything", stagesOf(free("t", 1)), "How long do the slowest requests take?"},
		{"nobody is served", stagesOf(made{target: "t", load: "closed", level: 50, timeouts: 100}), "How long do the slowest requests take?"},
	} {
		if got, _ := finding.Tail(sweep.Of(c.stages)); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.why, got, c.want)
		}
	}
}
