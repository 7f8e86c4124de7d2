package pattern

import (
	"cmp"
	"image/color"
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/units"
)

type timeline struct {
	x     canvas.Axis
	lanes []lane
	named bool // false: the panel to the left names the lanes
}

// lane is one row of a timeline, or several, as no two of its bars touch.
type lane struct {
	name string
	hue  color.RGBA
	bars []laneBar
	rows int
	end  float64 // of its last bar
}

type laneBar struct {
	Span
	row int
	hue color.RGBA
}

// stairs is up to how many bars of a lane have a row each.
const stairs = 6

func newTimeline(p Panel, book hueBook) *timeline {
	t := &timeline{x: canvas.Axis{Label: cmp.Or(p.X.Label, "time"), Unit: units.Time}, named: true}
	for _, s := range p.Spans {
		if s.To < s.From || !canvas.Drawable(float64(s.From)) || !canvas.Drawable(float64(s.To)) {
			continue
		}
		i := slices.IndexFunc(t.lanes, func(l lane) bool { return l.name == s.Lane })
		if i < 0 {
			i = len(t.lanes)
			t.lanes = append(t.lanes, lane{name: s.Lane})
		}
		t.lanes[i].bars = append(t.lanes[i].bars, laneBar{Span: s, hue: book.hue(s.Style, s.Lane)})
	}
	for i := range t.lanes {
		t.lanes[i].pack()
	}
	return t
}

// pack gives each bar a row: its own where there are few, so that bars one after
// another are a flight of stairs, else the first that is free.
func (l *lane) pack() {
	slices.SortStableFunc(l.bars, func(a, b laneBar) int { return cmp.Compare(a.From, b.From) })
	l.hue = l.bars[0].hue
	var free []int64 // when each row is
	for i := range l.bars {
		b := &l.bars[i]
		if b.hue != l.bars[0].hue {
			l.hue = canvas.Ink
		}
		l.end = max(l.end, float64(b.To))
		row := slices.IndexFunc(free, func(at int64) bool { return at <= int64(b.From) })
		if len(l.bars) <= stairs || row < 0 {
			row = len(free)
			free = append(free, 0)
		}
		free[row] = int64(b.To)
		b.row = row
	}
	l.rows = len(free)
}

// alignTimelines gives timelines one scale, and those with the same lanes the same
// heights.
func (m model) alignTimelines() {
	all := contents[*timeline](m)
	times := []float64{0}
	for _, t := range all {
		for _, l := range t.lanes {
			for _, b := range l.bars {
				times = append(times, float64(b.From), float64(b.To))
			}
		}
	}
	for i, t := range all {
		t.x = canvas.NewAxis(t.x, times, true)
		for k, other := range all {
			if k == i || !slices.EqualFunc(t.lanes, other.lanes, func(x, y lane) bool { return x.name == y.name }) {
				continue
			}
			for j := range t.lanes {
				t.lanes[j].rows = max(t.lanes[j].rows, other.lanes[j].rows)
			}
			if k == i-1 && m.besideLast(i) {
				t.named = false
			}
		}
	}
}

func (t *timeline) margins(width float64) margins {
	m := margins{left: 6, right: 14}
	name := canvas.Style{Size: canvas.NameSize, Bold: true}
	for _, l := range t.lanes {
		m.right = max(m.right, canvas.Width(name, units.Time.Text(l.end))+8)
		if t.named {
			m.left = max(m.left, canvas.Width(name, l.name)+8)
		}
	}
	m.left = min(m.left, 0.35*width)
	return m
}

func (t *timeline) axes() (above, below float64) { return 0, canvas.AxisHeight }

func (t *timeline) draw(c *canvas.Canvas, r, outer canvas.Rect) {
	x, ticks := t.x.Scale(r.X0, r.X1), t.x.Ticks(7)
	c.GridDown(r, x, ticks)
	c.Baseline(r)
	c.XAxis(r, x, ticks, t.x.Name(), outer.X0, outer.X1)

	rows := 0
	for _, l := range t.lanes {
		rows += l.rows
	}
	if rows == 0 {
		return
	}
	const between = 0.55 // two lanes, in rows
	h := min(24, (r.H()-2)/(float64(rows)+between*float64(len(t.lanes))))
	y := r.Y1 - h*between/2
	var middles []float64
	for _, l := range t.lanes {
		l.draw(c, x, y, h, outer.X1)
		bottom := y - h*float64(l.rows)
		middles = append(middles, (y+bottom)/2)
		y = bottom - h*between
	}
	if !t.named {
		return
	}
	size := min(canvas.NameSize, max(canvas.NoteSize, h*float64(rows)/float64(len(t.lanes))))
	kept := canvas.Fitting(middles, func(v float64) (float64, float64) { return v, size * 1.1 })
	for i, l := range t.lanes {
		if slices.Contains(kept, middles[i]) {
			s, name := canvas.Fit(canvas.Style{Size: size, Bold: true, Color: l.hue, Align: canvas.Right}, l.name, r.X0-6-outer.X0)
			c.TextBeside(r.X0-6, middles[i], s, name)
		}
	}
}

// draw draws the bars of a lane from top down, and when the last one ends.
func (l lane) draw(c *canvas.Canvas, x canvas.Scale, top, h, right float64) {
	last := 0
	for i, b := range l.bars {
		y1 := top - h*float64(b.row) - h*0.08
		box := canvas.Rect{X0: x.At(float64(b.From)), Y0: y1 - h*0.84, Y1: y1}
		box.X1 = max(x.At(float64(b.To)), box.X0+0.75)
		s := canvas.Style{Size: min(canvas.LabelSize, h*0.62), Color: canvas.White, Align: canvas.Center}
		if b.Wait {
			s.Color = canvas.Mix(b.hue, canvas.Black, 0.3)
			c.Fill(canvas.Mix(b.hue, canvas.White, 0.72), box)
		} else {
			c.Fill(b.hue, box)
		}
		if b.Wait && h > 5 {
			c.Frame(canvas.Pen{Color: b.hue, Width: canvas.ThinWidth}, box)
		}
		if s.Size >= 6 && b.Label != "" && canvas.Width(s, b.Label) < box.W()-4 {
			c.TextBeside((box.X0+box.X1)/2, (box.Y0+box.Y1)/2, s, b.Label)
		}
		if b.To >= l.bars[last].To {
			last = i
		}
	}
	if h < 6 {
		return
	}
	b := l.bars[last]
	at := x.At(float64(b.To)) + 4
	s, text := canvas.Fit(canvas.Style{Size: min(canvas.NameSize, h*0.75), Bold: true, Color: b.hue}, units.Duration(b.To), right-at)
	c.TextBeside(at, top-h*(float64(b.row)+0.5), s, text)
}

func (t *timeline) marks() []string {
	kinds := map[bool]bool{}
	for _, l := range t.lanes {
		for _, b := range l.bars {
			kinds[b.Wait] = true
		}
	}
	if len(kinds) == 2 {
		return []string{"pale: waiting"}
	}
	return nil
}

func (t *timeline) words() string { return "timeline" }
