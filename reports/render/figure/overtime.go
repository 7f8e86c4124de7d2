package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// The figures over time read the slices of stages: the heat map of all stages of a
// target, one behind the other, and the figures of one long stage.
const (
	overTimeW   = 1600
	heatHeight  = 150 // points of a row of the heat map
	heatColumns = 400 // at most, and heatRows: cells that are seen apart
	heatRows    = 64
	longStage   = 12 * time.Second // from which on a stage has figures over time
	mostLong    = 6
	timePoints  = 120 // of a curve over time, at most
)

// lane is the slices of a target, stage after stage.
type lane struct {
	name, unit string
	hue        color.RGBA
	spans      []span
	slices     []result.Slice // Offset is from the beginning of the lane
	length     time.Duration
}

// span is a stage in a lane.
type span struct {
	from, to time.Duration
	level    int
	valid    bool
}

func laneOf(w *sweep.Sweep, place int) lane {
	l := lane{name: w.ShortName(60), unit: result.LevelUnit(w.Load, 2), hue: canvas.HueOf(w.Target(), place)}
	for _, p := range w.Points {
		if len(p.Stage.Slices) == 0 {
			continue
		}
		from := l.length
		for _, s := range p.Stage.Slices {
			l.length = max(l.length, from+s.Offset+s.Length)
			s.Offset += from
			l.slices = append(l.slices, s)
		}
		l.spans = append(l.spans, span{from, l.length, p.Level, p.Valid()})
	}
	return l
}

// HeatMap draws how many requests took how long over time, one row for each target and
// one file for each sheet. That of a search has its levels in the order in which they
// were tried.
func HeatMap(r *sweep.Report) ([]sweep.File, error) {
	if !slices.ContainsFunc(r.Stages, func(s *result.Stage) bool { return len(s.Slices) > 0 }) {
		return nil, nil // a record without time
	}
	if r.Search {
		tried := *r
		tried.Sweeps = sweep.AsRun(r.Stages)
		r = &tried
	}
	return sheets(r, "heatmap", heatFigure)
}

func heatFigure(sweeps []sweep.Sweep) *canvas.Figure {
	var lanes []lane
	var latencies []float64
	for i := range sweeps {
		l := laneOf(&sweeps[i], i)
		if l.length == 0 {
			continue
		}
		lanes = append(lanes, l)
		for _, s := range l.slices {
			for d := range s.Latency.All() {
				latencies = append(latencies, float64(min(d, result.HistHighest)))
			}
		}
	}
	if len(latencies) == 0 {
		return nil
	}
	y := canvas.Axis{Unit: units.Time, Log: true}
	y.Lo, y.Hi, _ = canvas.LogRange(latencies, canvas.HalfDecade)
	footer := []string{words.Join(" · ", "the darker, the more requests per second: log scale, one for each target", unservedMarks(lanes))}
	if left := leftOut(lanes); left != "" {
		footer = append(footer, left)
	}
	return &canvas.Figure{
		W: overTimeW, H: canvas.Pixels(float64(len(lanes))*heatHeight + 88), Title: finding.OverTime(sweeps), Alt: heatAlt(lanes, y),
		Footer: footer, Table: heatTable(lanes),
		Draw: func(c *canvas.Canvas, body canvas.Rect) { drawHeat(c, body, lanes, y) },
	}
}

// unservedMarks says how the shares that were not served look; empty where all were.
func unservedMarks(lanes []lane) string {
	var rejected, failed int64
	for _, l := range lanes {
		for _, s := range l.slices {
			rejected, failed = rejected+s.Counts[result.Rejected], failed+s.Counts.Failed()
		}
	}
	if rejected+failed == 0 {
		return ""
	}
	return "below: share " + words.Join(" and ", words.If(rejected > 0, "rejected (hatched)"), words.If(failed > 0, "failed (plain)"))
}

