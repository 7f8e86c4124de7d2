package pattern

import (
	"image/color"
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
)

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
