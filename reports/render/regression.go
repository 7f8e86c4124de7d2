package render

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/units"
)

// The regression figure answers whether anything got worse: a dot and its
// interval for each metric, worse to the right, against a band of what is
// allowed.
const (
	regressionW = 1600

	rowHeight     = 24 // points, where there are few rows
	leastRow      = 18.5
	roomAround    = 96 // title and footer
	roomPanel     = 46 // name and axis of a panel
	verdictLabels = 150
)

// verdictLook is how a verdict is drawn: colour and shape both tell it.
type verdictLook struct {
	hue   color.RGBA
	shape func(vg.Point, vg.Length) []vg.Point
}

var verdictLooks = map[compare.Verdict]verdictLook{
	compare.Regressed:    {vermilion, arrowhead(1)},
	compare.Unstable:     {vermilion, diamond},
	compare.Minor:        {mix(orange, black, 0.25), arrowhead(1)},
	compare.Improved:     {hues[1], arrowhead(-1)},
	compare.Equal:        {hues[0], ring},
	compare.Inconclusive: {mix(grey, black, 0.2), square},
	compare.Invalid:      {black, cross},
}

func regressionFiles(c *comparison) ([]sweep.File, error) {
	var files []sweep.File
	all := ranked(c.Findings)
	sheets := min((len(all)+rowsASheet-1)/rowsASheet, mostSheets)
	scenarios := scenariosOf(c.Findings)
	for i := range sheets {
		part := all[i*rowsASheet : min((i+1)*rowsASheet, len(all))]
		m := newRegressionModel(part, scenarios)
		m.valid = c.overall() != compare.Invalid
		title := upperFirst(c.headline())
		s := sheet{title: title, footer: []string{c.caption(), strings.Join(c.regressionMarks(m), " · ")}}
		if sheets > 1 {
			left := ""
			if n := len(all) - sheets*rowsASheet; n > 0 {
				left = fmt.Sprintf(", %d more are only in %s", n, VerdictFile)
			}
			s.footer[0] = fmt.Sprintf("sheet %d of %d, the worst on the first%s · %s", i+1, sheets, left, s.footer[0])
		}
		switch {
		case c.overall() == compare.Invalid:
			s.stamp = "NOT VALID"
		case c.Advisory:
			s.stamp = "ADVISORY"
		}
		f := figure{w: regressionW, h: m.height(), sheet: s, alt: c.regressionAlt(part, title),
			draw: func(p *paper, s sheet) { p.regression(s, m) }}
		data, err := f.paper(c.resolution).encode(pngAbout{Title: title, Description: f.alt, Run: c.ID, DPI: c.resolution})
		if err != nil {
			return files, err
		}
		files = append(files, sweep.File{Name: sheetName("regression", i), Data: data, Title: title, Alt: f.alt})
	}
	return files, nil
}

// height is that of the figure, in pixels: rows shrink a little before the
// sheet grows.
func (m regressionModel) height() int {
	rows := 0
	for _, p := range m.panels {
		rows += len(p.rows)
	}
	each := vg.Length(rowHeight)
	if rows > 10 {
		each = max(leastRow, rowHeight-0.45*vg.Length(rows-10))
	}
	points := roomAround + roomPanel*vg.Length(len(m.panels)) + each*vg.Length(rows)
	return int(points.Points() / 72 * dpi)
}

func (p *paper) regression(s sheet, m regressionModel) {
	top, bottom := p.head(s)-6, p.foot(s)+2
	rows := 0
	for _, panel := range m.panels {
		rows += len(panel.rows)
	}
	each := (top - bottom - roomPanel*vg.Length(len(m.panels))) / vg.Length(max(rows, 1))
	names := p.nameWidth(m)
	x0, x1 := edge+names+10, p.w-edge-verdictLabels
	for i, panel := range m.panels {
		name := "How much worse: log scale"
		if panel.points {
			name = "How much worse: in percentage points, not a ratio"
		}
		if i == 0 && m.common != "" {
			name += ", " + m.common
		}
		p.panelName(edge, top-nameSize, narrowed(style{size: nameSize}, name, p.w-2*edge))
		y1 := top - 27
		r := rect{x0, y1 - each*vg.Length(len(panel.rows)), x1, y1}
		p.regressionPanel(r, panel, each, names, m)
		top = r.y0 - (roomPanel - 27)
	}
}

// nameWidth is the room for what rows are called.
func (p *paper) nameWidth(m regressionModel) vg.Length {
	w := vg.Length(60)
	for _, panel := range m.panels {
		for _, r := range panel.rows {
			w = max(w, width(style{size: labelSize, bold: true}, r.metric)+5+width(style{size: noteSize}, r.values))
			if m.named {
				w = max(w, width(style{size: noteSize}, r.scenario))
			}
		}
	}
	return min(w, 175)
}

