package model

import (
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/theory"
)

// Point is what is expected at one level.
type Point struct {
	Level float64
	Case  Case
	*theory.Prediction
}

// At is the case at another level: so many clients, or arrivals per second.
func (c Case) At(level float64) Case {
	if !c.Load.Model().Open() {
		level = math.Round(level)
	}
	c.Load = c.Load.At(level)
	return c
}

// between is the case at a level between those of a and b; measured values are
// interpolated.
func between(a, b Point, level float64) Case {
	t := (level - a.Level) / (b.Level - a.Level)
	mix := func(x, y float64) float64 { return x + t*(y-x) }
	c := a.Case.At(level * mix(a.Case.Load.Level()/a.Level, b.Case.Load.Level()/b.Level))
	c.ServiceTime = time.Duration(mix(float64(a.Case.ServiceTime), float64(b.Case.ServiceTime)))
	c.Even = a.Case.Even && b.Case.Even
	return c
}

// How many points a line has. A simulation takes some 20 ms, a formula almost
// nothing.
const (
	mostExact     = 60
	mostSimulated = 25
	simulatedRuns = 5
	simulatedEach = 20_000 // requests
)

// Line is what is expected at the levels of some cases, by rising level, and at
// some in between, so that a curve can be drawn: more of these where they come
// from a formula, and where it bends. Simulations are short. Levels at which no
// model holds are left out, and so are those beside them.
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
// bends: where all workers are busy, and where the queue is full.
func (p Point) levels(q Point, most int) []float64 {
	var all []float64
	open := p.Case.Load.Model().Open()
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
		add(float64(c.Workers) * (1 + float64(c.Load.ThinkTime)/float64(c.ServiceTime)))
		if c.Queue != theory.Unbounded {
			add(float64(c.Workers + c.Queue))
		}
	}
	slices.Sort(all)
	return all
}
