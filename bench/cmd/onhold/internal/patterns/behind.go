package patterns

import (
	"context"
	"fmt"
	"math"
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
	var latency []pattern.Line
	var bars []pattern.Bar
	var overheads []string
	for _, k := range kinds {
		// 300/s of 200 ms are 60 on average, and 90 hardly ever.
		settings := result.Settings{{Key: result.KeyBackend, Value: k.name}}
		options := targets.Options{Backend: k.name, Postgres: postgres.Config{DSN: l.DSN, Connections: 90}}
		var stages []*result.Stage
		for _, rate := range behindRates {
			l.report("%s, %d requests/s", k.about, rate)
			s, err := l.measure(ctx, drive{style: "goroutine", options: options, settings: settings, plan: poisson(rate, 1200*time.Millisecond)})
			if err != nil {
				return pattern.Pattern{}, err
			}
			stages = append(stages, s)
		}
		line := lineOf(k.hue, stages, func(s *result.Stage) float64 { return float64(s.Latency.Quantile(0.5)) })
		line.Name = k.about
		latency = append(latency, line)

		// The overhead is a thousandth of 200 ms, which is the precision of a
		// recorded latency: only a shorter wait shows it.
		l.report("%s, overhead", k.about)
		s, err := l.measure(ctx, drive{style: "goroutine", options: options, settings: settings, latency: shortWait, plan: poisson(most, 1200*time.Millisecond)})
		if err != nil {
			return pattern.Pattern{}, err
		}
		bars = append(bars,
			pattern.Bar{Label: k.about + ", median", Style: k.hue, Value: overhead(s, 0.5), Unit: units.Time},
			pattern.Bar{Label: "p90", Style: k.hue, Value: overhead(s, 0.9), Unit: units.Time, Weak: true})
		overheads = append(overheads, fmt.Sprintf("%s %s", k.about, units.Duration(time.Duration(overhead(s, 0.5)))))
	}
	return pattern.Pattern{
		Question: "REST, query or RPC: does it matter what is behind?",
		Finding:  fmt.Sprintf("With the same wait of %s behind the server, callers wait %s; overhead: %s", units.Duration(wait), alike(latency), units.List(overheads)),
		Text:     "A REST call, a database query and an RPC hold the caller alike, for as long as the other side takes. The protocol decides only the overhead. It is on the right, measured with a shorter wait, where it is large enough to see. " + note,
		Caption:  fmt.Sprintf("Style goroutine; Poisson arrivals; what is behind is a process of its own on the server's CPUs (the timer: in the server) and takes %s on the left, %s on the right; overhead is latency minus that wait.", units.Duration(wait), units.Duration(shortWait)),
		Panels: []pattern.Panel{
			{Title: "Latency: median", X: pattern.Axis{Label: "requests/s", Unit: units.Rate}, Y: pattern.Axis{Label: "latency", Unit: units.Time, Max: float64(2 * wait)}, Lines: latency},
			{Title: fmt.Sprintf("Overhead: at %d requests/s", most), Bars: bars},
		},
	}, nil
}

// alike is the range of the values of the lines, or "the same" where they are
// within 2 %.
func alike(lines []pattern.Line) string {
	low, high := math.Inf(1), 0.0
	for _, l := range lines {
		for _, v := range l.Y {
			low, high = min(low, v), max(high, v)
		}
	}
	if high <= 1.02*low {
		return "the same"
	}
	return fmt.Sprintf("%s to %s", units.Duration(time.Duration(low)), units.Duration(time.Duration(high)))
}
