package render

import (
	"image/color"
	"slices"

	"github.com/a628bb15/onhold/reports/result"
)

// The colours are those of Okabe and Ito, which most colour-blind readers
// tell apart: the cool ones for targets, the warm ones for what went wrong.
var (
	hues = []color.RGBA{
		{0x00, 0x72, 0xB2, 0xFF}, // blue
		{0x00, 0x9E, 0x73, 0xFF}, // bluish green
		{0xA8, 0x4F, 0x83, 0xFF}, // reddish purple, darkened: labels are written in it
		{0x2A, 0x8C, 0xCB, 0xFF}, // sky blue, likewise
	}
	ink       = color.RGBA{0x22, 0x22, 0x22, 0xFF}
	soft      = color.RGBA{0x66, 0x66, 0x66, 0xFF}
	grey      = color.RGBA{0x8A, 0x8A, 0x8A, 0xFF}
	gridGrey  = color.RGBA{0xDD, 0xDD, 0xDD, 0xFF}
	white     = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	black     = color.RGBA{0, 0, 0, 0xFF}
	okGrey    = color.RGBA{0xD9, 0xD9, 0xD9, 0xFF}
	orange    = color.RGBA{0xE6, 0x9F, 0x00, 0xFF}
	vermilion = color.RGBA{0xD5, 0x5E, 0x00, 0xFF}
)

// styles are the targets that always have the same hue, so that who knows one
// figure knows the next.
var styles = []string{"blocking", "goroutine", "eventloop", "queue"}

// hueOf is the colour of a target: that of its style, or that of its place
// among others.
func hueOf(target string, place int) color.RGBA {
	if i := slices.Index(styles, target); i >= 0 {
		place = i
	}
	return hues[place%len(hues)]
}

// A band is outcomes that are drawn as one in the shares: fill, and the
// colour of its label, which must be readable on white.
type band struct {
	name     string
	outcomes []result.Outcome
	fill     color.RGBA
	label    color.RGBA
	dotted   bool // edge: it never reached the server, or never came to an end
}

// bands are stacked from the bottom up in this order.
var bands = []band{
	{name: "ok", outcomes: []result.Outcome{result.OK}, fill: okGrey, label: soft},
	{name: "rejected", outcomes: []result.Outcome{result.Rejected}, fill: orange, label: mix(orange, black, 0.3)},
	{name: "timeout", outcomes: []result.Outcome{result.Timeout}, fill: vermilion, label: vermilion},
	{name: "error", outcomes: []result.Outcome{result.Refused, result.Reset, result.Error}, fill: black, label: black},
	{name: "not sent", outcomes: []result.Outcome{result.Unsent}, fill: white, label: soft, dotted: true},
	{name: "unfinished", outcomes: []result.Outcome{result.Unfinished}, fill: white, label: soft, dotted: true},
}

// mix returns a with the share t of b.
func mix(a, b color.RGBA, t float64) color.RGBA {
	part := func(x, y uint8) uint8 { return uint8(float64(x)*(1-t) + float64(y)*t + 0.5) }
	return color.RGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 0xFF}
}

// shade returns the i-th of n steps of one hue from light to dark: what is
// ordered, like percentiles or levels, is told by lightness.
func shade(hue color.RGBA, i, n int) color.RGBA {
	t := 1.0
	if n > 1 {
		t = float64(i) / float64(n-1)
	}
	if t < 0.5 {
		return mix(hue, white, 0.55*(1-2*t))
	}
	return mix(hue, black, 0.6*(2*t-1))
}
