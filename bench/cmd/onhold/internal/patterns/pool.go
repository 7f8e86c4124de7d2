package patterns

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

const poolSize = 20

var poolLevels = []int{5, 20, 40, 160}

// thePool puts a server that never blocks in front of a database that has
// room for 20 at a time.
func thePool(ctx context.Context, l *lab) (pattern.Pattern, error) {
	most := poolLevels[len(poolLevels)-1]
	backendName, what, freeName := "sim", fmt.Sprintf("a simulated database of %d connections", poolSize), "no limit"
	if l.DSN != "" {
		backendName, what, freeName = "postgres", fmt.Sprintf("PostgreSQL with %d connections", poolSize), "no limit (simulated)"
	}
	sweep := func(about string, levels []int, connections int, options targets.Options) ([]*result.Stage, error) {
		return l.sweep(ctx, about, levels, func(clients int) drive {
			plan := closed(clients, time.Second)
			plan.Warmup = wait
			if connections > 0 {
				plan.Load.RampUp = max(wait, wait*time.Duration(clients)/poolSize)
				plan.Warmup = plan.Load.RampUp + wait
			}
			return drive{style: "goroutine", options: options, plan: plan, settings: result.Settings{{Key: result.KeyBackendConnections, Value: strconv.Itoa(connections)}}}
		})
	}
	pooled, err := sweep("with a pool", poolLevels, poolSize, targets.Options{Backend: backendName, Sim: sim.Config{Connections: poolSize}, Postgres: postgres.Config{DSN: l.DSN, Connections: poolSize}})
	if err != nil {
		return pattern.Pattern{}, err
	}
	free, err := sweep("without a limit", []int{poolLevels[0], most}, 0, targets.Options{}) // a straight line needs no more
	if err != nil {
		return pattern.Pattern{}, err
	}
	name := fmt.Sprintf("pool of %d", poolSize)
	both := func(of func(*result.Stage) float64, theory func(n float64) float64) []pattern.Line {
		p, f := lineOf("goroutine", pooled, of), lineOf("", free, of)
		p.Name, f.Name = name, freeName
		f.Style = "" // the same style, without the limit
		t := pattern.Line{Name: "theory", Dashed: true}
		for _, n := range []float64{float64(poolLevels[0]), poolSize, float64(poolLevels[len(poolLevels)-1])} { // straight between the corners
			t.Add(n, theory(n))
		}
		return []pattern.Line{p, f, t}
	}
	at := wait.Seconds()
	last := pooled[len(pooled)-1]
	clients := pattern.Axis{Label: "clients", Unit: units.Count, Log: true}
	return pattern.Pattern{
		Question: "Does a server that never blocks remove the queue?",
		Finding: fmt.Sprintf("With %d connections to the database, %d clients wait %s, not %s, and at most %.0f are served per second: the queue has moved",
			poolSize, most, units.Duration(last.Shown().Latency.Quantile(0.5)), units.Duration(free[len(free)-1].Shown().Latency.Quantile(0.5)), maxGoodput(pooled)),
		Text: "The server takes every request, holds no thread, and rejects nobody. But each request needs a database connection for the complete wait, and their number is limited: " +
			"the queue that a thread pool has at its entrance is now in front of the database, where no caller sees it and nothing bounds it.",
		Caption: fmt.Sprintf("Style goroutine in front of %s; closed load; theory: throughput min(N, %d)/%s and latency max(%s, N·%s/%d) for N clients.", what, poolSize, units.Duration(wait), units.Duration(wait), units.Duration(wait), poolSize),
		Panels: []pattern.Panel{
			{Title: "Served: per second", X: clients, Y: pattern.Axis{Label: "requests/s", Unit: units.Rate, Log: true}, Lines: both((*result.Stage).Goodput, func(n float64) float64 { return min(n, poolSize) / at })},
			{Title: "Latency: median", X: clients, Y: pattern.Axis{Label: "latency", Unit: units.Time, Log: true}, Lines: both(
				func(s *result.Stage) float64 { return float64(s.Shown().Latency.Quantile(0.5)) },
				func(n float64) float64 { return float64(wait) * max(1, n/poolSize) })},
		},
	}, nil
}

func maxGoodput(stages []*result.Stage) (most float64) {
	for _, s := range stages {
		most = max(most, s.Goodput())
	}
	return most
}
