package peers

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// fixed is a report of what was never run: two pairs and a half of ours and
// wrk, of which one failed.
func fixed() *Report {
	r := &runner{main: ours("onhold", "epoll"), found: []Tool{wrk, ab}}
	k := contest{section: "efficiency", name: "64 clients", pairs: r.pairsOf(null(0), load.Closed, "wrk"), metrics: costMetrics}
	add := func(pair int, name, against string, rate float64, cpu time.Duration, failed string) *Measurement {
		return &Measurement{Section: k.section, Case: k.name, Pair: pair, Name: name, Against: against,
			Rate: rate, CPU: cpu * 1000, Requests: 1000, RSS: 8 << 20, Failed: failed}
	}
	loop := r.main.Name
	return &Report{
		Started: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Pairs: 4, Duration: 3 * time.Second, Seed: 1,
		Tools: r.found, Missing: []string{"k6"}, TargetCPUs: []int{0}, GeneratorCPUs: []int{1}, Planned: 8,
		Measurements: []*Measurement{
			add(1, loop, "wrk", 120_000, 6*time.Microsecond, ""),
			add(1, "wrk", loop, 100_000, 8*time.Microsecond, ""),
			add(2, "wrk", loop, 100_000, 8*time.Microsecond, ""),
			add(2, loop, "wrk", 140_000, 4*time.Microsecond, ""),
			add(3, loop, "wrk", 1, time.Second, ""), // no pair: the other failed
			add(3, "wrk", loop, 0, 0, "it ran\nout of ports"),
		},
		sections: []reported{{Sections[0], []contest{k}}},
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := fixed().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"**Partial: 6 of 8 measurements.**",
		"The server runs on CPU 0, the generator on CPU 1.",
		"Compared: wrk, ab. Not found: k6. ab prints times in steps of 1 ms.",
		"the median of 4, and in brackets the smallest and the largest. They contain the true median with 87.5 % confidence.",
		"|  | requests/s | CPU per request served | memory | runs |\n|:--|--:|--:|--:|--:|\n",
		"| onhold (epoll) | 120,000 | 6 µs | 8 MiB | 3 |\n| wrk | 100,000 | 8 µs | 8 MiB | 2 |\n",
		"| onhold (epoll) ÷ wrk | 1.3 (1.2 to 1.4) | 0.625 (0.5 to 0.75) | 1 (1 to 1) | 2 |\n",
		"- wrk failed: it ran out of ports\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, b.String())
		}
	}
	if n := fixed().Failures(); n != 1 {
		t.Errorf("%d failures, want 1", n)
	}
}

func TestEverySectionHasCases(t *testing.T) {
	r := &runner{Config: Config{Duration: 3 * time.Second}, main: ours("onhold", "epoll"), others: []Tool{ours("onhold", "goroutine")}}
	for _, found := range [][]Tool{nil, Tools} {
		r.found = found
		for _, s := range Sections {
			list := s.build(r)
			if len(list) == 0 {
				t.Errorf("%s has no case", s.Name)
			}
			for _, k := range list {
				if k.section != s.Name || len(k.metrics) == 0 || len(k.pairs) == 0 || k.task.connections() > s.maxClients {
					t.Errorf("%s, %s: of section %s, %d metrics, %d pairs, %d clients of at most %d", s.Name, k.name, k.section, len(k.metrics), len(k.pairs), k.task.connections(), s.maxClients)
				}
				for _, pair := range k.pairs {
					for _, c := range pair {
						if c.tool == nil {
							continue
						}
						task := k.task
						task.Dir = t.TempDir()
						if _, err := c.tool.command(task); err != nil {
							t.Errorf("%s, %s: %v", s.Name, k.name, err)
						}
					}
				}
			}
		}
	}
}
