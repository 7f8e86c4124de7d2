package canvas

import (
	"image/color"
	"slices"

	"github.com/a628bb15/onhold/reports/result"
)

// The colours are those of Okabe and Ito, which most colour-blind readers can tell
// from each other: the cool ones are for targets, the warm ones for what went wrong.
var (
	Blue      = color.RGBA{0x00, 0x72, 0xB2, 0xFF}
	Green     = color.RGBA{0x00, 0x9E, 0x73, 0xFF}
	Purple    = color.RGBA{0xA8, 0x4F, 0x83, 0xFF} // darkened: labels are written in it
	Sky       = color.RGBA{0x2A, 0x8C, 0xCB, 0xFF} // likewise
	Orange    = color.RGBA{0xE6, 0x9F, 0x00, 0xFF}
	Vermilion = color.RGBA{0xD5, 0x5E, 0x00, 0xFF}

	Black = color.RGBA{0x00, 0x00, 0x00, 0xFF}
	Ink   = color.RGBA{0x22, 0x22, 0x22, 0xFF}
	Soft  = color.RGBA{0x66, 0x66, 0x66, 0xFF}
	Grey  = color.RGBA{0x8A, 0x8A, 0x8A, 0xFF}
	Pale  = color.RGBA{0xD9, 0xD9, 0xD9, 0xFF}
	Faint = color.RGBA{0xE4, 0xE4, 0xE4, 0xFF}
	White = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	grid  = color.RGBA{0xDD, 0xDD, 0xDD, 0xFF}
)

// Hues are the colours of what is compared.
var Hues = []color.RGBA{Blue, Green, Purple, Sky}

// named are the targets that have the same hue in every figure.
var named = []string{"blocking", "goroutine", "eventloop", "queue"}

// Named reports whether a target has the same hue in every figure.
func Named(target string) bool { return slices.Contains(named, target) }

// HueOf is the colour of a target: its own, or that of its place among others.
func HueOf(target string, place int) color.RGBA {
	if i := slices.Index(named, target); i >= 0 {
		place = i
	}
	return Hues[place%len(Hues)]
}

// Band is outcomes that are drawn as one.
type Band struct {
	Name     string
	Outcomes []result.Outcome
	Fill     color.RGBA
	Label    color.RGBA // readable on white
	Dotted   bool       // has an edge: it never reached the server, or never ended
}

// Bands are all outcomes, the better ones first.
var Bands = []Band{
	{Name: "ok", Outcomes: []result.Outcome{result.OK}, Fill: Pale, Label: Soft},
	{Name: "rejected", Outcomes: []result.Outcome{result.Rejected}, Fill: Orange, Label: Mix(Orange, Black, 0.3)},
	{Name: "timeout", Outcomes: []result.Outcome{result.Timeout}, Fill: Vermilion, Label: Vermilion},
	{Name: "error", Outcomes: []result.Outcome{result.Refused, result.Reset, result.Error}, Fill: Black, Label: Black},
	{Name: "not sent", Outcomes: []result.Outcome{result.Unsent}, Fill: White, Label: Soft, Dotted: true},
	{Name: "unfinished", Outcomes: []result.Outcome{result.Unfinished}, Fill: White, Label: Soft, Dotted: true},
}

// Mix is a with the share t of b.
func Mix(a, b color.RGBA, t float64) color.RGBA {
	part := func(x, y uint8) uint8 { return uint8(float64(x)*(1-t) + float64(y)*t + 0.5) }
	return color.RGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 0xFF}
}

// Shade is the i-th of n steps of one hue from light to dark, for what is ordered,
// such as percentiles or levels.
func Shade(hue color.RGBA, i, n int) color.RGBA {
	t := 1.0
	if n > 1 {
		t = float64(i) / float64(n-1)
	}
	if t < 0.5 {
		return Mix(hue, White, 0.55*(1-2*t))
	}
	return Mix(hue, Black, 0.6*(2*t-1))
}

// Variant is the i-th of the colours that are seen to be of one hue.
func Variant(hue color.RGBA, i int) color.RGBA {
	switch i % 3 {
	case 1:
		return Mix(hue, Black, 0.5)
	case 2:
		return Mix(hue, White, 0.35)
	}
	return hue
}
