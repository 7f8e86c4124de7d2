package model

import (
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

// Point is what is expected at one level.
type Point struct {
	Level float64
	Case  Case
	*theory.Prediction
}

// At is the case at another level: as many clients, or arrivals per second.
func (c Case) At(level float64) Case {
	if result.OpenLoad(c.Load) {
		c.Rate = level
	} else {
		c.Clients = int(math.Round(level))
	}
	return c
}

// level is where the case itself is.
func (c Case) level() float64 {
	if result.OpenLoad(c.Load) {
		return c.Rate
	}
	return float64(c.Clients)
}

// between is the case at a level from that of a to that of b; what was measured
// there lies between what was measured at both.
func between(a, b Point, level float64) Case {
	t := (level - a.Level) / (b.Level - a.Level)
	mix := func(x, y float64) float64 { return x + t*(y-x) }
	c := a.Case.At(level * mix(a.Case.level()/a.Level, b.Case.level()/b.Level))
	c.Service = time.Duration(mix(float64(a.Case.Service), float64(b.Case.Service)))
	c.Even = a.Case.Even && b.Case.Even
	return c
}

// How many points a line has. A simulation takes some 20 ms, a formula next to
// nothing.
const (
	mostExact     = 60
	mostSimulated = 25
	simulatedRuns = 5
	simulatedEach = 20_000 // requests
)

// Line is what is expected at the levels of some cases, by rising level, and at
// some in between, so that a curve can be drawn: more of these where they come
// from a formula, and where it bends. A simulation is a short one. Levels at
// which no model holds are left out, and none lies beside those.
func Line(levels []float64, cases []Case) []Point {
	var line []Point
	var last *Point
	gaps := max(1, len(levels)-1)
	for i, level := range levels {
		p, ok := at(level, cases[i])
		if !ok {
			last = nil
			continue
		}
		if last != nil {
			most := (mostExact - len(levels)) / gaps
			if !last.Exact || !p.Exact {
				most = (mostSimulated - len(levels)) / gaps
			}
			for _, l := range last.levels(p, most) {
				if mid, ok := at(l, between(*last, p, l)); ok {
					line = append(line, mid)
				}
			}
		}
		line = append(line, p)
		last = &p
	}
	return line
}

func at(level float64, c Case) (Point, bool) {
	c.Runs, c.Requests = simulatedRuns, simulatedEach
	p, err := c.Predict()
	return Point{level, c, p}, err == nil
}

// levels are most levels or fewer between two points, and those where a line
// bends: where all workers are taken, and where all places are.
func (p Point) levels(q Point, most int) []float64 {
	var all []float64
	open := result.OpenLoad(p.Case.Load)
	add := func(l float64) {
		if !open {
			l = math.Round(l)
		}
		if l > p.Level && l < q.Level && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	for i := range max(0, min(most, 8)) {
		t := float64(i+1) / float64(min(most, 8)+1)
		if open {
			add(p.Level + t*(q.Level-p.Level))
		} else {
			add(p.Level * math.Pow(q.Level/p.Level, t))
		}
	}
	if c := p.Case; !open && c.Workers != theory.Unbounded {
		add(float64(c.Workers) * (1 + float64(c.Think)/float64(c.Service)))
		if c.Places != theory.Unbounded {
			add(float64(c.Workers + c.Places))
		}
	}
	slices.Sort(all)
	return all
}
