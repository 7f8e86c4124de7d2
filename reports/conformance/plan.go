package conformance

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// Lengths are how long windows may be.
type Lengths struct{ Least, Most time.Duration }

// Planned is a spec and how long its window is to be.
type Planned struct {
	Spec   Spec
	Window time.Duration
	// Reaches is half the width of the widest interval to be expected, as a share of
	// what is measured, and Needs the window that nearly always confirms the truth;
	// Short reports that this one is shorter.
	Reaches float64
	Needs   time.Duration
	Short   bool
}

// pilots is how often a spec is played to see how wide its intervals are.
const pilots = 3

// Plan plays a spec through its model, and so knows before anything is run how
// long a window must be for the precision, which is a share of what is expected. It
// adds a quarter for the jitter of a real server.
func Plan(s Spec, l Lengths, precision, confidence float64) (Planned, error) {
	from, window := s.Warmup(), l.Least
	if s.model() == load.Burst {
		from, window = from.Truncate(s.Load.BurstInterval), s.waves(window)
	}
	var widths []float64
	for seed := range uint64(pilots) {
		t, err := s.Play(from+window+10*s.ServiceTime, seed+1)
		if err != nil {
			return Planned{}, err
		}
		c, err := s.assess(t, from, from+window, precision, confidence, true)
		if err != nil {
			return Planned{}, err
		}
		widest := 0.0
		for _, j := range c.Judgements {
			widest = max(widest, (j.High-j.Low)/2/j.Expected)
		}
		widths = append(widths, widest)
	}
	slices.Sort(widths)
	w := widths[pilots/2]
	if math.IsInf(w, 0) || math.IsNaN(w) {
		return Planned{}, fmt.Errorf("%s: a window of %v is too short for any result", s.Name, window)
	}
	most := enough * precision
	p := Planned{Spec: s, Needs: time.Duration(1.25 * float64(window) * w * w / (most * most)).Round(100 * time.Millisecond)}
	p.Window = min(max(p.Needs, l.Least), l.Most)
	if s.model() == load.Burst {
		p.Window = s.waves(p.Window)
	}
	p.Reaches = w * math.Sqrt(float64(window)/float64(p.Window))
	p.Short = p.Window < p.Needs
	return p, nil
}

// waves rounds a time up to complete waves, at least one for each batch.
func (s Spec) waves(d time.Duration) time.Duration {
	every := s.Load.BurstInterval
	return max(Batches*every, (d + every - 1).Truncate(every))
}
