package patterns

import (
	"context"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
)

var heldLevels = []int{20, 200, 1000}

// heldWorkers are the threads of the blocking server, and heldQueue its queue.
const (
	heldWorkers = 200
	heldQueue   = 100
)

// heldOrFree drives each style with more and more clients that all wait.
func heldOrFree(ctx context.Context, l *lab) (pattern.Pattern, error) {
	stages := map[string][]*result.Stage{}
	for _, style := range httpStyles {
		var err error
		stages[style], err = l.sweep(ctx, style, heldLevels, func(clients int) drive {
			return drive{style: style, options: targets.Options{Workers: heldWorkers, Queue: heldQueue}, plan: closed(clients, time.Second)}
		})
		if err != nil {
			return pattern.Pattern{}, err
		}
	}
	lines := func(of func(*result.Stage) float64) (out []pattern.Line) {
		for _, style := range httpStyles {
			out = append(out, lineOf(style, stages[style], of))
		}
		return out
	}
	served := lines(func(s *result.Stage) float64 { return s.Goodput() * wait.Seconds() })
	top := func(style string) *result.Stage { return stages[style][len(heldLevels)-1] }
	most := heldLevels[len(heldLevels)-1]
	during := func(style string) string {
		return units.Int(int64(top(style).Goodput()*wait.Seconds() + 0.5))
	}
	finding := fmt.Sprintf("During one wait of %s with %s clients, %d blocking threads serve %s requests, goroutines %s and an event loop %s",
		units.Duration(wait), units.Int(most), heldWorkers, during("blocking"), during("goroutine"), during("eventloop"))
	clients := pattern.Axis{Label: "clients", Unit: units.Count, Log: true}
	axis := func(label string, unit units.Unit) pattern.Axis {
		return pattern.Axis{Label: label, Unit: unit, Log: true}
	}
	panels := []pattern.Panel{{Title: "Served per wait: requests", X: clients, Y: axis("requests", units.Count), Lines: served}}
	if top("blocking").Target.ThreadsMax > 0 { // the system reports them
		panels = append(panels,
			pattern.Panel{Title: "Threads: of the server's process", X: clients, Y: axis("threads", units.Count), Lines: lines(func(s *result.Stage) float64 { return float64(s.Target.ThreadsMax) })},
			pattern.Panel{Title: "Memory: resident", X: clients, Y: axis("memory", units.Bytes), Lines: lines(func(s *result.Stage) float64 { return float64(s.Target.RSSMax) })},
			pattern.Panel{Title: "CPU: of the server, per request served", X: clients, Y: axis("CPU", units.Time), Lines: lines(func(s *result.Stage) float64 { return float64(s.CPUPerServed()) })},
		)
	}
	return pattern.Pattern{
		Question: "Held, or free?",
		Finding:  finding,
		Text: "A blocking server holds a thread per caller while it waits for the database. When all threads are held, the other callers queue or are rejected. " +
			"The other styles set the caller aside and take the next one. The other panels show the threads, memory and CPU time that this takes.",
		Caption: fmt.Sprintf("Closed load: each client sends again after its reply, and one wait later after a rejection; backend latency %s; blocking with %d workers and a queue of %d; 1 s per stage.", units.Duration(wait), heldWorkers, heldQueue),
		Panels:  panels,
	}, nil
}

// lineOf is a figure of stages against their level.
func lineOf(style string, stages []*result.Stage, of func(*result.Stage) float64) pattern.Line {
	line := pattern.Line{Name: style, Style: style}
	for _, s := range stages {
		line.Add(float64(s.Level()), of(s))
		line.Hollow = append(line.Hollow, !s.Valid())
	}
	return line
}
