// Package difference draws how the latency of two runs differs, level by level. Begin
// with [Of].
package difference

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

// Name is how the names of the files begin.
const Name = "differences"

// Side is one of two runs.
type Side struct {
	Name   string
	Run    result.Run
	Stages []*result.Stage
}

// Runs are two runs that differ in something, side by side.
type Runs struct {
	sides  [2]Side
	pairs  []pair
	alone  []string // what is only in one of them
	unlike []string // in what they differ
}

// pair is a target over the levels that both runs have.
type pair struct {
	name   string
	hue    int
	load   string
	points []point
}

type point struct {
	level int
	by    []series.Difference // by quantiles
}

var quantiles = []float64{0.5, 0.9, 0.99}

// Of compares two runs: targets of the same name and load, or the only one of each that
// a run has of a load. It is nil where they have no level in common.
func Of(base, other Side) *Runs {
	r := &Runs{sides: [2]Side{base, other}}
	left, right := sweep.Of(base.Stages), sweep.Of(other.Stages)
	count := func(of []sweep.Sweep, load string) (n int) {
		for i := range of {
			if of[i].Load == load {
				n++
			}
		}
		return n
	}
	matched := make([]bool, len(right))
	for i := range left {
		a := &left[i]
		only := count(left, a.Load) == 1 && count(right, a.Load) == 1
		k := slices.IndexFunc(right, func(b sweep.Sweep) bool { return a.Load == b.Load && (only || a.Name == b.Name) })
		if k < 0 || matched[k] {
			r.alone = append(r.alone, fmt.Sprintf("%s is only in %s", a.ShortName(60), base.Name))
			continue
		}
		matched[k] = true
		r.match(a, &right[k], i)
	}
	for k := range right {
		if !matched[k] {
			r.alone = append(r.alone, fmt.Sprintf("%s is only in %s", right[k].ShortName(60), other.Name))
		}
	}
	was, is := base.Run.Environment, other.Run.Environment
	r.differs("commit", was.Commit[:min(len(was.Commit), 12)], is.Commit[:min(len(is.Commit), 12)])
	r.differs("host", was.Host, is.Host)
	if len(r.pairs) == 0 {
		return nil
	}
	return r
}

// Unlike reports whether the runs are more than repeats of one another: their settings or
// commits differ.
func (r *Runs) Unlike() bool { return len(r.unlike) > 0 }

// Found is what the comparison shows, and of what it is.
func (r *Runs) Found() []string { return []string{r.title(), r.names()} }

// ownKeys are settings that two runs differ in without being different.
var ownKeys = []string{result.KeyLevel, result.KeyRepeat, result.KeySeed, result.KeyTrace, result.KeyArm}

func (r *Runs) match(a, b *sweep.Sweep, place int) {
	p := pair{name: a.ShortName(40), hue: place, load: a.Load}
	if a.Name != b.Name {
		p.name = fmt.Sprintf("%s → %s", p.name, b.ShortName(40))
	}
	var levels [2][]string
	for _, x := range a.Points {
		k := slices.IndexFunc(b.Points, func(y sweep.Point) bool { return x.Level == y.Level })
		if k < 0 {
			levels[0] = append(levels[0], units.Int(x.Level))
			continue
		}
		if y := b.Points[k]; x.Valid() && y.Valid() {
			at := point{level: x.Level}
			for _, q := range quantiles {
				at.by = append(at.by, series.Differ(x.Stage, y.Stage, q))
			}
			p.points = append(p.points, at)
		} else {
			r.alone = append(r.alone, fmt.Sprintf("%s at %s is not valid in one run", p.name, sweep.AtLevel(a.Load, x.Level)))
		}
	}
	for _, y := range b.Points {
		if !slices.ContainsFunc(a.Points, func(x sweep.Point) bool { return x.Level == y.Level }) {
			levels[1] = append(levels[1], units.Int(y.Level))
		}
	}
	for i, only := range levels {
		if len(only) > 0 {
			r.alone = append(r.alone, fmt.Sprintf("%s at %s %s is only in %s", p.name, units.List(only), result.LevelUnit(a.Load, 2), r.sides[i].Name))
		}
	}
	was, is := a.Points[0].Stage.Settings, b.Points[0].Stage.Settings
	for _, kv := range slices.Concat(was, is) {
		if !slices.Contains(ownKeys, kv.Key) {
			r.differs(kv.Key, was.Get(kv.Key), is.Get(kv.Key))
		}
	}
	if len(p.points) > 0 {
		r.pairs = append(r.pairs, p)
	}
}

