package peers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// fixed is a report of what was never run: two pairs and a half of ours and
// wrk, of which one failed.
func fixed() *Report {
	r := newRunner(Config{Exe: "onhold", Tools: slices.Clone(Tools[:3]), Missing: []string{"k6"}, Pairs: 4, Duration: 3 * time.Second, Seed: 1})
	k := &contest{section: "efficiency", Name: "64 clients", metrics: costMetrics}
	k.pairs = r.versus(null(0), &r.epoll, func(t Tool) bool { return t.Name == "wrk" })
	add := func(pair int, name, against string, rate float64, cpu time.Duration, failed string) {
		k.runs = append(k.runs, &Measurement{Section: k.section, Case: k.Name, Pair: pair, Name: name, Against: against,
			Rate: rate, CPU: cpu * 1000, Requests: 1000, RSS: 8 << 20, Failed: failed})
		if name == "wrk" {
			k.runs[len(k.runs)-1].Limit = &result.Limit{Who: result.ServerCPU, Used: 0.97, Of: 1}
		}
	}
	loop := r.epoll.Name
	for pair := 1; pair <= 5; pair += 2 {
		add(pair, loop, "wrk", 120_000, 6*time.Microsecond, "")
		add(pair, "wrk", loop, 100_000, 8*time.Microsecond, "")
		add(pair+1, "wrk", loop, 100_000, 8*time.Microsecond, "")
		add(pair+1, loop, "wrk", 140_000, 4*time.Microsecond, "")
	}
	add(7, loop, "wrk", 1, time.Second, "") // no pair: the other failed
	add(7, "wrk", loop, 0, 0, "it ran\nout of ports")
	return &Report{
		Config: r.Config, Started: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), TargetCPUs: []int{0}, GeneratorCPUs: []int{1},
		Planned: 16, Complete: 14, Failed: 1, Sections: []section{{Sections[0], []*contest{k}}},
	}
}

func TestMarkdown(t *testing.T) {
	text, err := fixed().Markdown()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"**Partial: 14 of 16 measurements.**",
		"The server runs on CPU 0, the generator on CPU 1.",
		"Compared: wrk, h2load, ab. Not found: k6. ab prints times in steps of 1 ms.",
		"bounds that contain the true median with at least 95 % confidence",
		"|  | requests/s | CPU per request served | memory | limit | runs |\n|:--|--:|--:|--:|--:|--:|\n",
		"| onhold (epoll) | 120,000 | 6 µs | 8 MiB | – | 7 |\n| wrk | 100,000 | 8 µs | 8 MiB | CPU 0.97/1 | 6 |\n",
		"| onhold (epoll) ÷ wrk | 1.3 (1.2 to 1.4) | 0.625 (0.5 to 0.75) | 1 (1 to 1) | 6 |\n",
		"- wrk failed: it ran out of ports\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func TestEverySectionHasCases(t *testing.T) {
	for _, found := range [][]Tool{nil, Tools} {
		r := newRunner(Config{Exe: "onhold", Duration: 3 * time.Second, Tools: found})
		for _, s := range Sections {
			list := s.build(r)
			if len(list) == 0 {
				t.Errorf("%s has no case", s.Name)
			}
			for _, k := range list {
				if len(k.metrics) == 0 || len(k.pairs) == 0 {
					t.Errorf("%s, %s: %d metrics, %d pairs", s.Name, k.Name, len(k.metrics), len(k.pairs))
				}
				for _, pair := range k.pairs {
					for _, c := range pair {
						if c.tool == nil {
							continue
						}
						task := k.task
						task.Dir = t.TempDir()
						if _, err := c.tool.prepare(task); err != nil {
							t.Errorf("%s, %s: %v", s.Name, k.Name, err)
						}
					}
				}
			}
		}
	}
}
