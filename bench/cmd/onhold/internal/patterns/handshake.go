package patterns

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// shortWait is a backend latency at which microseconds are visible.
const shortWait = 5 * time.Millisecond

const (
	handshakeRate = 500
	pairs         = 3 // of short stages, alternating: a slow machine slows both
)

// handshake compares a kept connection with a new one for each request.
func handshake(ctx context.Context, l *lab) (pattern.Pattern, error) {
	var of [2][]*result.Stage // kept, new
	names := [2]string{"kept", "new per request"}
	for pair := range pairs {
		for i := range of {
			l.report("%s, %d of %d", names[i], pair+1, pairs)
			s, err := l.measure(ctx, drive{
				style: "goroutine", latency: shortWait,
				plan: bench.Plan{Load: bench.Load{Rate: handshakeRate, Arrivals: load.Constant}, Warmup: 300 * time.Millisecond, Duration: time.Second, Extend: bench.DefaultExtend, NewConnection: i == 1},
			})
			if err != nil {
				return pattern.Pattern{}, err
			}
			of[i] = append(of[i], s)
		}
	}
	kept, fresh := result.Merge(of[0]), result.Merge(of[1])
	style := [2]string{"eventloop", "blocking"}
	var added, cpu []pattern.Bar
	for i, s := range []*result.Stage{kept, fresh} {
		added = append(added, overheadBar(names[i], style[i], s))
		if s.CPUPerServed() > 0 {
			used := func(a, b *result.Stage) int { return cmp.Compare(a.CPUPerServed(), b.CPUPerServed()) }
			cpu = append(cpu, pattern.Bar{Label: names[i], Style: style[i], Value: units.Value(s.CPUPerServed()), Unit: units.Time,
				Low: units.Value(slices.MinFunc(of[i], used).CPUPerServed()), High: units.Value(slices.MaxFunc(of[i], used).CPUPerServed())})
		}
	}
	panels := []pattern.Panel{{Title: "Overhead: latency minus the backend's " + units.Duration(shortWait) + ", median and p10 to p90", Bars: added}}
	finding := fmt.Sprintf("A new connection per request adds %s to the latency", units.Duration(time.Duration(max(0, overhead(fresh, 0.5)-overhead(kept, 0.5)))))
	if len(cpu) == 2 {
		panels = append(panels, pattern.Panel{Title: fmt.Sprintf("CPU per request served: all and range of %d stages", pairs), Bars: cpu})
		finding += fmt.Sprintf(", and costs the server %.1f times the CPU per request", float64(fresh.CPUPerServed())/float64(kept.CPUPerServed()))
	}
	return pattern.Pattern{
		Question: "What does the handshake cost?",
		Finding:  finding,
		Text: "A kept connection is a call where the line stays open: the next request goes out at once. A new connection must be established first. On one machine a handshake takes microseconds. " +
			"Between two machines it takes one round trip more, and with TLS two, so this is the least that it can cost.",
		Caption: fmt.Sprintf("Style goroutine; constant load of %d requests/s; backend latency %s; %d stages of 1 s each, alternating.", handshakeRate, units.Duration(shortWait), pairs),
		Panels:  panels,
	}, nil
}

// overheadBar is the median overhead of a stage, with its spread over the requests.
func overheadBar(label, style string, s *result.Stage) pattern.Bar {
	return pattern.Bar{Label: label, Style: style, Unit: units.Time, Value: overhead(s, 0.5), Low: overhead(s, 0.1), High: overhead(s, 0.9)}
}

// overhead is a quantile of latency minus the wait, in nanoseconds.
func overhead(s *result.Stage, q float64) units.Value {
	over, _ := s.Overhead(q)
	return units.Value(over)
}