// heatTable is what the heat map shows, one row for each stage.
func heatTable(lanes []lane) *table.Table {
	t := table.New(table.Numbers("target", "level", "from", "to", "slices", "ok", "fastest", "slowest", "left out")...)
	for _, l := range lanes {
		for _, k := range l.spans {
			all, n, disturbed := new(result.Sparse), 0, time.Duration(0)
			for _, s := range l.slices {
				if s.Offset >= k.from && s.Offset < k.to {
					all.Merge(s.Latency)
					n, disturbed = n+1, disturbed+s.Disturbed
				}
			}
			t.Row(l.name, units.Int(k.level)+" "+l.unit, units.Duration(k.from), units.Duration(k.to), units.Int(n),
				units.Int(all.N()), units.Duration(all.Quantile(0)), sweep.OrMore(all.Quantile(1)), units.Duration(disturbed))
		}
	}
	return t
}

// leftOut says how much of the time was disturbed, and by what most.
func leftOut(lanes []lane) string {
	var all, disturbed time.Duration
	causes := map[string]time.Duration{}
	most := ""
	for _, l := range lanes {
		for _, s := range l.slices {
			all, disturbed = all+s.Length, disturbed+s.Disturbed
			if s.Disturbed > 0 && s.Cause != "" {
				if causes[s.Cause] += s.Disturbed; causes[s.Cause] > causes[most] {
					most = s.Cause
				}
			}
		}
	}
	if disturbed == 0 {
		return ""
	}
	text := fmt.Sprintf("grey hatching: the machine interfered; %s of %s are left out of percentiles, shares and rates", units.Duration(disturbed), units.Duration(all))
	if most != "" {
		text += ", mostly: " + most
	}
	return text
}

func heatAlt(lanes []lane, y canvas.Axis) string {
	slowest := time.Duration(0)
	for _, l := range lanes {
		for _, s := range l.slices {
			slowest = max(slowest, s.Latency.Quantile(1))
		}
	}
	return fmt.Sprintf("Heat map of latency (log scale) over %s, one row for each of %s; the slowest request took %s.",
		units.Duration(lanes[0].length), units.Plural(len(lanes), "target"), sweep.OrMore(slowest))
}

func drawHeat(c *canvas.Canvas, body canvas.Rect, lanes []lane, y canvas.Axis) {
	const (
		naming = 27
		fails  = 15 // height of the strip of what was not served
		gap    = 4
	)
	own := slices.ContainsFunc(lanes, func(l lane) bool { return math.Abs(float64(l.length)/float64(lanes[0].length)-1) > 0.01 })
	top, height := body.Y1, (body.Y1-body.Y0)/float64(len(lanes))
	if !own {
		height = (body.Y1 - body.Y0 - canvas.AxisHeight) / float64(len(lanes))
	}
	for i, l := range lanes {
		x := canvas.Axis{Label: "time, stage after stage", Unit: units.Time, Hi: float64(l.length)}
		if len(l.spans) == 1 {
			x.Label = "time since the measured window began"
		}
		strip := canvas.Rect{X0: body.X0 + axisLabels - canvas.Edge, Y0: top - height + 4, X1: body.X1 - 40}
		if own {
			strip.Y0 += canvas.AxisHeight
		}
		strip.Y1 = strip.Y0 + fails
		r := canvas.Rect{X0: strip.X0, Y0: strip.Y1 + gap, X1: strip.X1, Y1: top - naming}
		place := x.Scale(r.X0, r.X1)
		drawLane(c, r, place, l)
		newPanel(c, r, x, y, true)
		c.Image(r, heat(l, y))
		share := canvas.Scale{Hi: 1, From: strip.Y0, To: strip.Y1}
		bars := l.slices
		for len(bars) > timePoints*2 {
			bars = result.Halve(bars)
		}
		for _, s := range bars {
			box := canvas.Rect{X0: place.At(float64(s.Offset)), X1: place.At(float64(s.Offset + s.Length)), Y0: strip.Y0}
			planned := float64(s.Counts.Planned())
			for _, part := range []struct {
				n    int64
				band canvas.Band
			}{{s.Counts[result.Rejected], canvas.BandOf(result.Rejected)}, {s.Counts.Failed(), canvas.BandOf(result.Timeout)}} {
				if part.n > 0 {
					box.Y1 = min(box.Y0+max(share.At(float64(part.n)/planned)-share.From, leastBand), strip.Y1)
					c.Band(part.band, box)
					box.Y0 = box.Y1
				}
			}
		}
		hatchDisturbed(c, canvas.Rect{Y0: strip.Y0, Y1: r.Y1}, place, l, canvas.Grey)
		c.Baseline(strip)
		c.TextBeside(strip.X0-4, strip.Y0+fails/2, canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft, Align: canvas.Right}, "not served")
		for _, s := range l.spans[1:] {
			c.Segment(canvas.Pen{Color: canvas.Ink, Width: 0.5}, place.At(float64(s.from)), strip.Y0, place.At(float64(s.from)), r.Y1+4)
		}
		if own || i == len(lanes)-1 {
			c.XAxis(strip, place, x.Ticks(9), x.Name(), r.X0, r.X1)
		}
		top -= height
	}
}

