package finding_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

func TestFinding(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	with := func(m sweeptest.Made, change func(*sweeptest.Made)) sweeptest.Made { change(&m); return m }
	late := func(m *sweeptest.Made) { m.Invalid = "the generator was late" }
	named := func(target string, m sweeptest.Made) sweeptest.Made { m.Target = target; return m }
	for _, c := range []struct {
		why    string
		stages []*result.Stage
		want   string
		sure   bool
	}{
		{"the three styles", sweeptest.Default(),
			"blocking rejects requests above 300 clients; goroutine and eventloop serve up to 2,000 clients within 209 ms (p99)", true},
		{"two pools of the same size share a clause", sweeptest.Stages(sweeptest.Pool(300), sweeptest.Pool(500), named("other", sweeptest.Pool(300)), named("other", sweeptest.Pool(500))),
			"blocking and other reject requests above 300 clients", true},
		{"rejected from the first level on", sweeptest.Stages(sweeptest.Pool(500), sweeptest.Pool(1000)),
			"blocking rejects requests already at 500 clients", true},
		{"a single level that is served", sweeptest.Stages(sweeptest.Free("goroutine", 500)),
			"goroutine serves 500 clients within 204 ms (p99)", true},
		{"good again above: no more than that may be said", sweeptest.Stages(sweeptest.Pool(200), sweeptest.Pool(500), named("blocking", sweeptest.Free("blocking", 800))),
			"blocking rejects requests at 500 clients, but not at 800", true},
		{"a few rejections below the line are not kept quiet",
			sweeptest.Stages(with(sweeptest.Pool(200), func(m *sweeptest.Made) { m.Rejected = 2 }), sweeptest.Pool(500)),
			"blocking rejects requests above 200 clients (more than 1 %)", true},
		{"user 1001: one in a thousand is rejected, and is not kept quiet", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "burst", Level: 1000, OK: 3000, Latency: ms(200)},
			sweeptest.Made{Target: "t", Load: "burst", Level: 1001, OK: 3000, Rejected: 3, Latency: ms(200)}),
			"t rejects up to 0.10 % of requests above 1,000 clients", true},
		{"a wait that doubles is a slowing down", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "closed", Level: 300, OK: 3000, Latency: ms(201)},
			sweeptest.Made{Target: "t", Load: "closed", Level: 600, OK: 3000, Latency: ms(401)}),
			"t slows down above 300 clients: p99 grows from 201 ms to 401 ms", true},
		{"everybody is rejected", sweeptest.Stages(sweeptest.Made{Target: "t", Load: "closed", Level: 50, Rejected: 100, RejectedIn: ms(1)}),
			"t rejects every request", true},
		{"everybody times out", sweeptest.Stages(sweeptest.Made{Target: "t", Load: "closed", Level: 50, Timeouts: 100}),
			"t times out on every request", true},
		{"timeouts at an open load", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "poisson", Level: 100, OK: 100, Latency: ms(200)},
			sweeptest.Made{Target: "t", Load: "poisson", Level: 200, OK: 180, Timeouts: 20, Latency: ms(200)}),
			"t times out above 100 arrivals/s", true},
		{"latency that grows with the load", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "constant", Level: 500, OK: 500, Latency: ms(200)},
			sweeptest.Made{Target: "t", Load: "constant", Level: 600, OK: 600, Latency: ms(210)},
			sweeptest.Made{Target: "t", Load: "constant", Level: 700, OK: 700, Latency: ms(900)}),
			"t slows down above 600 arrivals/s: p99 grows from 200 ms to 900 ms", true},
		{"a spike on the way is no slowing down, but is reported", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "closed", Level: 500, OK: 500, Latency: ms(200)},
			sweeptest.Made{Target: "t", Load: "closed", Level: 600, OK: 600, Latency: ms(900)},
			sweeptest.Made{Target: "t", Load: "closed", Level: 700, OK: 700, Latency: ms(200)}),
			"t serves up to 700 clients within 900 ms (p99)", true},
		{"a wide spread is no growth", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "closed", Level: 500, OK: 500, Latency: ms(1), Jitter: ms(100)},
			sweeptest.Made{Target: "t", Load: "closed", Level: 600, OK: 600, Latency: ms(1), Jitter: ms(100)}),
			"t serves up to 600 clients within 450 ms (p99)", true},
		{"slow and full: both are reported", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "closed", Level: 50, OK: 500, Latency: ms(100)},
			sweeptest.Made{Target: "t", Load: "closed", Level: 100, OK: 500, Latency: ms(500)},
			sweeptest.Made{Target: "t", Load: "closed", Level: 200, OK: 500, Rejected: 500, Latency: ms(500), RejectedIn: ms(1)}),
			"t rejects requests above 100 clients and serves the others within 500 ms (p99)", true},
		{"the level below is not valid: the place is not sure", sweeptest.Stages(sweeptest.Pool(100), with(sweeptest.Pool(300), late), sweeptest.Pool(500)),
			"blocking rejects requests at 500 clients", true},
		{"the levels above are not valid, but fail as well", sweeptest.Stages(sweeptest.Pool(300), sweeptest.Pool(500), with(sweeptest.Pool(1000), late)),
			"blocking rejects requests above 300 clients", true},
		{"a level above does not fail, but is not valid", sweeptest.Stages(sweeptest.Pool(300), sweeptest.Pool(500), with(named("blocking", sweeptest.Free("", 1000)), late)),
			"blocking rejects requests at 500 clients", true},
		{"the highest load is not valid", sweeptest.Stages(sweeptest.Free("t", 100), with(sweeptest.Free("t", 200), late)), "How does the server behave as load rises? Inconclusive: its highest load is not valid", false},
		{"no stage is valid", sweeptest.Stages(with(sweeptest.Pool(300), late), with(sweeptest.Pool(500), late)), "How does the server behave as load rises? Inconclusive: no valid stage", false},
		{"too few arrivals", sweeptest.Stages(sweeptest.Free("t", 1), sweeptest.Free("t", 2)), "How does the server behave as load rises? Inconclusive: too few arrivals", false},
		{"a failure or two may be chance", sweeptest.Stages(with(sweeptest.Free("t", 1), func(m *sweeptest.Made) { m.Timeouts = 0.4 })), "How does the server behave as load rises? Inconclusive: too few arrivals", false},
		{"no stages", nil, "How does the server behave as load rises?", false},
		{"one target of two is not sure", sweeptest.Stages(sweeptest.Pool(300), sweeptest.Pool(500), with(sweeptest.Free("t", 500), late)),
			"blocking rejects requests above 300 clients; t: inconclusive (no valid stage)", true},
		{"more targets than a title can name", sweeptest.Stages(sweeptest.Pool(300), sweeptest.Pool(500), sweeptest.Free("a", 500), sweeptest.Free("b", 500), sweeptest.Free("c", 500)),
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
	s := sweeptest.Free("t", 500).Stage()
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
		few, all := sweeptest.Free("t", 500).Stage(), sweeptest.Free("t", 500).Stage()
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
		{"each at the highest load that it serves", sweeptest.Default(),
			"At the highest load with 99 % served, 1 request in 100 takes longer than 303 ms on blocking (300 clients) and 209 ms on goroutine and eventloop (2,000 clients)"},
		{"too few samples for p99", sweeptest.Stages(sweeptest.Free("t", 50)), "1 request in 10 takes longer than 202 ms on t (50 clients)"},
		{"too few samples for anything", sweeptest.Stages(sweeptest.Free("t", 1)), "How long do the slowest requests take?"},
		{"nobody is served", sweeptest.Stages(sweeptest.Made{Target: "t", Load: "closed", Level: 50, Timeouts: 100}), "How long do the slowest requests take?"},
	} {
		if got, _ := finding.Tail(sweep.Of(c.stages)); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.why, got, c.want)
		}
	}
}

