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

// behind is something that takes the same time to answer.
type behind struct{ name, about, hue string }

// whatIsBehind puts the same wait behind one server in different ways.
func whatIsBehind(ctx context.Context, l *lab) (pattern.Pattern, error) {
	kinds := []behind{{"sim", "timer", "blocking"}, {"http", "REST call", "goroutine"}, {"grpc", "RPC", "eventloop"}}
	note := "A database query joins where --backend-dsn names a PostgreSQL."
	if l.DSN != "" {
		kinds, note = append(kinds, behind{"postgres", "query", "queue"}), ""
	}
	most := behindRates[len(behindRates)-1]
	var latency []pattern.Line
	var bars []pattern.Bar
	var overheads []string
	for _, k := range kinds {
		// 300/s of 200 ms are 60 on average, and 90 hardly ever.
		also := result.Settings{{Key: result.KeyBackend, Value: k.name}}
		options := targets.Options{Backend: k.name, Postgres: postgres.Config{DSN: l.DSN, Connections: 90}}
		var stages []*result.Stage
		for _, rate := range behindRates {
			l.tell("%s, %d requests/s", k.about, rate)
			s, err := l.measure(ctx, drive{style: "goroutine", options: options, also: also, plan: poisson(rate, 1200*time.Millisecond)})
			if err != nil {
				return pattern.Pattern{}, err
			}
			stages = append(stages, s)
		}
		line := lineOf(k.hue, stages, func(s *result.Stage) float64 { return float64(s.Latency.Quantile(0.5)) })
		line.Name = k.about
		latency = append(latency, line)

		// What is added is a thousandth of 200 ms, which is as exact as a latency is
		// kept: it takes a shorter wait to be seen.
		l.tell("%s, overhead", k.about)
		s, err := l.measure(ctx, drive{style: "goroutine", options: options, also: also, latency: shortWait, plan: poisson(most, 1200*time.Millisecond)})
		if err != nil {
			return pattern.Pattern{}, err
		}
		bars = append(bars,
			pattern.Bar{Label: k.about + ", median", Style: k.hue, Value: overhead(s, 0.5), Unit: units.Time},
			pattern.Bar{Label: "slowest 10 %", Style: k.hue, Value: overhead(s, 0.9), Unit: units.Time, Weak: true})
		overheads = append(overheads, fmt.Sprintf("%s %s", k.about, micro(time.Duration(overhead(s, 0.5)))))
	}
	return pattern.Pattern{
		Question: "REST, query or RPC: does it matter what is behind?",
		Finding:  fmt.Sprintf("The same wait of %s behind each, and callers wait %s; what is added: %s", seconds(wait), alike(latency), list(overheads)),
		Text:     "A REST call, a database query and an RPC hold the caller alike: for as long as the other side takes. The protocol decides what is added to that wait: it is on the right, measured where it is not lost beside the wait. " + note,
		Caption:  fmt.Sprintf("Style goroutine; Poisson arrivals; what is behind is a process of its own on the server's CPUs (the timer: in the server) and takes %s on the left, %s on the right; overhead is latency less that wait.", seconds(wait), seconds(shortWait)),
		Panels: []pattern.Panel{
			{Title: "What the caller waits: median latency", X: pattern.Axis{Label: "requests/s", Unit: units.Rate}, Y: pattern.Axis{Label: "latency", Unit: units.Time, Max: float64(2 * wait)}, Lines: latency},
			{Title: fmt.Sprintf("What is added to it: at %d requests/s", most), Bars: bars},
		},
	}, nil
}

// alike says whether all values of the lines are within 2 % of one another.
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
	return fmt.Sprintf("%s to %s", seconds(time.Duration(low)), seconds(time.Duration(high)))
}
