package render

import (
	"bytes"
	"image/color"
	"image/png"
	"strings"

	"gonum.org/v1/plot/vg"
)

// sheet is what every figure has around its panels.
type sheet struct {
	title   string
	stamp   string   // of a partial run, else ""
	footer  []string // what was run, and how to read the marks
	columns []heading
}

type heading struct {
	name, note string
	hue        color.RGBA
}

const (
	edge = 9  // free at the edges of the paper, in points
	gap  = 10 // between columns
)

// head draws the title and the stamp, and returns the height below them.
func (p *paper) head(s sheet) vg.Length {
	right := p.w - edge
	if s.stamp != "" {
		st := style{size: labelSize, bold: true, color: vermilion, hx: -1, hy: -1}
		w := width(st, s.stamp)
		p.text(right-4, p.h-edge-2, st, s.stamp)
		p.frame(pen{color: vermilion, width: 1}, rect{right - w - 8, p.h - edge - 15, right, p.h - edge})
		right -= w + 16
	}
	st := style{size: titleSize, bold: true, color: ink, hy: -1}
	var lines []string
	for fits := false; ; st.size -= 0.5 {
		if lines, fits = wrap(st, s.title, right-edge, 2); fits || st.size <= 7.5 {
			break
		}
	}
	y := p.h - edge
	for _, l := range lines {
		p.text(edge, y, st, l)
		y -= st.size * 1.2
	}
	return min(y, p.h-edge-16) - 4
}

// foot draws the footer and returns the height above it.
func (p *paper) foot(s sheet) vg.Length {
	st := style{size: noteSize, color: soft}
	var lines []string
	for _, paragraph := range s.footer {
		broken, _ := wrap(st, paragraph, p.w-2*edge, 3)
		lines = append(lines, broken...)
	}
	y := vg.Length(edge - 3)
	for i := len(lines) - 1; i >= 0; i-- {
		p.text(edge, y, st, lines[i])
		y += st.size * 1.2
	}
	return y + 3
}

// columns splits the width into equal columns of data, each with room for
// labels at its right, and writes the headings above at y.
func (p *paper) columnsAt(s sheet, y, left, forLabels vg.Length) []rect {
	n := vg.Length(len(s.columns))
	w := (p.w - left - edge - (n-1)*gap) / n
	var out []rect
	for i, h := range s.columns {
		x := left + vg.Length(i)*(w+gap)
		st := style{size: nameSize, bold: true, color: h.hue}
		for st.size > 6 && width(st, h.name) > w {
			st.size -= 0.5
		}
		p.text(x, y, st, h.name)
		if room := x + w - (x + width(st, h.name) + 6); h.note != "" && width(style{size: noteSize}, h.note) < room {
			p.text(x+width(st, h.name)+6, y, style{size: noteSize, color: soft}, h.note)
		}
		out = append(out, rect{x0: x, x1: x + w - forLabels})
	}
	return out
}

// panelName writes what the row of panels below y shows: bold up to the first
// colon, plain from there.
func (p *paper) panelName(x, y vg.Length, name string) {
	bold, plain, _ := strings.Cut(name, ":")
	st := style{size: nameSize - 1, bold: true, color: ink}
	p.text(x, y, st, bold)
	p.text(x+width(st, bold)+4, y, style{size: tickSize, color: soft}, strings.TrimSpace(plain))
}

// grid draws the lines of a y axis across a panel, and its labels where it is
// the first of its row.
func (p *paper) grid(r rect, y scale, ticks []tick, first bool) {
	for _, t := range ticks {
		if t.label == "" {
			continue // a line that the reader cannot name is noise
		}
		p.segment(pen{color: gridGrey, width: hairWidth * 1.6}, r.x0, y.at(t.at), r.x1, y.at(t.at))
		if first {
			p.text(r.x0-4, y.at(t.at)-middle(tickSize), style{size: tickSize, color: soft, hx: -1}, t.label)
		}
	}
	p.segment(pen{color: grey, width: 0.7}, r.x0, r.y0, r.x1, r.y0)
}

// encode writes the picture as a PNG that says what it is.
func (p *paper) encode(about pngAbout) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, p.image()); err != nil {
		return nil, err
	}
	return describe(b.Bytes(), about)
}
