package canvas

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/a628bb15/onhold/reports/render/table"
)

// Figure is a picture and what stands around it.
type Figure struct {
	W, H   int // pixels at the resolution DPI
	Title  string
	Second string       // a line below the title; "" for none
	Stamp  string       // of a partial run, else ""
	Footer []string     // what was run, and how to read the marks
	Alt    string       // the figure in words
	Run    string       // the id of the run
	Note   string       // for the text beside it, such as how theory found what is drawn
	Table  *table.Table // the data behind it; nil where the tables of a run have them
	// Draw draws what lies between the title and the footer.
	Draw func(c *Canvas, body Rect)
}

// Edge is the free margin of a figure, in points.
const Edge = 9

// Pixels is a length in points as pixels of a [Figure].
func Pixels(points float64) int { return int(points / 72 * DPI) }

func (f *Figure) size() (w, h vg.Length) {
	return vg.Length(f.W) / DPI * vg.Inch, vg.Length(f.H) / DPI * vg.Inch
}

func (f *Figure) drawOn(sized vg.CanvasSizer) {
	c := newCanvas(sized)
	f.Draw(c, Rect{Edge, c.foot(f.Footer), c.W - Edge, c.head(f.Title, f.Second, f.Stamp)})
}

// PNG is the figure as a PNG file that says what it shows. Other resolutions than DPI
// give the same picture with more or fewer pixels.
func (f *Figure) PNG(resolution int) ([]byte, error) {
	img := vgimg.NewWith(vgimg.UseWH(f.size()), vgimg.UseDPI(resolution))
	f.drawOn(img)
	var b bytes.Buffer
	if err := png.Encode(&b, img.Image()); err != nil {
		return nil, err
	}
	return describe(b.Bytes(), resolution, []pngText{{"Title", f.Title}, {"Description", f.Alt}, {"Run", f.Run}})
}

// head draws the title and the stamp, and returns the height below them.
func (c *Canvas) head(title, second, stamp string) float64 {
	right := c.W - Edge
	if stamp != "" {
		s := Style{Size: LabelSize, Bold: true, Color: Vermilion, Align: Right, Hang: true}
		w := Width(s, stamp)
		c.Text(right-4, c.H-Edge-2, s, stamp)
		c.Frame(Pen{Color: Vermilion, Width: 1}, Rect{right - w - 8, c.H - Edge - 15, right, c.H - Edge})
		right -= w + 16
	}
	s := Style{Size: TitleSize, Bold: true, Color: Ink, Hang: true}
	lines, fits := Wrap(s, title, right-Edge, 2)
	for !fits && s.Size > 7.5 {
		s.Size -= 0.5
		lines, fits = Wrap(s, title, right-Edge, 2)
	}
	y := c.H - Edge
	for _, l := range lines {
		c.Text(Edge, y, s, l)
		y -= s.Size * 1.2
	}
	if second != "" {
		s, second = Fit(Style{Size: NameSize, Color: Soft, Hang: true}, second, right-Edge)
		c.Text(Edge, y-1, s, second)
		y -= s.Size * 1.4
	}
	return min(y, c.H-Edge-16) - 10
}

// foot draws the footer and returns the height above it.
func (c *Canvas) foot(footer []string) float64 {
	s := Style{Size: NoteSize, Color: Soft}
	y := float64(Edge - 3)
	for _, paragraph := range slices.Backward(footer) {
		lines, _ := Wrap(s, paragraph, c.W-2*Edge, 3)
		for _, l := range slices.Backward(lines) {
			c.Text(Edge, y, s, l)
			y += s.Size * 1.2
		}
	}
	return y + 4
}

// Heading is the name of a column of panels.
type Heading struct {
	Name, Note string
	Hue        color.RGBA
}

// Columns splits the width into equal columns of data, each with room for labels at
// its right, and writes the headings above them at y. The first begins at left.
func (c *Canvas) Columns(headings []Heading, y, left, labels float64) []Rect {
	const gap = 6
	n := float64(len(headings))
	w := (c.W - left - Edge - (n-1)*gap) / n
	var out []Rect
	for i, h := range headings {
		x := left + float64(i)*(w+gap)
		s, name := Fit(Style{Size: NameSize, Bold: true, Color: h.Hue}, h.Name, w)
		c.Text(x, y, s, name)
		note := Style{Size: NoteSize, Color: Soft}
		if at := Width(s, name) + 6; Width(note, h.Note) < w-at {
			c.Text(x+at, y, note, h.Note)
		}
		out = append(out, Rect{X0: x, X1: x + w - labels})
	}
	return out
}

// PanelName writes what a panel shows, in a width of w: bold up to the first colon. The
// rest goes into a second line where one is not enough. It returns the height below.
func (c *Canvas) PanelName(x, y, w float64, name string) float64 {
	const line = 12.5
	bold, plain, split := panelName(name, w)
	s, bold := Fit(Style{Size: NameSize, Bold: true, Color: Ink}, bold, w)
	c.Text(x, y, s, bold)
	left := Width(s, bold) + 4
	if split {
		left, y = 0, y-line
	}
	s, plain = Fit(Style{Size: TickSize, Color: Soft}, plain, w-left)
	c.Text(x+left, y, s, plain)
	return y
}

// PanelNameLines is how many lines [Canvas.PanelName] writes in a width of w.
func PanelNameLines(w float64, name string) int {
	if name == "" {
		return 0
	}
	if _, _, split := panelName(name, w); split {
		return 2
	}
	return 1
}

func panelName(name string, w float64) (bold, plain string, split bool) {
	bold, plain, _ = strings.Cut(name, ":")
	plain = strings.TrimSpace(plain)
	both := Width(Style{Size: NameSize, Bold: true}, bold) + 4 + Width(Style{Size: TickSize}, plain)
	return bold, plain, plain != "" && both > w
}

// pngText is what a PNG says of itself: a picture that was pasted elsewhere still says
// what it shows and where it came from.
type pngText struct{ keyword, text string }

const pngHeader = "\x89PNG\r\n\x1a\n"

// describe puts the resolution and texts into an encoded PNG, right behind its header
// chunk: pHYs must come before the image data. It fails where data is no PNG.
func describe(data []byte, dpi int, texts []pngText) ([]byte, error) {
	const headEnd = len(pngHeader) + 12 + 13 // the IHDR chunk always has 13 bytes
	if len(data) < headEnd || string(data[:len(pngHeader)]) != pngHeader || string(data[12:16]) != "IHDR" {
		return nil, errors.New("not a PNG")
	}
	perMetre := uint32(math.Round(float64(dpi) / 0.0254))
	size := binary.BigEndian.AppendUint32(nil, perMetre)
	size = binary.BigEndian.AppendUint32(size, perMetre)
	const metres = 1
	more := chunk("pHYs", append(size, metres))
	for _, t := range texts {
		// Keyword, then: not compressed, method, no language, no translated
		// keyword. The text is UTF-8, which the older tEXt chunk cannot hold.
		more = append(more, chunk("iTXt", []byte(t.keyword+"\x00\x00\x00\x00\x00"+t.text))...)
	}
	return slices.Insert(slices.Clone(data), headEnd, more...), nil
}

// chunk frames data: length, type, data, and the checksum of the latter two.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, kind...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}