// hatchDisturbed hatches the time in which the machine interfered.
func hatchDisturbed(c *canvas.Canvas, r canvas.Rect, x canvas.Scale, l lane, hue color.RGBA) {
	for i := 0; i < len(l.slices); i++ {
		first := i
		for i < len(l.slices) && l.slices[i].Disturbed > 0 {
			i++
		}
		if i > first {
			last := l.slices[i-1]
			r.X0, r.X1 = x.At(float64(l.slices[first].Offset)), x.At(float64(last.Offset+last.Length))
			c.Hatch(r, hue, 3.4, 0.4)
		}
	}
}

// drawLane names the target of a row and its stages, as many as there is room for.
func drawLane(c *canvas.Canvas, r canvas.Rect, x canvas.Scale, l lane) {
	name := canvas.Style{Size: canvas.NameSize, Bold: true, Color: l.hue}
	c.Text(r.X0, r.Y1+16, name, l.name)
	if len(l.spans) == 1 {
		about := units.Int(l.spans[0].level) + " " + l.unit
		if !l.spans[0].valid {
			about += ", not valid"
		}
		c.Text(r.X0+canvas.Width(name, l.name)+6, r.Y1+16, canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}, about)
		return
	}
	s := canvas.Style{Size: canvas.TickSize, Color: canvas.Soft, Align: canvas.Center}
	names := map[float64]string{}
	var at []float64
	for _, k := range l.spans {
		middle := float64(k.from+k.to) / 2
		names[middle] = units.Int(k.level)
		if !k.valid {
			names[middle] += " (not valid)"
		}
		at = append(at, middle)
	}
	for _, v := range canvas.Fitting(at, func(v float64) (float64, float64) { return x.At(v), canvas.Width(s, names[v]) + 4 }) {
		c.Text(x.At(v), r.Y1+4, s, names[v])
	}
	s.Align = canvas.Left
	c.Text(r.X1+4, r.Y1+4, s, l.unit)
}

// heat is the cells of a lane: as dark as the logarithm of their requests per second.
func heat(l lane, y canvas.Axis) image.Image {
	columns := max(1, min(heatColumns, len(l.slices)))
	img := image.NewNRGBA(image.Rect(0, 0, columns, heatRows))
	cells := make([]float64, columns*heatRows)
	row := canvas.Scale{Log: true, Lo: y.Lo, Hi: y.Hi, From: heatRows - 1, To: 0}
	for _, s := range l.slices {
		from := float64(s.Offset) / float64(l.length) * float64(columns)
		to := float64(s.Offset+s.Length) / float64(l.length) * float64(columns)
		for d, n := range s.Latency.All() {
			at := int(math.Round(row.At(float64(d))))
			for x := int(from); x < columns && float64(x) < to-1e-9; x++ {
				part := (min(to, float64(x+1)) - max(from, float64(x))) / (to - from)
				cells[at*columns+x] += float64(n) * part
			}
		}
	}
	most := slices.Max(cells)
	for i, n := range cells {
		if n <= 0 {
			continue
		}
		t := min(1, math.Log1p(n)/math.Log1p(max(most, 1)))
		dark := canvas.Mix(canvas.Mix(canvas.Blue, canvas.White, 0.72), canvas.Mix(canvas.Blue, canvas.Black, 0.62), t)
		img.Set(i%columns, i/columns, dark)
	}
	return img
}

