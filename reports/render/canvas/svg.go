package canvas

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/a628bb15/onhold/reports/escape"
)

// SVG is the figure as an SVG file with a title and a description. Where dark is
// preferred, viewers that know style sheets show it in other colours.
func (f *Figure) SVG() ([]byte, error) {
	svg := vgsvg.New(f.size())
	f.drawOn(svg)
	var b bytes.Buffer
	if _, err := svg.WriteTo(&b); err != nil {
		return nil, err
	}
	head, drawing, ok := strings.Cut(b.String(), "xlink\">\n")
	if !ok {
		return nil, errors.New("the drawing has no svg element")
	}
	drawing, styles := classes(shorter.Replace(drawing))
	drawing = svgPath.ReplaceAllStringFunc(drawing, func(path string) string { return `d="` + shortPath(path[3:len(path)-1]) + `"` })
	// Fonts of the same widths, for readers without the first.
	return fmt.Appendf(nil, "%sxlink\" font-family=\"'Liberation Sans',Arial,Helvetica,sans-serif\" font-kerning=\"none\">\n<title>%s</title>\n<desc>%s</desc>\n<style>%s</style>\n%s",
		head, escape.HTML(f.Title), escape.HTML(f.Alt), styles, drawing), nil
}

// shorter leaves out of a drawing what it has by default, and says of its images what
// they are: to be stretched, without smoothing.
var shorter = strings.NewReplacer(
	"font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;", "",
	"font-family:Liberation Sans;font-variant:normal;", "", "font-style:normal;", "", "\n\tstyle", " style", `" />`, `"/>`,
	"data:image/jpg", "data:image/png", "<image ", `<image preserveAspectRatio="none" class="pixels" `)

var (
	svgColor = regexp.MustCompile(`(fill|stroke):#([0-9A-Fa-f]{6})`)
	svgStyle = regexp.MustCompile(`style="([^"]*)"`)
	svgPath  = regexp.MustCompile(`\bd="[^"]*"`)
)

// classes replaces the styles of a drawing by classes, and returns their style sheet,
// which has other colours for a dark ground. A class is named after its style, as
// drawings in one page share their names.
func classes(drawing string) (short, styles string) {
	var light, dark strings.Builder
	light.WriteString(".pixels{image-rendering:pixelated}")
	seen := map[string]bool{}
	short = svgStyle.ReplaceAllStringFunc(drawing, func(attribute string) string {
		style := svgStyle.FindStringSubmatch(attribute)[1]
		hash := fnv.New32a()
		hash.Write([]byte(style))
		class := "s" + strconv.FormatUint(uint64(hash.Sum32()), 36)
		if !seen[style] {
			seen[style] = true
			fmt.Fprintf(&light, ".%s{%s}", class, style)
			for _, m := range svgColor.FindAllStringSubmatch(style, -1) {
				v, _ := strconv.ParseUint(m[2], 16, 32)
				d := onDark(color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xFF})
				fmt.Fprintf(&dark, ".%s{%s:#%02x%02x%02x}", class, m[1], d.R, d.G, d.B)
			}
		}
		return `class="` + class + `"`
	})
	return short, light.String() + "@media screen and (prefers-color-scheme:dark){svg{background:#16181c}image{filter:invert(1) hue-rotate(180deg)}" + dark.String() + "}"
}

// onDark is a colour for a dark ground: as light as c is dark, and of its hue.
func onDark(c color.RGBA) color.RGBA {
	// The ground takes the place of white, and what is almost white that of black.
	const ground, light = 24.0, 238.0
	now := (float64(max(c.R, c.G, c.B)) + float64(min(c.R, c.G, c.B))) / 2
	want := light - now/255*(light-ground)
	out := func(v uint8) uint8 { return uint8(min(max(want+(float64(v)-now)*0.9, 0), 255)) }
	return color.RGBA{out(c.R), out(c.G), out(c.B), 0xFF}
}
