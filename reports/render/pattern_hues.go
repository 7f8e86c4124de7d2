package render

import (
	"image/color"
	"slices"
)

// hueBook gives each name one colour throughout a figure: styles theirs, and
// the rest what is left.
type hueBook struct {
	of    map[string]color.RGBA
	plain color.RGBA // of bars and spans without a name that has a colour
}

func newHueBook(panels []Panel) hueBook {
	b := hueBook{of: map[string]color.RGBA{}}
	var names []string
	note := func(style, name string, named bool) {
		switch {
		case slices.Contains(styles, style):
			b.of[style] = hueOf(style, 0)
		case style != "":
			names = append(names, style)
		case named:
			names = append(names, name)
		}
	}
	for _, c := range panels {
		for _, l := range c.Lines {
			note(l.Style, l.Name, !l.Dashed)
		}
		for _, r := range c.Bars {
			note(r.Style, "", false)
		}
		for _, s := range c.Spans {
			note(s.Style, "", false)
		}
	}
	taken := func(c color.RGBA) bool {
		for _, t := range b.of {
			if t == c {
				return true
			}
		}
		return false
	}
	var free []color.RGBA
	for _, h := range hues {
		if !taken(h) {
			free = append(free, h)
		}
	}
	b.plain = grey
	if !taken(hues[0]) {
		b.plain = hues[0]
	}
	if len(free) == 0 {
		free = hues
	}
	next := 0
	for _, n := range names {
		if _, ok := b.of[n]; !ok {
			b.of[n] = variant(free[next%len(free)], next/len(free))
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

// variant is the i-th of the colours that are seen to be of one hue.
func variant(hue color.RGBA, i int) color.RGBA {
	switch i % 3 {
	case 1:
		return mix(hue, black, 0.5)
	case 2:
		return mix(hue, white, 0.35)
	}
	return hue
}
