package pattern

import (
	"fmt"
	"image/color"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

type model struct {
	cells []cell
	marks []string // how to read it
}

type cell struct {
	title, note string
	content     content
}

// content is the data of a panel. A new kind is a file with a type that has these
// methods, and a line in contentOf.
type content interface {
	// margins is the room that labels need, of the width that the panel has with them.
	margins(width float64) margins
	// axes is the room for axes above and below the data.
	axes() (above, below float64)
	// draw draws the data into r; outer is all the room that the panel has.
	draw(c *canvas.Canvas, r, outer canvas.Rect)
	// words is the kind of chart.
	words() string
	// marks says how to read what needs explaining.
	marks() []string
}

// margins are the free points at both sides of a panel's data.
type margins struct{ left, right float64 }

func contentOf(p Panel, book hueBook) content {
	switch {
	case len(p.Lines) > 0:
		return newLines(p, book)
	case len(p.Bars) > 0:
		return newBars(p.Bars, book)
	case len(p.Spans) > 0:
		return newTimeline(p, book)
	case len(p.Dots) > 0:
		return newDotField(p.Dots)
	}
	return nothingToDraw{}
}

// newModel takes any pattern, also one that check finds fault with.
func newModel(p Pattern) model {
	panels := p.Panels[:min(len(p.Panels), mostPanels)]
	book := newHueBook(panels)
	var m model
	for _, c := range panels {
		m.cells = append(m.cells, cell{c.Title, c.Note, contentOf(c, book)})
	}
	m.alignLines()
	m.alignBars()
	m.alignTimelines()
	m.alignDots()
	seen := map[string]bool{}
	for _, c := range m.cells {
		for _, mark := range c.content.marks() {
			if !seen[mark] {
				m.marks = append(m.marks, mark)
			}
			seen[mark] = true
		}
	}
	if n := len(p.Panels) - len(panels); n > 0 {
		m.marks = append(m.marks, fmt.Sprintf("%d more panels are left out", n))
	}
	return m
}

// contents are the panels of one kind, by their place.
func contents[T content](m model) map[int]T {
	out := map[int]T{}
	for i, c := range m.cells {
		if of, ok := c.content.(T); ok {
			out[i] = of
		}
	}
	return out
}

func (m model) columns() int {
	if len(m.cells) == 4 {
		return 2
	}
	return len(m.cells)
}

func (m model) besideLast(i int) bool { return i > 0 && i%m.columns() > 0 }

// figure of a pattern: pixels.
const (
	width, height = 1600, 900
	tall          = 1100 // with two rows
	aroundBars    = 128  // points, of panels that are nothing but bars
)

func figureOf(run result.Run, p Pattern) *canvas.Figure {
	m := newModel(p)
	f := &canvas.Figure{W: width, H: height, Title: p.title(), Alt: altOf(p, m), Run: run.ID, Draw: m.draw}
	if len(m.cells) > m.columns() {
		f.H = tall
	} else if rows := m.barRows(); rows > 0 {
		f.H = canvas.Pixels(aroundBars + tallestBar*rows)
	}
	if run.Partial {
		f.Stamp = "PARTIAL"
	}
	setup := words.Join(" · ", append([]string{sweep.Caption(run, nil)}, m.marks...)...)
	f.Footer = []string{p.Caption, setup}
	return f
}

const (
	cellGap  = 16 // between panels side by side
	rowGap   = 12 // between two rows of panels
	nameLine = 12.5
	noteLine = canvas.NoteSize * 1.2
)

// draw draws the panels: data rectangles of one size, so that what has one scale can
// be compared by eye.
func (m model) draw(c *canvas.Canvas, body canvas.Rect) {
	n := len(m.cells)
	if n == 0 {
		return
	}
	cols := m.columns()
	rows := (n + cols - 1) / cols
	share := (body.W() - float64(cols-1)*cellGap) / float64(cols)
	room := make([]margins, cols)
	for i, p := range m.cells {
		of := p.content.margins(share)
		r := &room[i%cols]
		r.left, r.right = max(r.left, of.left), max(r.right, of.right)
	}
	used := 0.0
	for _, r := range room {
		used += r.left + r.right
	}
	w := share - used/float64(cols)
	height := (body.H() - float64(rows-1)*rowGap) / float64(rows)
	for row := range rows {
		cells := m.cells[row*cols : min(n, (row+1)*cols)]
		y1 := body.Y1 - float64(row)*(height+rowGap)
		var outer []canvas.Rect
		x, above, below := body.X0, 0.0, 0.0
		for i, p := range cells {
			o := canvas.Rect{X0: x, Y0: y1 - height, X1: x + room[i].left + w + room[i].right, Y1: y1}
			outer = append(outer, o)
			x = o.X1 + cellGap
			a, b := p.content.axes()
			above = max(above, a+7+nameLine*float64(canvas.PanelNameLines(o.W(), p.title)))
			below = max(below, b+noteLine*float64(len(p.noteLines(o))))
		}
		for i, p := range cells {
			o := outer[i]
			c.PanelName(o.X0, o.Y1-9.5, o.W(), p.title)
			lines := p.noteLines(o)
			for k, l := range lines {
				c.Text(o.X0, o.Y0+1+noteLine*float64(len(lines)-1-k), canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}, l)
			}
			p.content.draw(c, canvas.Rect{X0: o.X0 + room[i].left, Y0: o.Y0 + below, X1: o.X1 - room[i].right, Y1: o.Y1 - above}, o)
		}
	}
}

