package canvas

import (
	"encoding/xml"
	"strings"
	"testing"
)

// TestSVG: whatever stands in a figure, its file is XML and says what it shows.
func TestSVG(t *testing.T) {
	f := Figure{
		W: 1600, H: 400, Title: "p99 < 1 s & more\x1b", Alt: "Line chart of a]]>b.",
		Draw: func(c *Canvas, body Rect) {
			c.Text(body.X0, body.Y0, Style{Size: LabelSize, Color: Ink}, "a <b> & \x00 c")
			c.Dot(Point{body.X0, body.Y0}, 3, Blue, false)
		},
	}
	data, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	var svg struct {
		Title string `xml:"title"`
		Desc  string `xml:"desc"`
	}
	if err := xml.Unmarshal(data, &svg); err != nil {
		t.Fatalf("%v:\n%s", err, data)
	}
	if !strings.HasPrefix(svg.Title, "p99 < 1 s & more") || svg.Desc != f.Alt {
		t.Errorf("title %q, description %q", svg.Title, svg.Desc)
	}
	if text := string(data); strings.Count(text, "<text") != 2 || !strings.Contains(text, "sans-serif") {
		t.Errorf("the drawing:\n%s", text)
	}
}
