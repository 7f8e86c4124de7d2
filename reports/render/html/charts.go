package html

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// charts is what page.js draws. Times are in milliseconds.
type charts struct {
	Groups []group `json:"groups"`        // one for each unit of levels
	Ask    *ask    `json:"ask,omitempty"` // the requirement that is shown at first
}

// ask is a requirement: the highest latency at a percentile.
type ask struct {
	Percentile string `json:"q"`
	Adjusted   bool   `json:"adjusted"`
	Most       num    `json:"most"`
}

type group struct {
	Unit   string   `json:"unit"`
	Log    bool     `json:"log"` // of the axis of levels
	Sweeps []series `json:"sweeps"`
}

// series is one target over its levels. Each list has one entry for each level.
type series struct {
	Name    string `json:"name"`
	Hue     string `json:"hue"`
	Look    int    `json:"look"` // its marker and dashes: the place of the hue, or one behind it
	target  string
	Wait    num               `json:"wait"` // of every request, whatever the target does; 0 where it is not known
	Levels  []num             `json:"levels"`
	Valid   []bool            `json:"valid"`
	Metrics map[string][]num  `json:"metrics"` // by the names of package result
	Thin    map[string][]bool `json:"thin"`    // where fewer than ten samples lie beyond
	Theory  *expected         `json:"theory,omitempty"`
	Spectra []spectrum        `json:"spectra"`
}

// expected is what theory expects, at levels of its own.
type expected struct {
	Levels   []num `json:"levels"`
	P50      []num `json:"p50"`
	P99      []num `json:"p99"`
	Rejected []num `json:"rejected"`
	Goodput  []num `json:"ok/s"`
}

// spectrum is the latencies of one level at perNine quantiles for each nine.
type spectrum struct {
	At          int   `json:"at"`    // of the levels
	Shown       bool  `json:"shown"` // at first
	Latency     []num `json:"latency"`
	Uncorrected []num `json:"uncorrected,omitempty"` // where it is not the same
	Adjusted    []num `json:"adjusted,omitempty"`    // likewise
	Sure        num   `json:"sure"`                  // up to so many nines, ten samples lie beyond
}

// num is a number with five digits: null where there is none, and 1e99 where it is
// infinite.
type num float64

var none = num(math.NaN())

func (n num) MarshalJSON() ([]byte, error) {
	switch {
	case math.IsNaN(float64(n)):
		return []byte("null"), nil
	case math.IsInf(float64(n), 0):
		return []byte("1e99"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', 5, 64), nil
}

func ms(d time.Duration) num { return num(float64(d) / 1e6) }

const (
	mostSweeps  = 8  // that charts show: more look alike
	mostSpectra = 24 // of a target: a page is to stay small
)

// shownMetrics are those that page.js reads.
var shownMetrics = []string{"p50", "p90", "p99", "p99.9", "adjusted-p50", "adjusted-p90", "adjusted-p99", "adjusted-p99.9", "ok/s", "rejected", "failed"}

func chartsOf(sweeps []sweep.Sweep) charts {
	var out charts
	for i := range sweeps {
		w := &sweeps[i]
		unit := result.LevelUnit(w.Load, 2)
		at := slices.IndexFunc(out.Groups, func(g group) bool { return g.Unit == unit })
		if at < 0 {
			at = len(out.Groups)
			out.Groups = append(out.Groups, group{Unit: unit, Log: !result.OpenLoad(w.Load)})
		}
		if g := &out.Groups[at]; len(g.Sweeps) < mostSweeps {
			alike := 0 // a target that is there twice, with other settings, has one colour
			for _, s := range g.Sweeps {
				if s.target == w.Target() {
					alike++
				}
			}
			g.Sweeps = append(g.Sweeps, seriesOf(w, len(g.Sweeps), alike))
		}
	}
	out.Groups = slices.DeleteFunc(out.Groups, func(g group) bool {
		return !slices.ContainsFunc(g.Sweeps, func(s series) bool { return len(s.Levels) > 0 })
	})
	return out
}

func seriesOf(w *sweep.Sweep, place, alike int) series {
	own := canvas.HueOf(w.Target(), place)
	hue := canvas.Variant(own, alike)
	s := series{
		Name: w.ShortName(40), Hue: fmt.Sprintf("#%02x%02x%02x", hue.R, hue.G, hue.B),
		Look: slices.Index(canvas.Hues, own) + alike, target: w.Target(), Wait: ms(figure.Wait(w.Points)), Metrics: map[string][]num{}, Thin: map[string][]bool{},
	}
	_, served := sweep.LastServed(w.Points)
	for i, p := range w.Points {
		if p.Stage.Counts.Planned() == 0 || p.Level <= 0 {
			continue
		}
		s.Levels, s.Valid = append(s.Levels, num(p.Level)), append(s.Valid, p.Valid())
		for _, name := range shownMetrics {
			m, _ := result.MetricNamed(name)
			r := m.Read(p.Stage)
			v := none
			if r.Reason == "" {
				v = num(r.Value)
			}
			if m.Max > 0 { // a time
				v /= 1e6
			}
			s.Metrics[name], s.Thin[name] = append(s.Metrics[name], v), append(s.Thin[name], r.Thin)
		}
		// At first the first level, the last that is served, the one above it, and the last.
		next := i > 0 && served && w.Points[i-1].Served() && !p.Served()
		before := i+1 < len(w.Points) && p.Served() && !w.Points[i+1].Served()
		shown := i == 0 || i == len(w.Points)-1 || next || before
		if every := 1 + len(w.Points)/mostSpectra; shown || i%every == 0 {
			k := spectrumOf(p, shown)
			k.At = len(s.Levels) - 1
			s.Spectra = append(s.Spectra, k)
		}
	}
	if line := figure.Theory(w.Points); len(line) > 0 {
		s.Theory = &expected{}
		value := func(v *float64, scale float64) num {
			if v == nil {
				return none
			}
			return num(*v / scale)
		}
		for _, p := range line {
			t := s.Theory
			t.Levels = append(t.Levels, num(p.Level))
			t.P50, t.P99 = append(t.P50, value(p.Latency.P50, 1e6)), append(t.P99, value(p.Latency.P99, 1e6))
			t.Rejected, t.Goodput = append(t.Rejected, value(p.Rejected, 1)), append(t.Goodput, value(p.Throughput, 1))
		}
	}
	return s
}

// perNine is how many quantiles of each nine a spectrum has.
const perNine = 12

func spectrumOf(p sweep.Point, shown bool) spectrum {
	t := p.Stage.Shown()
	s := spectrum{Shown: shown, Sure: num(math.Log10(max(float64(t.Latency.N())/10, 1)))}
	planned := t.Counts.Planned()
	for i := 0; float64(i)/perNine <= math.Log10(float64(planned)); i++ {
		q := 1 - math.Pow(10, -float64(i)/perNine)
		of := func(h *result.Hist) num {
			if !h.Resolved(q) {
				return none
			}
			return ms(h.Quantile(q))
		}
		s.Latency, s.Uncorrected = append(s.Latency, of(t.Latency)), append(s.Uncorrected, of(t.Uncorrected))
		adjusted := num(math.Inf(1))
		if d, finite := p.Stage.Adjusted(q); finite {
			adjusted = ms(d)
		}
		s.Adjusted = append(s.Adjusted, adjusted)
	}
	for _, other := range []*[]num{&s.Uncorrected, &s.Adjusted} {
		same := func(a, b num) bool { return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b)) }
		if slices.EqualFunc(s.Latency, *other, same) {
			*other = nil
		}
	}
	return s
}