func (p cell) noteLines(o canvas.Rect) []string {
	if p.note == "" {
		return nil
	}
	lines, _ := canvas.Wrap(canvas.Style{Size: canvas.NoteSize}, p.note, o.W(), 2)
	return lines
}

type nothingToDraw struct{}

func (nothingToDraw) margins(float64) margins      { return margins{} }
func (nothingToDraw) axes() (above, below float64) { return 0, 0 }
func (nothingToDraw) words() string                { return "a panel without data" }
func (nothingToDraw) marks() []string              { return nil }
func (nothingToDraw) draw(c *canvas.Canvas, r, _ canvas.Rect) {
	c.Text((r.X0+r.X1)/2, (r.Y0+r.Y1)/2, canvas.Style{Size: canvas.LabelSize, Color: canvas.Soft, Align: canvas.Center}, "no data")
}

// altOf is the figure in a sentence: what each panel is, and the finding, which has the
// numbers.
func altOf(p Pattern, m model) string {
	var of words.Groups[string, string]
	for _, c := range m.cells {
		title, _, _ := strings.Cut(c.title, ":")
		of.Add(c.content.words(), title)
	}
	var panels []string
	for _, kind := range of.Keys {
		panels = append(panels, words.Join(" of ", kind, units.List(of.Of[kind])))
	}
	return words.Sentence(words.UpperFirst(words.Join(": ", units.List(panels), p.title())))
}

// hueBook gives each name one colour throughout a figure: styles theirs, and others
// one of the rest. The name "" is for bars and spans without a colour of their own.
type hueBook map[string]color.RGBA

func newHueBook(panels []Panel) hueBook {
	var names []string
	for _, c := range panels {
		for _, l := range c.Lines {
			if l.Style == "" && !l.Dashed {
				l.Style = l.Name
			}
			names = append(names, l.Style)
		}
		for _, r := range c.Bars {
			names = append(names, r.Style)
		}
		for _, s := range c.Spans {
			names = append(names, s.Style)
		}
	}
	b := hueBook{"": canvas.Hues[0]}
	free := slices.Clone(canvas.Hues)
	for _, n := range names {
		if canvas.Named(n) {
			b[n] = canvas.HueOf(n, 0)
			free = slices.DeleteFunc(free, func(c color.RGBA) bool { return c == b[n] })
		}
	}
	if !slices.Contains(free, b[""]) {
		b[""] = canvas.Grey
	}
	if len(free) == 0 {
		free = canvas.Hues
	}
	next := 0
	for _, n := range names {
		if _, ok := b[n]; !ok {
			b[n] = canvas.Variant(free[next%len(free)], next/len(free))
			next++
		}
	}
	return b
}

// hue is the colour of the first of the names that has one.
func (b hueBook) hue(names ...string) color.RGBA {
	for _, n := range names {
		if h, ok := b[n]; ok && n != "" {
			return h
		}
	}
	return b[""]
}
