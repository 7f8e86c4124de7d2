package render

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
)

// label is a word at the right end of a line.
type label struct {
	from  vg.Point // the end of the line
	text  string
	color color.Color
	bold  bool
}

// spread returns where labels go that want to be at the given heights, from
// the lowest to the highest, none nearer to the next than gap, all between lo
// and hi, each as near to where it wants to be as the others allow. With too
// many for the room the gap shrinks.
//
// Taking i·gap from the i-th turns "at least gap apart" into "not falling",
// which averaging falling neighbours into blocks solves at the least cost.
func spread(want []vg.Length, gap, lo, hi vg.Length) []vg.Length {
	n := len(want)
	if n == 0 {
		return nil
	}
	if n > 1 {
		gap = min(gap, (hi-lo)/vg.Length(n-1))
	}
	type block struct {
		sum vg.Length
		n   int
	}
	var blocks []block
	mean := func(b block) vg.Length { return b.sum / vg.Length(b.n) }
	for i, y := range want {
		b := block{y - vg.Length(i)*gap, 1}
		for len(blocks) > 0 && mean(blocks[len(blocks)-1]) >= mean(b) {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			b = block{last.sum + b.sum, last.n + b.n}
		}
		blocks = append(blocks, b)
	}
	var out []vg.Length
	for _, b := range blocks {
		for range b.n {
			y := min(max(mean(b), lo), hi-vg.Length(n-1)*gap)
			out = append(out, y+vg.Length(len(out))*gap)
		}
	}
	return out
}

// labels writes labels at x, or right behind the longest line where that ends
// before, pushed apart between lo and hi, with a thin leader to each one's
// line where it had to move or its line ends early. It returns the place of
// the highest.
func (p *paper) labels(ls []label, x, lo, hi vg.Length, size vg.Length) (top vg.Point) {
	end := vg.Length(0)
	for _, l := range ls {
		end = max(end, l.from.X)
	}
	x = min(x, end+12) // a leader across half of the panel would look like data
	// Ends that nearly coincide keep the order in which they were given, which
	// is that of the percentiles or levels.
	coarse := func(l label) int { return int(math.Round(float64(l.from.Y) / 5)) }
	slices.SortStableFunc(ls, func(a, b label) int { return coarse(a) - coarse(b) })
	want := make([]vg.Length, len(ls))
	for i, l := range ls {
		want[i] = l.from.Y
	}
	places := spread(want, size*1.08, lo, hi)
	for i, y := range places {
		// Grid lines must not run through the letters.
		s := style{size: size, bold: ls[i].bold}
		p.fill(white, rect{x - 0.5, y - size*0.45, x + width(s, ls[i].text), y + size*0.45})
	}
	for i, y := range places {
		l := ls[i]
		s := style{size: size, color: l.color, bold: l.bold}
		const elbow = 7 // points in front of the labels in which leaders change height
		if math.Abs(float64(y-l.from.Y)) > 1 || x-l.from.X > elbow+6 {
			leader := pen{color: mix(grey, white, 0.3), width: hairWidth}
			p.line(leader, vg.Point{X: l.from.X + 2, Y: l.from.Y}, vg.Point{X: max(x-elbow, l.from.X+2), Y: l.from.Y}, vg.Point{X: x - 1, Y: y})
		}
		p.text(x, y-middle(size), s, l.text)
		top = vg.Point{X: x, Y: y}
	}
	return top
}

// middle is how far the middle of letters without descenders lies above
// their baseline.
func middle(size vg.Length) vg.Length { return 0.35 * size }

func onCircle(c vg.Point, r vg.Length, turn float64) vg.Point {
	sin, cos := math.Sincos(2 * math.Pi * turn)
	return vg.Point{X: c.X + r*vg.Length(cos), Y: c.Y + r*vg.Length(sin)}
}
