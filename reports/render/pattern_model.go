package render

import (
	"fmt"
	"image/color"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// patternModel is all that the figure of a pattern draws.
type patternModel struct {
	cells []cell
	marks []string // how to read it
}

type kind int

const (
	noKind kind = iota
	lineKind
	barKind
	spanKind
	dotKind
)

// cell is one panel.
type cell struct {
	kind      kind
	title     string
	x, y      axis
	yShared   bool // the panel to the left has the same y axis, with its labels
	lines     []curveLine
	bars      []barRow
	left      float64 // end of the longest bar, or what lies below zero
	right     float64
	lanes     []lane
	laneNames bool // false: the panel to the left names them
	field     dotField
	note      string
}

// newPatternModel takes any pattern, also one that check finds fault with.
func newPatternModel(p Pattern) patternModel {
	panels := p.Panels[:min(len(p.Panels), mostPanels)]
	book := newHueBook(panels)
	var m patternModel
	for _, c := range panels {
		out := cell{title: c.Title, note: c.Note}
		switch {
		case len(c.Lines) > 0:
			out.kind = lineKind
			out.lines = curveLines(c.Lines, book)
		case len(c.Bars) > 0:
			out.kind = barKind
			out.bars = barRows(c.Bars, book)
		case len(c.Spans) > 0:
			out.kind = spanKind
			out.lanes = lanesOf(c.Spans, book)
		case len(c.Dots) > 0:
			out.kind = dotKind
			out.field = newDotField(c.Dots)
		}
		m.cells = append(m.cells, out)
	}
	m.scaleLines(panels)
	m.scaleBars()
	m.alignLanes(panels)
	m.sizeDots()
	m.addMarks(panels)
	if n := len(p.Panels) - len(panels); n > 0 {
		m.marks = append(m.marks, fmt.Sprintf("%d more panels are left out", n))
	}
	return m
}

// columns is how many panels stand side by side.
func (m *patternModel) columns() int {
	if len(m.cells) == 4 {
		return 2
	}
	return len(m.cells)
}

// scaleLines gives panels with equal axes one scale.
func (m *patternModel) scaleLines(panels []Panel) {
	axisFor := func(i int, of func(Panel) Axis, values func(curveLine) []float64, isX bool) axis {
		own := of(panels[i])
		var all []float64
		for k, c := range m.cells {
			if c.kind == lineKind && (k == i || own.Label != "" && of(panels[k]) == own) {
				for _, l := range c.lines {
					all = append(all, values(l)...)
				}
			}
		}
		return newAxis(own, all, isX)
	}
	for i := range m.cells {
		c := &m.cells[i]
		if c.kind != lineKind {
			continue
		}
		c.y = axisFor(i, func(p Panel) Axis { return p.Y }, func(l curveLine) []float64 { return l.ys }, false)
		x := func(p Panel) Axis {
			if !c.y.Log && p.Y.Unit != units.Share {
				p.X.Log = false // or a straight line would have an elbow
			}
			return p.X
		}
		c.x = axisFor(i, x, func(l curveLine) []float64 { return l.xs }, true)
		if i > 0 && i%m.columns() > 0 {
			before := m.cells[i-1]
			c.yShared = before.kind == lineKind && c.y.Label != "" && before.y == c.y
		}
	}
}

// addMarks says how to read the marks that the figure has.
func (m *patternModel) addMarks(panels []Panel) {
	var hollow, lost, wait, work bool
	per := 1
	for i, c := range m.cells {
		for _, l := range c.lines {
			hollow = hollow || slices.Contains(l.hollow, true)
			for k := range l.xs {
				if drawable(l.xs[k]) && drawable(l.ys[k]) && !(c.x.shows(l.xs[k]) && c.y.shows(l.ys[k])) {
					lost = true
				}
			}
		}
		if c.kind == spanKind {
			for _, s := range panels[i].Spans {
				wait, work = wait || s.Wait, work || !s.Wait
			}
		}
		per = max(per, c.field.per)
	}
	add := func(has bool, mark string) {
		if has {
			m.marks = append(m.marks, mark)
		}
	}
	add(hollow, "hollow: stage not valid")
	add(lost, "a log scale has no zero: what is 0 is left out")
	add(wait && work, "pale: waiting")
	add(per > 1, fmt.Sprintf("a dot is %s callers, in the colour of the one who fared worst", count(int64(per))))
}

// figure of a pattern: pixels.
const (
	patternW, patternH = 1600, 900
	patternTall        = 1100 // with two rows
)

// patternFigure is the figure of p, ready to be drawn.
func patternFigure(run result.Run, p Pattern) figure {
	m := newPatternModel(p)
	s := sheet{title: p.title()}
	if run.Partial {
		s.stamp = "PARTIAL"
	}
	for _, line := range []string{p.Caption, joinedBy(" · ", caption(run, nil), strings.Join(m.marks, " · "))} {
		if line != "" {
			s.footer = append(s.footer, line)
		}
	}
	f := figure{w: patternW, h: patternH, sheet: s, alt: patternAlt(p, m), draw: func(p *paper, s sheet) { p.pattern(s, m) }}
	if len(m.cells) > m.columns() {
		f.h = patternTall
	}
	return f
}

// sameHue is the one hue of all, or ink where there are several.
func sameHue(all []color.RGBA) color.RGBA {
	for _, c := range all {
		if c != all[0] {
			return ink
		}
	}
	if len(all) == 0 {
		return ink
	}
	return all[0]
}
