package patterns

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/postgres"
)

var behindRates = []int{50, 300}

// kind is a backend; all kinds take the same time to answer.
type kind struct{ name, about, hue string }

// whatIsBehind measures one server with each kind of backend.
func whatIsBehind(ctx context.Context, l *lab) (pattern.Pattern, error) {
	kinds := []kind{{"sim", "timer", "blocking"}, {"http", "REST call", "goroutine"}, {"grpc", "RPC", "eventloop"}}
	note := "Configure a PostgreSQL backend to add a database query."
	if l.DSN != "" {
		kinds, note = append(kinds, kind{"postgres", "query", "queue"}), ""
	}
	most := behindRates[len(behindRates)-1]
	var medians []time.Duration
	var bars []pattern.Bar
	var overheads []string
	for _, k := range kinds {
		// 300/s of 200 ms are 60 on average, and 90 hardly ever.
		settings := result.Settings{{Key: result.KeyBackend, Value: k.name}}
		options := targets.Options{Backend: k.name, Postgres: postgres.Config{DSN: l.DSN, Connections: 90}}
		stages, err := l.sweep(ctx, k.about, behindRates, func(rate int) drive {
			return drive{style: "goroutine", options: options, settings: settings, plan: poisson(rate, 1200*time.Millisecond)}
		})
		if err != nil {
			return pattern.Pattern{}, err
		}
		for _, s := range stages {
			medians = append(medians, s.Shown().Latency.Quantile(0.5))
		}

		// The overhead is a thousandth of 200 ms, which is the precision of a
		// recorded latency: only a shorter wait shows it.
		l.report("%s, overhead", k.about)
		s, err := l.measure(ctx, drive{style: "goroutine", options: options, settings: settings, latency: shortWait, plan: poisson(most, 1200*time.Millisecond)})
		if err != nil {
			return pattern.Pattern{}, err
		}
		bars = append(bars, overheadBar(k.about, k.hue, s))
		overheads = append(overheads, fmt.Sprintf("%s %s", k.about, units.Duration(time.Duration(overhead(s, 0.5)))))
	}
	return pattern.Pattern{
		Question: "REST, query or RPC: does it matter what is behind?",
		Finding:  fmt.Sprintf("With the same wait of %s behind the server, callers wait %s; overhead: %s", units.Duration(wait), alike(medians), units.List(overheads)),
		Text:     "A REST call, a database query and an RPC hold the caller alike, for as long as the other side takes. The protocol decides only the overhead. It is drawn from a shorter wait, where it is large enough to see. " + note,
		Caption:  fmt.Sprintf("Style goroutine; Poisson arrivals; what is behind is a process of its own on the server's CPUs (the timer: in the server) and takes %s for the title's wait, %s for the bars.", units.Duration(wait), units.Duration(shortWait)),
		Panels:   []pattern.Panel{{Title: fmt.Sprintf("Overhead: latency minus the wait at %d requests/s, median and p10 to p90", most), Bars: bars}},
	}, nil
}

// alike is the range of medians, or "the same" where they are within 2 %.
func alike(medians []time.Duration) string {
	low, high := slices.Min(medians), slices.Max(medians)
	if float64(high) <= 1.02*float64(low) {
		return "the same"
	}
	return fmt.Sprintf("%s to %s", units.Duration(low), units.Duration(high))
}