// OverTime draws what each long stage did slice by slice, one file for each; that of a
// ramp is always drawn. The stages of a search have none: its heat map has one time axis
// for all of them.
func OverTime(r *sweep.Report) (out []sweep.File, err error) {
	if r.Search {
		return nil, nil
	}
	drawn := 0
	for i := range r.Sweeps {
		w := &r.Sweeps[i]
		for _, p := range w.Points {
			one := *w
			one.Points = []sweep.Point{p}
			l := laneOf(&one, i)
			if len(l.slices) < 4 || w.Load != "ramp" && l.length/time.Duration(len(p.Repeats)) < longStage {
				continue
			}
			if drawn == mostLong {
				r.Missing = append(r.Missing, fmt.Sprintf("Figures over time are of the first %d long stages.", mostLong))
				return out, nil
			}
			made, err := files(r, overTime(w, p, l), SheetName("time", drawn), []sweep.Sweep{*w})
			if err != nil {
				return out, err
			}
			out = append(out, made...)
			drawn++
		}
	}
	return out, nil
}

func overTime(w *sweep.Sweep, p sweep.Point, l lane) *canvas.Figure {
	all := l.slices
	for len(all) > timePoints {
		all = result.Halve(all)
	}
	x := canvas.Axis{Label: "time since the measured window began", Unit: units.Time, Hi: float64(l.length)}
	of := func(label string, hue color.RGBA, dashes []float64, value func(result.Slice) (v float64, thin, ok bool)) strand {
		k := strand{canvas.Curve{Name: label}, hue, dashes, canvas.LineWidth, label, nil}
		gap := false
		for _, s := range all {
			v, thin, ok := value(s)
			if ok {
				k.Values = append(k.Values, canvas.Value{X: float64(s.Offset) + float64(s.Length)/2, Y: v, Thin: thin, Gap: gap && len(k.Values) > 0})
			}
			gap = !ok
		}
		return k
	}
	plain := func(value func(result.Slice) float64) func(result.Slice) (float64, bool, bool) {
		return func(s result.Slice) (float64, bool, bool) { return value(s), false, true }
	}
	rate := func(n func(result.Slice) int64) func(result.Slice) (float64, bool, bool) {
		return plain(func(s result.Slice) float64 { return float64(n(s)) / s.Length.Seconds() })
	}
	share := func(n func(result.Slice) int64) func(result.Slice) (float64, bool, bool) {
		return func(s result.Slice) (float64, bool, bool) {
			return float64(n(s)) / float64(s.Counts.Planned()), false, s.Counts.Planned() > 0
		}
	}
	var latency []strand
	for k, q := range drawnQuantiles[:3] {
		latency = append(latency, of(units.Percentile(q), canvas.Shade(l.hue, k, 3), nil, func(s result.Slice) (float64, bool, bool) {
			beyond := float64(s.Latency.N())*(1-q) + 1e-9
			return float64(s.Latency.Quantile(q)), beyond < 10, beyond >= 1
		}))
	}
	cores := func(spent func(result.Slice) time.Duration) func(result.Slice) (float64, bool, bool) {
		return func(s result.Slice) (float64, bool, bool) { // unknown where the meters were not read
			return spent(s).Seconds() / s.Length.Seconds(), false, s.Target.CPU+s.Generator.CPU > 0
		}
	}
	strips := []strip{
		{"Rate: arrivals and ok per second", canvas.Axis{Unit: units.Rate}, [][]strand{{
			of("arrivals", canvas.Soft, canvas.Dashed, rate(func(s result.Slice) int64 { return s.Counts.Planned() })),
			of("ok", l.hue, nil, rate(func(s result.Slice) int64 { return s.Counts[result.OK] })),
		}}},
		{"Latency: percentiles of ok in each slice, log scale", canvas.Axis{Unit: units.Time, Log: true}, [][]strand{latency}},
		{"Not served: share of arrivals", canvas.Axis{Unit: units.Share}, [][]strand{{
			of("rejected", canvas.Mix(canvas.Orange, canvas.Black, 0.2), nil, share(func(s result.Slice) int64 { return s.Counts[result.Rejected] })),
			of("failed", canvas.Vermilion, canvas.Dashed, share(func(s result.Slice) int64 { return s.Counts.Failed() })),
		}}},
		{"Lag: of the generator, log scale", canvas.Axis{Unit: units.Time, Log: true}, [][]strand{{
			of("p99", canvas.Soft, nil, plain(func(s result.Slice) float64 { return float64(s.LagP99) })),
			of("max", canvas.Grey, canvas.Dotted, plain(func(s result.Slice) float64 { return float64(s.LagMax) })),
		}}},
		{"CPU: cores in use", canvas.Axis{Unit: units.Ratio}, [][]strand{{
			of("target", l.hue, nil, func(s result.Slice) (float64, bool, bool) { // unknown where its process is
				return s.Target.CPU.Seconds() / s.Length.Seconds(), false, s.Target != (result.Spent{})
			}),
			of("generator", canvas.Soft, canvas.Dashed, cores(func(s result.Slice) time.Duration { return s.Generator.CPU })),
			of("steal", canvas.Vermilion, canvas.Dotted, cores(func(s result.Slice) time.Duration { return s.Steal })),
		}}},
		{"Memory: of the target", canvas.Axis{Unit: units.Bytes}, [][]strand{{
			of("target", l.hue, nil, func(s result.Slice) (float64, bool, bool) {
				return float64(s.Target.RSS), false, s.Target.RSS > 0
			}),
		}}},
	}
	strips = slices.DeleteFunc(strips, func(s strip) bool { return !s.some() })
	footer := footerOf(words.If(drawnOf(curvesOf(latency)...).thin, "dotted: fewer than ten samples of a slice lie beyond the percentile"))
	if left := leftOut([]lane{l}); left != "" {
		footer = append(footer, left)
	}
	title := overTimeTitle(w.Load, l, p)
	heading := canvas.Heading{Name: l.name, Note: w.Setup(), Hue: l.hue}
	if !p.Valid() {
		heading.Note, title = "not valid", title+" (not valid)"
	}
	return &canvas.Figure{
		W: overTimeW, H: canvas.Pixels(float64(len(strips))*stripHeight + aroundStrips),
		Title: title, Alt: "Line charts over time of " + stripNames(strips) + ": " + title + ".", Footer: footer,
		Table: stripTable([]canvas.Heading{heading}, x, strips),
		Draw: func(c *canvas.Canvas, body canvas.Rect) {
			drawStrips(c, body, []canvas.Heading{heading}, x, nil, 0, strips, func(_ int, r canvas.Rect) {
				hatchDisturbed(c, r, x.Scale(r.X0, r.X1), l, canvas.Pale)
			})
		},
	}
}

// overTimeTitle is what a long stage shows: of a ramp, up to which rate it was served.
func overTimeTitle(load string, l lane, p sweep.Point) string {
	if load != "ramp" {
		title := fmt.Sprintf("%s at %s for %s", l.name, sweep.AtLevel(load, p.Level), units.Duration(l.length))
		if q, d := p.Carried(); q > 0 {
			title += fmt.Sprintf(": %s is %s, %s rejected", units.Percentile(q), sweep.OrMore(d), units.Percent(p.Stage.RejectedShare()))
		}
		return title
	}
	title := fmt.Sprintf("%s on a ramp to %s/s in %s: ", l.name, units.Int(p.Level), units.Duration(l.length))
	unserved := func(s result.Slice) bool {
		return float64(s.Counts.Planned()-s.Counts[result.OK]) > sweep.Tolerated*float64(s.Counts.Planned())
	}
	for i, s := range l.slices {
		if i > 0 && unserved(s) && unserved(l.slices[i-1]) {
			first := l.slices[i-1]
			return title + fmt.Sprintf("more than 1 %% is not served from %s/s on", units.Number(float64(first.Counts.Planned())/first.Length.Seconds()))
		}
	}
	return title + "at least 99 % is served up to its end"
}
