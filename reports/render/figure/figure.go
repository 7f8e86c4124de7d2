// Package figure draws what was measured of a run: capacity, percentiles and stall. It
// also draws what theory expects without a run ([Expected]), the changes between two
// runs ([Regression]), and a verification of our servers ([Verification]).
//
// Each figure first fills a model with all that it draws, which tests look at, and then
// draws the model. [Capacity], the first figure that a reader sees, is the place to
// begin.
package figure

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// columnsPerSheet is how many targets stand side by side before their panels become too
// narrow to read.
const columnsPerSheet = 3

// MaxSheets is how many sheets of one figure are drawn: more than anybody looks at, and
// few enough for a run of thousands of targets to be reported.
const MaxSheets = 20

// Capacity draws latency, outcomes and goodput over load, one file for each sheet.
func Capacity(r *sweep.Report) ([]sweep.File, error) { return sheets(r, "capacity", capacityFigure) }

// Percentiles draws the distribution of latency at a few levels, one file for each
// sheet.
func Percentiles(r *sweep.Report) ([]sweep.File, error) {
	return sheets(r, "percentiles", percentilesFigure)
}

// Stall draws the latency of the slowest requests where a backend was made to stall;
// there is no file where none was.
func Stall(r *sweep.Report) ([]sweep.File, error) {
	f := stallFigure(r.Sweeps)
	if f == nil {
		return nil, nil // not what the run was for, so nothing is missing
	}
	return files(r, f, SheetName("stall", 0), r.Sweeps)
}

func capacityFigure(sweeps []sweep.Sweep) *canvas.Figure {
	m := newCapacityModel(sweeps)
	if !m.some() {
		return nil
	}
	title, _ := finding.Of(sweeps)
	return &canvas.Figure{
		W: capacityW, H: capacityH, Title: title, Alt: capacityAlt(title, sweeps, m),
		Footer: []string{strings.Join(m.marks(), " · "), m.theoryWords()},
		Draw:   func(c *canvas.Canvas, body canvas.Rect) { m.draw(c, body, headingsOf(sweeps)) },
	}
}

func percentilesFigure(sweeps []sweep.Sweep) *canvas.Figure {
	m := newPercentilesModel(sweeps)
	if !m.some {
		return nil
	}
	title, _ := finding.Tail(sweeps)
	return &canvas.Figure{
		W: percentilesW, H: percentilesH, Title: title, Alt: percentilesAlt(title, sweeps),
		Footer: []string{strings.Join(m.marks(), " · ")},
		Draw:   func(c *canvas.Canvas, body canvas.Rect) { m.draw(c, body, headingsOf(sweeps)) },
	}
}

func stallFigure(sweeps []sweep.Sweep) *canvas.Figure {
	m := newStallModel(sweeps)
	if len(m.columns) == 0 || m.requests.Hi == 0 {
		return nil
	}
	return &canvas.Figure{
		W: stallW, H: stallH, Title: m.finding(), Alt: m.alt(),
		Footer: []string{"a request is late where it took longer than the backend's usual wait and a hundredth of the stall · " +
			"dashed: what a constant rate must show, rate × stall requests, evenly late"},
		Draw: func(c *canvas.Canvas, body canvas.Rect) { m.draw(c, body, m.headings()) },
	}
}

// sheets draws a figure once for each group of sweeps that fits on one sheet. plan
// returns nil where there is nothing to show.
func sheets(r *sweep.Report, name string, plan func([]sweep.Sweep) *canvas.Figure) ([]sweep.File, error) {
	all := split(r.Sweeps)
	if left := len(all) - MaxSheets; left > 0 {
		r.Missing = append(r.Missing, fmt.Sprintf("%d more sheets of the %s figure are not drawn: draw a folder with fewer targets.", left, name))
		all = all[:MaxSheets]
	}
	var out []sweep.File
	drawn := 0
	for _, sweeps := range all {
		f := plan(sweeps)
		if f == nil {
			continue
		}
		made, err := files(r, f, SheetName(name, drawn), sweeps)
		if err != nil {
			return out, err
		}
		out = append(out, made...)
		drawn++
	}
	if drawn == 0 {
		return nil, sweep.Nothing(fmt.Sprintf("There is no %s figure, as no stage has data for it.", name))
	}
	return out, nil
}

// files draws a figure, with what was run in its footer.
func files(r *sweep.Report, f *canvas.Figure, name string, sweeps []sweep.Sweep) ([]sweep.File, error) {
	f.Stamp, f.Run = sweep.Stamp(r.Run, len(r.Stages)), r.Run.ID
	f.Footer = append([]string{sweep.Caption(r.Run, sweeps)}, f.Footer...)
	return Files(f, name, r.DPI)
}

// Files are a figure as a PNG and an SVG file. The first has the alternative text.
func Files(f *canvas.Figure, name string, resolution int) ([]sweep.File, error) {
	png, err := f.PNG(resolution)
	if err != nil {
		return nil, err
	}
	svg, err := f.SVG()
	return []sweep.File{{Name: name + ".png", Data: png, Title: f.Title, Alt: f.Alt}, {Name: name + ".svg", Data: svg}}, err
}

// split puts sweeps on sheets: few enough on each, and with levels that count the same.
func split(sweeps []sweep.Sweep) [][]sweep.Sweep {
	var out [][]sweep.Sweep
	for _, open := range []bool{false, true} {
		var alike []sweep.Sweep
		for _, w := range sweeps {
			if result.OpenLoad(w.Load) == open {
				alike = append(alike, w)
			}
		}
		for len(alike) > 0 {
			n := min(columnsPerSheet, len(alike))
			out = append(out, alike[:n])
			alike = alike[n:]
		}
	}
	return out
}

// SheetName names the i-th sheet of a figure: capacity, capacity-2.
func SheetName(name string, i int) string {
	if i > 0 {
		name = fmt.Sprintf("%s-%d", name, i+1)
	}
	return name
}

func headingsOf(sweeps []sweep.Sweep) (out []canvas.Heading) {
	for i := range sweeps {
		w := &sweeps[i]
		out = append(out, canvas.Heading{Name: w.ShortName(110 / len(sweeps)), Note: w.Setup(), Hue: canvas.HueOf(w.Target(), i)})
	}
	return out
}

// mark explains a mark where the figure has it.
type mark struct {
	shown bool
	words string
}

func chosen(marks ...mark) (out []string) {
	for _, m := range marks {
		if m.shown {
			out = append(out, m.words)
		}
	}
	return out
}
