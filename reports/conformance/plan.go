package conformance

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/theory"
)

// Lengths are how long windows may be.
type Lengths struct{ Least, Most time.Duration }

// Planned is a spec and how long its window is to be.
type Planned struct {
	Spec   Spec
	Window time.Duration
	// Reaches is half the width of the widest interval that is to be expected, as
	// a share of what is measured, and Needs the window that confirms the truth
	// nearly always; Short says that this one is not as long.
	Reaches float64
	Needs   time.Duration
	Short   bool
}

// pilots are how often a spec is played to see how wide its intervals are.
const pilots = 3

// Plan plays a spec through its model, and so tells before any of it is run how
// long a window must be for the precision, which is a share of what is expected.
// The jitter of a real server is not in it; so a quarter is added.
func Plan(s Spec, l Lengths, precision, confidence float64) (Planned, error) {
	from, window := s.Warmup(), l.Least
	if s.Load == theory.LoadBurst {
		from, window = from.Truncate(s.Every), whole(window, s.Every)
	}
	var widths []float64
	for seed := range uint64(pilots) {
		t, err := s.Play(from+window+10*s.Service, seed+1)
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
		return Planned{}, fmt.Errorf("%s: a window of %v tells nothing", s.Name, window)
	}
	most := enough * precision
	p := Planned{Spec: s, Needs: time.Duration(1.25 * float64(window) * w * w / (most * most)).Round(100 * time.Millisecond)}
	p.Window = min(max(p.Needs, l.Least), l.Most)
	if s.Load == theory.LoadBurst {
		p.Window = whole(p.Window, s.Every)
	}
	p.Reaches = w * math.Sqrt(float64(window)/float64(p.Window))
	p.Short = p.Window < p.Needs
	return p, nil
}

// whole is a time of whole waves, at least one for each batch.
func whole(d, every time.Duration) time.Duration {
	return max(Batches*every, (d + every - 1).Truncate(every))
}
