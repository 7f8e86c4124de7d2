package pattern

import (
	"image/color"
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
)

// hueBook gives each name one colour throughout a figure: styles theirs, and others
// one of the rest.
type hueBook struct {
	of    map[string]color.RGBA
	plain color.RGBA // of bars and spans without a name that has a colour
}

func newHueBook(panels []Panel) hueBook {
	b := hueBook{of: map[string]color.RGBA{}}
	var names []string
	taken := map[color.RGBA]bool{}
	note := func(style, name string) {
		switch {
		case canvas.Named(style):
			b.of[style] = canvas.HueOf(style, 0)
			taken[b.of[style]] = true
		case style != "":
			names = append(names, style)
		case name != "":
			names = append(names, name)
		}
	}
	for _, c := range panels {
		for _, l := range c.Lines {
			if l.Dashed {
				l.Name = "" // it has the colour of theory
			}
			note(l.Style, l.Name)
		}
		for _, r := range c.Bars {
			note(r.Style, "")
		}
		for _, s := range c.Spans {
			note(s.Style, "")
		}
	}
	b.plain = canvas.Hues[0]
	if taken[b.plain] {
		b.plain = canvas.Grey
	}
	free := slices.DeleteFunc(slices.Clone(canvas.Hues), func(c color.RGBA) bool { return taken[c] })
	if len(free) == 0 {
		free = canvas.Hues
	}
	next := 0
	for _, n := range names {
		if _, ok := b.of[n]; !ok {
			b.of[n] = canvas.Variant(free[next%len(free)], next/len(free))
			next++
		}
	}
	return b
}

// hue is the colour of the first of the names that has one.
func (b hueBook) hue(names ...string) color.RGBA {
	for _, n := range names {
		if h, ok := b.of[n]; ok && n != "" {
			return h
		}
	}
	return b.plain
}