// differs notes a setting in which the runs differ.
func (r *Runs) differs(key, was, is string) {
	none := func(v string) string { return words.Shorten(words.If(v == "", "none")+v, 60) }
	if text := fmt.Sprintf("%s %s → %s", key, none(was), none(is)); was != is && !slices.Contains(r.unlike, text) {
		r.unlike = append(r.unlike, text)
	}
}

// names are the two runs in words, and in what they differ.
func (r *Runs) names() string {
	unlike := strings.Join(words.AtMost(r.unlike, 6, "and %d more"), ", ")
	return fmt.Sprintf("%s → %s: %s", r.sides[0].Name, r.sides[1].Name, cmp.Or(unlike, "the same settings and commit"))
}

// title is the finding: of the highest percentile that is proven to differ, at how many
// levels it is longer or shorter, and where most.
func (r *Runs) title() string {
	compared := 0
	for i, q := range slices.Backward(quantiles) {
		var longer, shorter, all int
		var most series.Difference
		where := ""
		for _, p := range r.pairs {
			for _, at := range p.points {
				d := at.by[i]
				if d.TooShort == "" {
					all++
				}
				if !d.Proven() {
					continue
				}
				if d.Low > 0 {
					longer++
				} else {
					shorter++
				}
				if where == "" || math.Abs(ratio(d)) > math.Abs(ratio(most)) {
					most, where = d, fmt.Sprintf("%s at %s", p.name, sweep.AtLevel(p.load, at.level))
				}
			}
		}
		compared = max(compared, all)
		if where == "" {
			continue
		}
		of := " of " + units.Plural(all, "stage")
		parts := words.Join(" and ", words.If(longer > 0, fmt.Sprint("longer in ", longer)), words.If(shorter > 0, fmt.Sprint("shorter in ", shorter)))
		return fmt.Sprintf("%s of %s is %s; most of %s: %s (%s)", units.Percentile(q), r.sides[1].Name, parts+of, where, signed(most.At), interval(most))
	}
	if compared > 0 {
		return fmt.Sprintf("Latency of %s differs in none of %s by more than chance explains", r.sides[1].Name, units.Plural(compared, "stage"))
	}
	return fmt.Sprintf("Do %s and %s differ? Inconclusive: no stage is long enough for an interval", r.sides[0].Name, r.sides[1].Name)
}

// ratio is the logarithm of how many times as long the other percentile is.
func ratio(d series.Difference) float64 { return math.Log(float64(d.Other.At) / float64(d.Base.At)) }

func signed(d time.Duration) string {
	if d < 0 {
		return "−" + units.Duration(-d)
	}
	return words.If(d > 0, "+") + units.Duration(d)
}

func interval(d series.Difference) string { return signed(d.Low) + " to " + signed(d.High) }

func (r *Runs) table() *table.Table {
	t := table.New(table.Numbers("target", "level", "percentile", words.Shorten(r.sides[0].Name, 30), words.Shorten(r.sides[1].Name, 30), "difference", "95 % interval", "")...)
	for _, p := range r.pairs {
		for _, at := range p.points {
			for i, q := range quantiles {
				d := at.by[i]
				says, in := "not proven", d.TooShort
				if in == "" {
					in = interval(d)
				} else {
					says = ""
				}
				if d.Proven() {
					says = map[bool]string{true: "longer", false: "shorter"}[d.Low > 0]
				}
				t.Row(p.name, sweep.AtLevel(p.load, at.level), units.Percentile(q), sweep.OrMore(d.Base.At), sweep.OrMore(d.Other.At), signed(d.At), in, says)
			}
		}
	}
	return t
}

const (
	mostPairs  = 6   // rows of the figure
	rowHeight  = 126 // points, with its name
	rowNames   = 24
	yLabels    = 34
	atRight    = 14
	gap        = 20
	figureW    = 1600
	aroundRows = 98
)

// Files are differences.png and .svg.
func (r *Runs) Files(resolution int) ([]sweep.File, error) {
	pairs := r.pairs[:min(len(r.pairs), mostPairs)]
	footer := []string{
		r.names(),
		"Whiskers: 95 % interval of the ratio, within these two runs; each percentile has an interval of 97.5 % (Bonferroni). Other runs may differ by more. Filled: the interval holds no 1. Hollow: a difference is not proven. No mark: too few requests.",
	}
	note := "Each interval holds the true difference 95 times of 100, within these two runs"
	if len(r.alone) > 0 {
		left := "Not compared: " + strings.Join(words.AtMost(r.alone, 4, "and %d more"), "; ")
		footer, note = append(footer, left), note+". "+left
	}
	f := &canvas.Figure{
		W: figureW, H: canvas.Pixels(float64(len(pairs))*rowHeight + aroundRows), Title: r.title(), Run: r.sides[1].Run.ID, Footer: footer, Table: r.table(),
		Alt:  fmt.Sprintf("Dots with whiskers: percentiles of latency of %s divided by those of %s, over load. %s.", r.sides[1].Name, r.sides[0].Name, r.title()),
		Note: note,
		Draw: func(c *canvas.Canvas, body canvas.Rect) { draw(c, body, pairs) },
	}
	return figure.Files(f, Name, resolution)
}