func TestNotesTellOfConnections(t *testing.T) {
	s := sweeptest.Made{Target: "goroutine", Load: "closed", Level: 10, OK: 50, Latency: 200 * time.Millisecond}.Stage()
	s.Reconnects = 1234
	s.Settings = s.Settings.With(result.KeyNewConnection, "true")
	for range 100 {
		s.Connect.Record(45 * time.Microsecond)
	}
	all := strings.Join(finding.Notes(&sweep.Of([]*result.Stage{s})[0]), "\n")
	for _, want := range []string{
		"each request opened a connection, and latencies contain it: at 10 clients, connecting took p50 45.1 µs, p99 45.1 µs.",
		"up to 1,234 connections per stage were closed",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("notes do not say %q:\n%s", want, all)
		}
	}
}

func TestLimitsNameWhoWasTheLimit(t *testing.T) {
	for want, stages := range map[string][]*result.Stage{
		"Limit of blocking: pool 200 of 200 at 2,000 clients; goroutine and eventloop: none up to 2,000 clients": sweeptest.Default(),
		"Limit of shop.example.o…42&expand=items: server 34.1 at 256 clients":                                    sweeptest.URL(),
		"": nil,
	} {
		if got := finding.Limits(sweep.Of(stages)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNotesStateTheDriftOfASoak(t *testing.T) {
	s := sweeptest.Free("goroutine", 10).Stage()
	s.Length = 5 * time.Minute
	for i := range 300 {
		p := result.Slice{Offset: time.Duration(i) * time.Second, Length: time.Second, Latency: new(result.Sparse), Target: result.Spent{RSS: 20<<20 + int64(i)<<14}}
		for k := range 200 + i*7%13 {
			p.Counts[result.OK]++
			p.Latency.Record(time.Duration(200+(i*k)%7) * time.Millisecond)
		}
		s.Slices = append(s.Slices, p)
	}
	short := *s
	short.Slices = short.Slices[:39]
	if all := finding.Notes(&sweep.Of([]*result.Stage{&short})[0]); !slices.Contains(all, "10 clients: drift is not tested: too little of the stage was undisturbed") {
		t.Errorf("of too few slices: %q", all)
	}
	want := "10 clients: drift: memory rises from 20.1 MiB to 24.7 MiB; none found in p50 and ok/s (over 300 s, error rate of all tests together 5.0 %)"
	if all := finding.Notes(&sweep.Of([]*result.Stage{s})[0]); !slices.Contains(all, want) {
		t.Errorf("no %q in %q", want, all)
	}
}