func (p *paper) regressionPanel(r rect, m regressionPanel, each, names vg.Length, of regressionModel) {
	x := scale{lo: -m.extent, hi: m.extent, a: r.x0, b: r.x1}
	for i, row := range m.rows {
		y1 := r.y1 - vg.Length(i)*each
		if (row.verdict == compare.Regressed || row.verdict == compare.Unstable) && row.gated && of.valid {
			p.fill(mix(vermilion, white, 0.88), rect{edge - 4, y1 - each, p.w - edge + 4, y1})
		}
		if row.tolerance[1] > 0 {
			p.fill(bandGrey, rect{x.at(row.tolerance[0]), y1 - each, x.at(row.tolerance[1]), y1})
		}
	}
	for i, row := range m.rows {
		y1 := r.y1 - vg.Length(i)*each
		if row.margin[1] > 0 {
			for _, v := range row.margin {
				p.segment(pen{color: white, width: 0.9}, x.at(v), y1-each, x.at(v), y1)
			}
		}
		if i > 0 {
			p.segment(pen{color: gridGrey, width: hairWidth}, edge, y1, p.w-edge, y1)
		}
	}
	p.regressionAxis(r, x, m)
	for i, row := range m.rows {
		p.regressionRow(r, x, row, r.y1-(vg.Length(i)+0.5)*each, each, names, of.named)
	}
}

var bandGrey = color.RGBA{0xE4, 0xE4, 0xE4, 0xFF}

func (p *paper) regressionAxis(r rect, x scale, m regressionPanel) {
	p.segment(pen{color: ink, width: 0.8}, x.at(0), r.y0-3, x.at(0), r.y1+3)
	p.segment(pen{color: grey, width: 0.7}, r.x0, r.y0, r.x1, r.y0)
	st := style{size: tickSize, color: soft, hx: -0.5, hy: -1}
	ticks := m.ticks()
	bare := crowded(st, x, ticks)
	for _, t := range ticks {
		p.segment(pen{color: grey, width: 0.7}, x.at(t.at), r.y0, x.at(t.at), r.y0-3)
		label := t.label
		if bare {
			label = strings.TrimSuffix(strings.TrimSuffix(label, " better"), " worse") // the arrows tell it
		}
		p.text(x.at(t.at), r.y0-4, st, label)
	}
	side := style{size: tickSize, bold: true, hy: 0}
	side.color = hues[1]
	p.text(r.x0, r.y1+4, side, "← better")
	side.color, side.hx = vermilion, -1
	p.text(r.x1, r.y1+4, side, "worse →")
}

// crowded is whether labels of ticks would touch.
func crowded(s style, x scale, ticks []tick) bool {
	for i, t := range ticks {
		for _, o := range ticks[:i] {
			if math.Abs(float64(x.at(t.at)-x.at(o.at))) < float64(width(s, t.label)+width(s, o.label))/2+5 {
				return true
			}
		}
	}
	return false
}

func (p *paper) regressionRow(r rect, x scale, row regressionRow, y, each, names vg.Length, named bool) {
	look := verdictLooks[row.verdict]
	hue, text := look.hue, vg.Length(labelSize)
	if !row.gated {
		hue = mix(hue, white, 0.4)
	}
	up, down := y+1.5, y-8.5
	if each < 20 {
		up, down = y+0.8, y-7.5
	}
	if !named {
		up = y - middle(text)
	}

	name := style{size: text, bold: row.gated, color: ink}
	if !row.gated {
		name.color = soft
	}
	p.text(edge, up, name, row.metric)
	note := style{size: noteSize, color: soft}
	if left := edge + width(name, row.metric) + 5; left+width(note, row.values) < r.x0-4 {
		p.text(left, up, note, row.values)
	}
	if named {
		p.text(edge, down, note, narrowed(note, row.scenario, names))
	}

	said := style{size: text, bold: true, color: mix(look.hue, black, 0.1)}
	left := r.x1 + 12
	word := verdictWord(row.verdict)
	if !row.gated {
		said.bold, said.color, word = false, soft, "informs: "+word
	}
	upper, lower := y+1.5, y-8.5
	if each < 20 {
		upper, lower = y+0.8, y-7.5
	}
	if row.interval == "" || !row.drawn {
		upper = y - middle(text)
	}
	p.text(left, upper, said, word)
	if row.change != units.None {
		p.text(left+width(said, word)+5, upper, style{size: text, color: ink}, row.change)
	}
	if !row.drawn {
		st := style{size: tickSize, color: soft}
		p.text(x.at(0)+6, y-middle(tickSize), st, narrowed(st, row.reason, r.x1-x.at(0)-6))
		return
	}
	p.text(left, lower, note, row.interval)
	p.whisker(x, row, y, hue)
	at := vg.Point{X: x.at(row.at), Y: y}
	p.shape(look.shape(at, 4.6), hue, !row.gated)
}