func draw(c *canvas.Canvas, body canvas.Rect, pairs []pair) {
	most := 1.1
	for _, p := range pairs {
		for _, at := range p.points {
			for _, d := range at.by {
				if d.TooShort == "" {
					most = max(most, float64(d.Other.High)/float64(d.Base.Low), float64(d.Base.High)/float64(d.Other.Low))
				}
			}
		}
	}
	most = min(most, 1000)
	y := canvas.Axis{Unit: units.Ratio, Log: true, Lo: 1 / math.Pow(most, 1.1), Hi: math.Pow(most, 1.1)}
	ticks := canvas.Ticks(ticksWithin(most), func(v float64) string { return fmt.Sprintf("%.3g", v) })
	columns := float64(len(quantiles))
	width := (body.W() - yLabels - atRight - (columns-1)*gap) / columns
	for row, p := range pairs {
		top := body.Y1 - float64(row)*rowHeight
		c.PanelName(body.X0, top-12, body.W(), p.name+": latency of the second run ÷ the first, log scale")
		var levels []float64
		for _, at := range p.points {
			levels = append(levels, float64(at.level))
		}
		x := canvas.NewAxis(canvas.Axis{Label: result.LevelUnit(p.load, 2), Unit: units.Count, Log: !result.OpenLoad(p.load)}, levels, true)
		for i, q := range quantiles {
			x0 := body.X0 + yLabels + float64(i)*(width+gap)
			panel := canvas.Chart{Rect: canvas.Rect{X0: x0, X1: x0 + width, Y0: top - rowHeight + canvas.AxisHeight, Y1: top - rowNames}, X: x, Y: y}
			c.Grid(panel.Rect, y.Scale(panel.Y0, panel.Y1), ticks, i == 0)
			one := panel.At(x.Hi, 1).Y
			c.Segment(canvas.Pen{Color: canvas.Ink, Width: canvas.ThinWidth}, panel.X0, one, panel.X1, one)
			c.Text(panel.X0+3, panel.Y1-canvas.TickSize-1, canvas.Style{Size: canvas.TickSize, Bold: true, Color: canvas.Ink}, units.Percentile(q))
			c.XAxis(panel.Rect, x.Scale(panel.X0, panel.X1), canvas.Ticks(levels, units.Number), x.Name(), panel.X0, panel.X1)
			for _, at := range p.points {
				d := at.by[i]
				if d.TooShort != "" {
					continue
				}
				hue := canvas.Blue
				switch {
				case !d.Proven():
					hue = canvas.Grey
				case d.Low > 0:
					hue = canvas.Vermilion
				}
				height := func(a, b time.Duration) float64 {
					return min(max(panel.At(x.Hi, float64(a)/float64(max(b, 1))).Y, panel.Y0), panel.Y1)
				}
				place, low, high := panel.At(float64(at.level), 1).X, height(d.Other.Low, d.Base.High), height(d.Other.High, d.Base.Low)
				pen := canvas.Pen{Color: hue, Width: canvas.LineWidth}
				c.Segment(pen, place, low, place, high)
				c.Segment(pen, place-3, low, place+3, low)
				c.Segment(pen, place-3, high, place+3, high)
				c.Dot(canvas.Point{X: place, Y: height(d.Other.At, d.Base.At)}, 3, hue, !d.Proven())
			}
		}
	}
}

// ticksWithin are ratios from 1/most to most, few enough to be read.
func ticksWithin(most float64) []float64 {
	chosen := []float64{0.001, 0.01, 0.1, 1, 10, 100, 1000}
	for _, all := range [][]float64{{0.1, 0.2, 0.5, 1, 2, 5, 10}, {0.33, 0.5, 0.67, 1, 1.5, 2, 3}, {0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5}, {0.9, 0.95, 1, 1.05, 1.1}} {
		if most <= all[len(all)-1] {
			chosen = all
		}
	}
	return slices.DeleteFunc(chosen, func(v float64) bool { return max(v, 1/v) > most*1.05 })
}
