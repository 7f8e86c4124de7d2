package canvas

import (
	"image/color"
	"math"
	"slices"
)

// Label is a word at the right end of a curve.
type Label struct {
	From  Point // the end of the curve
	Text  string
	Color color.RGBA
	Bold  bool
}

// Labels writes labels at x, or right behind the longest curve where that ends before,
// pushed apart between lo and hi, with a thin leader to each one's curve where it had
// to move or its curve ends early. It returns the place of the highest.
func (c *Canvas) Labels(ls []Label, x, lo, hi, size float64) (top Point) {
	end := 0.0
	for _, l := range ls {
		end = max(end, l.From.X)
	}
	x = min(x, end+12) // a leader across half of the panel would look like data
	// Ends that nearly coincide keep the order in which they were given, which is that
	// of the percentiles or levels.
	coarse := func(l Label) int { return int(math.Round(l.From.Y / 5)) }
	slices.SortStableFunc(ls, func(a, b Label) int { return coarse(a) - coarse(b) })
	want := make([]float64, len(ls))
	for i, l := range ls {
		want[i] = l.From.Y
	}
	heights := spread(want, size*1.08, lo, hi)
	for i, y := range heights {
		// Grid lines must not run through the letters.
		s := Style{Size: size, Bold: ls[i].Bold}
		c.Fill(White, Rect{x - 0.5, y - size*0.45, x + Width(s, ls[i].Text), y + size*0.45})
	}
	for i, y := range heights {
		l := ls[i]
		const elbow = 7 // points in front of the labels in which leaders change height
		if math.Abs(y-l.From.Y) > 1 || x-l.From.X > elbow+6 {
			leader := Pen{Color: Mix(Grey, White, 0.3), Width: HairWidth}
			c.Line(leader, Point{l.From.X + 2, l.From.Y}, Point{max(x-elbow, l.From.X+2), l.From.Y}, Point{x - 1, y})
		}
		c.TextBeside(x, y, Style{Size: size, Color: l.Color, Bold: l.Bold}, l.Text)
		top = Point{x, y}
	}
	return top
}

// spread returns where labels go that want to be at the given heights, from the lowest
// to the highest, none nearer to the next than gap, all between lo and hi, each as near
// to where it wants to be as the others allow. With too many for the room the gap
// shrinks.
//
// Taking i·gap from the i-th turns "at least gap apart" into "not falling", which
// averaging falling neighbours into blocks solves at the least cost.
func spread(want []float64, gap, lo, hi float64) []float64 {
	n := len(want)
	if n == 0 {
		return nil
	}
	if n > 1 {
		gap = min(gap, (hi-lo)/float64(n-1))
	}
	type block struct {
		sum float64
		n   int
	}
	var blocks []block
	mean := func(b block) float64 { return b.sum / float64(b.n) }
	for i, y := range want {
		b := block{y - float64(i)*gap, 1}
		for len(blocks) > 0 && mean(blocks[len(blocks)-1]) >= mean(b) {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			b = block{last.sum + b.sum, last.n + b.n}
		}
		blocks = append(blocks, b)
	}
	var out []float64
	for _, b := range blocks {
		for range b.n {
			y := min(max(mean(b), lo), hi-float64(n-1)*gap)
			out = append(out, y+float64(len(out))*gap)
		}
	}
	return out
}
