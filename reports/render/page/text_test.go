package page_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

// A request whose end is unknown is not lost. Unknown ones have a column of their
// own, which other runs do not have.
func TestUnknownIsNotLost(t *testing.T) {
	text := func(unknown int64) string {
		stages := sweeptest.Queued()
		for _, s := range stages {
			if s.Completion != nil {
				s.Completion.Unknown += unknown
				s.Completion.Accepted += unknown
			}
		}
		var b bytes.Buffer
		if err := page.Text(&b, result.Run{}, stages); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := text(0); strings.Contains(got, "unknown") {
		t.Errorf("nothing is unknown: %s", got)
	}
	got := text(7)
	for _, want := range []string{"of them is unknown", " unknown ", ", unknown 35,"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "loses") {
		t.Error(got)
	}
}

// A ramp is shown over time: its level alone says little.
func TestARampIsShownOverTime(t *testing.T) {
	s := sweeptest.Made{Target: "goroutine", Load: "ramp", Level: 2000, OK: 1050, Latency: 20 * time.Millisecond}.Stage()
	for i := range 12 {
		p := result.Slice{Offset: time.Duration(i) * 250 * time.Millisecond, Length: 250 * time.Millisecond, Latency: new(result.Sparse), LagP99: 80 * time.Microsecond}
		n := int64(25 + 40*i)
		p.Counts[result.OK], p.Counts[result.Rejected] = n-int64(i), int64(i)
		for range n - int64(i) {
			p.Latency.Record(20 * time.Millisecond)
		}
		s.Slices = append(s.Slices, p)
	}
	var b bytes.Buffer
	if err := page.Text(&b, result.Run{}, []*result.Stage{s}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"from    arrivals/s   ok/s    p50    p99  rejected  failed  lag p99  disturbed",
		"0              100    100  20 ms      –       0 %     0 %    80 µs          0",
		"2.5 s        1,780  1,738  20 ms  20 ms     2.4 %     0 %    80 µs          0",
		"p99 interval",
		" 20.1–20.1 ms ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// A run that several generators drove says what each accounts for.
func TestAgents(t *testing.T) {
	s := sweeptest.Made{Target: "http://10.0.0.9/", Load: "poisson", Level: 500, OK: 1500, Latency: 20 * time.Millisecond}.Stage()
	s.Counts[result.Unknown] = 500
	s.Agents = []result.Agent{
		{Name: "a", Counts: result.Counts{result.OK: 1000}, Lag: 80 * time.Microsecond, Clock: 120 * time.Microsecond, Valid: true},
		{Name: "b", Counts: result.Counts{result.OK: 500, result.Unknown: 500}, Clock: 2 * time.Millisecond, Lost: "it was last heard 1.2s after the start of the stage"},
	}
	s.Invalidate("agent b: was lost")
	var b bytes.Buffer
	if err := page.Text(&b, result.Run{}, []*result.Stage{s}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"agent              at  arrivals  accounted for  lag p99  clock within  record\n",
		"a      500 arrivals/s     1,000          100 %    80 µs        120 µs   valid\n",
		"b      500 arrivals/s     1,000           50 %        0          2 ms    lost\n",
		"not valid: agent b: was lost",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// Replies are counted by their status where there is more than one.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		statuses  result.Statuses
		redirects int64
		want      []string
	}{
		{nil, 0, nil},
		{result.Statuses{200: 100}, 0, nil},
		{result.Statuses{200: 100}, 70, []string{"status      200  redirects\n", "50 clients  100         70\n"}},
		{result.Statuses{200: 95, 404: 3, 503: 2}, 0, []string{"status      200  404  503\n", "50 clients   95    3    2\n"}},
		{result.Statuses{200: 1000, 201: 9, 202: 8, 203: 7, 204: 6, 400: 5, 401: 4, 402: 3, 403: 1, 404: 1}, 0, []string{" 402  others\n", "   3       2\n"}},
	} {
		s := sweeptest.Made{Target: "goroutine", Load: "closed", Level: 50, OK: 100, Latency: 20 * time.Millisecond}.Stage()
		s.Statuses, s.Redirects = c.statuses, c.redirects
		var b bytes.Buffer
		if err := page.Text(&b, result.Run{}, []*result.Stage{s}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "status ") != (c.want != nil) {
			t.Errorf("%v: %s", c.statuses, b.String())
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%v: %q is not in %s", c.statuses, want, b.String())
			}
		}
	}
}
