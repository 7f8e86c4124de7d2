package render

import (
	"fmt"
	"slices"
	"strings"
)

// mostKeys bounds what of a panel is told: who listens cannot skip.
const mostKeys = 6

// patternAlt is the figure in words: of each panel what it is, its axes and
// key numbers, and then the finding.
func patternAlt(p Pattern, m patternModel) string {
	var parts []string
	for _, c := range m.cells {
		parts = append(parts, sentence(c.alt()))
	}
	return strings.Join(append(parts, sentence(p.title())), " ")
}

func (c cell) alt() string {
	var what string
	var keys []string
	switch c.kind {
	case lineKind:
		what = "Line chart"
		for _, l := range c.lines {
			keys = append(keys, l.alt(c))
		}
	case barKind:
		what = "Bars"
		group := ""
		for _, b := range c.bars {
			if b.heading != "" {
				group = b.heading
				continue
			}
			keys = append(keys, joinedBy(", ", group, strings.TrimSpace(b.Label+" "+b.text)))
		}
	case spanKind:
		what = "Timeline"
		for _, l := range c.lanes {
			s := "bars"
			if len(l.bars) == 1 {
				s = "bar"
			}
			keys = append(keys, strings.TrimSpace(fmt.Sprintf("%s %d %s, the last until %s", l.name, len(l.bars), s, asTime(l.end))))
		}
	case dotKind:
		what = "Field of dots, one a caller"
		keys = []string{c.field.words()}
	default:
		what = "Panel without data"
	}
	if c.title != "" {
		what += ", " + strings.Replace(c.title, ":", ",", 1)
	}
	if c.kind == lineKind {
		if n := c.y.name(); n != "" {
			what += ", " + n
		}
		if c.x.Label != "" {
			what += fmt.Sprintf(" over %s", c.x.name())
		}
	}
	if n := len(keys); n > mostKeys {
		keys = append(keys[:mostKeys-1:mostKeys-1], fmt.Sprintf("and %d more", n-mostKeys+1))
	}
	if len(keys) == 0 {
		return what
	}
	return what + ": " + strings.Join(keys, "; ")
}

// alt is a line in words: where it begins, its peak where that is neither
// end, and where it ends.
func (l curveLine) alt(c cell) string {
	var at []int
	for i := range l.xs {
		if c.x.shows(l.xs[i]) && c.y.shows(l.ys[i]) {
			at = append(at, i)
		}
	}
	name := l.name
	if name == "" {
		name = "a line"
	}
	if len(at) == 0 {
		return name + " has no points"
	}
	tell := func(i int) string {
		return fmt.Sprintf("%s at %s", c.y.Unit.Text(l.ys[i]), c.x.Unit.Short(l.xs[i]))
	}
	first, last := at[0], at[len(at)-1]
	peak := slices.MaxFunc(at, func(a, b int) int {
		switch {
		case l.ys[a] < l.ys[b]:
			return -1
		case l.ys[a] > l.ys[b]:
			return 1
		}
		return 0
	})
	switch {
	case first == last:
		return name + " " + tell(first)
	case l.ys[peak] > max(l.ys[first], l.ys[last])*1.1:
		return fmt.Sprintf("%s from %s up to %s, then %s", name, tell(first), tell(peak), tell(last))
	}
	return fmt.Sprintf("%s from %s to %s", name, tell(first), tell(last))
}