// narrowed shortens what is wider than its room.
func narrowed(s style, txt string, w vg.Length) string {
	for most := len([]rune(txt)) - 1; most > 3 && width(s, txt) > w; most -= 2 {
		txt = shorten(txt, most)
	}
	return txt
}

// whisker draws an interval. An end that is not known, or beyond the axis, is
// an arrow.
func (p *paper) whisker(x scale, row regressionRow, y vg.Length, hue color.RGBA) {
	line := pen{color: hue, width: lineWidth * 1.1}
	p.segment(line, x.at(row.lo), y, x.at(row.hi), y)
	for _, end := range []struct {
		v, side float64
	}{{row.lo, -1}, {row.hi, 1}} {
		at, side := x.at(end.v), vg.Length(end.side)
		if end.v < x.lo || end.v > x.hi {
			p.line(line, vg.Point{X: at - side*5, Y: y + 4}, vg.Point{X: at, Y: y}, vg.Point{X: at - side*5, Y: y - 4})
			continue
		}
		if row.lo != row.hi {
			p.segment(line, at, y-3, at, y+3)
		}
	}
}

func (p *paper) shape(outline []vg.Point, hue color.RGBA, hollow bool) {
	if !hollow {
		p.c.FillPolygon(hue, outline)
		return
	}
	p.c.FillPolygon(white, outline)
	p.line(pen{color: hue, width: 0.9}, append(outline, outline[0])...)
}

func arrowhead(side vg.Length) func(vg.Point, vg.Length) []vg.Point {
	return func(c vg.Point, r vg.Length) []vg.Point {
		return []vg.Point{{X: c.X + side*1.2*r, Y: c.Y}, {X: c.X - side*0.8*r, Y: c.Y + 1.1*r}, {X: c.X - side*0.8*r, Y: c.Y - 1.1*r}}
	}
}

func ring(c vg.Point, r vg.Length) []vg.Point {
	const corners = 24
	var out []vg.Point
	for i := range corners {
		out = append(out, onCircle(c, 0.85*r, float64(i)/corners))
	}
	return out
}

func square(c vg.Point, r vg.Length) []vg.Point {
	r *= 0.8
	return []vg.Point{{X: c.X - r, Y: c.Y - r}, {X: c.X + r, Y: c.Y - r}, {X: c.X + r, Y: c.Y + r}, {X: c.X - r, Y: c.Y + r}}
}

func diamond(c vg.Point, r vg.Length) []vg.Point {
	r *= 1.1
	return []vg.Point{{X: c.X - r, Y: c.Y}, {X: c.X, Y: c.Y - r}, {X: c.X + r, Y: c.Y}, {X: c.X, Y: c.Y + r}}
}

func cross(c vg.Point, r vg.Length) []vg.Point {
	var out []vg.Point
	const thin = 0.28
	for quarter := range 4 {
		sin, cos := math.Sincos(math.Pi/4 + math.Pi/2*float64(quarter))
		turn := func(x, y float64) vg.Point {
			return vg.Point{X: c.X + r*vg.Length(x*cos-y*sin), Y: c.Y + r*vg.Length(x*sin+y*cos)}
		}
		out = append(out, turn(thin, -thin), turn(1, -thin), turn(1, thin))
	}
	return out
}

// regressionMarks says how to read the marks that the figure has.
func (c *comparison) regressionMarks(m regressionModel) []string {
	marks := []string{"grey band: what is allowed (tolerance), and in it, between white lines, what is not worth a word (margin)"}
	line := "line: where the change lies"
	if sure := c.sureness("%s"); sure != "" {
		line += ", " + sure + " for each side"
	}
	marks = append(marks, line)
	if m.openly {
		marks = append(marks, "arrow: no bound, or beyond the axis")
	}
	if m.lonely {
		marks = append(marks, "hollow: informs, and decides nothing")
	}
	return marks
}

// regressionAlt is a sheet of the figure in words.
func (c *comparison) regressionAlt(findings []compare.Finding, title string) string {
	const most = 5
	var keys []string
	for i, f := range findings {
		if i == most && len(findings) > most+1 {
			keys = append(keys, fmt.Sprintf("and %d more: %s", len(findings)-i, tally(findings[i:])))
			break
		}
		k := fmt.Sprintf("%s %s", findingName(f), verdictWord(f.Verdict))
		if f.Pairs > 0 {
			k += ", " + changed(f)
			if in := interval(f); in != units.None && in != "exact" {
				k += " (" + in + ")"
			}
		}
		keys = append(keys, escape.Line(k))
	}
	return fmt.Sprintf("Dot and whisker chart of how much worse the candidate is than the base, log scale, worse to the right, one row for each of %s, against a band of what is allowed. %s. %s",
		counted(len(findings), "metric"), strings.Join(keys, "; "), sentence(title))
}
