package canvas

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Image fills r with a picture, each pixel of which is a rectangle with sharp edges.
func (c *Canvas) Image(r Rect, img image.Image) {
	if !c.isSVG() {
		// The rasteriser smooths what it enlarges, so it is to enlarge little.
		img = enlarged(img, int(math.Ceil(r.W()/72*DPI/float64(img.Bounds().Dx()))), int(math.Ceil(r.H()/72*DPI/float64(img.Bounds().Dy()))))
	}
	at := places([]Point{{r.X0, r.Y0}, {r.X1, r.Y1}})
	c.draw.DrawImage(vg.Rectangle{Min: at[0], Max: at[1]}, img)
}

func (c *Canvas) isSVG() bool {
	_, is := c.draw.Canvas.(*vgsvg.Canvas)
	return is
}

// enlarged repeats each pixel so many times to the right and downwards.
func enlarged(img image.Image, right, down int) image.Image {
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx()*right, b.Dy()*down))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(x, y, img.At(b.Min.X+x/right, b.Min.Y+y/down))
		}
	}
	return out
}

// Hatch fills r with thin lines, for what must differ without colours, too.
func (c *Canvas) Hatch(r Rect, hue color.RGBA, step, width float64) {
	var lines vg.Path
	// The lines y − x = d, of the canvas and not of r, so that neighbours continue them.
	for d := math.Ceil((r.Y0-r.X1)/step) * step; d <= r.Y1-r.X0; d += step {
		x0, x1 := max(r.X0, r.Y0-d), min(r.X1, r.Y1-d)
		if x1 > x0 {
			ends := places([]Point{{x0, x0 + d}, {x1, x1 + d}})
			lines.Move(ends[0])
			lines.Line(ends[1])
		}
	}
	c.draw.SetLineStyle(Pen{Color: hue, Width: width}.style())
	c.draw.Stroke(lines)
}
