package render

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// capacityFiles draws the capacity figure, one file for each sheet.
func capacityFiles(r *sweep.Report) ([]sweep.File, error) {
	return drawFigures(r, "capacity", func(sweeps []sweep.Sweep) (figure, bool) {
		m := newCapacityModel(sweeps)
		if !m.hasPoint {
			return figure{}, false
		}
		title, _ := finding.Of(sweeps)
		s := sheetOf(r, title, sweeps, capacityMarks(m)...)
		s.footer = append(s.footer, m.theory()...)
		return figure{
			w: capacityW, h: capacityH,
			sheet: s,
			alt:   capacityAlt(title, sweeps, m),
			draw:  func(p *paper, s sheet) { p.capacity(s, m) },
		}, true
	})
}

// percentilesFiles draws the percentile figure, one file for each sheet.
func percentilesFiles(r *sweep.Report) ([]sweep.File, error) {
	return drawFigures(r, "percentiles", func(sweeps []sweep.Sweep) (figure, bool) {
		m := newPercentilesModel(sweeps)
		if !m.some {
			return figure{}, false
		}
		title, _ := finding.Tail(sweeps)
		marks := []string{
			"thick: latency, from the planned instant", "thin: service time, from the actual send",
			"dotted: fewer than ten samples lie beyond", "a curve ends where the samples end",
		}
		if m.anyLater {
			marks = append(marks, "dashed: from the planned instant until the work was done; thick and thin are until it was accepted")
		}
		s := sheetOf(r, title, sweeps, marks...)
		return figure{
			w: percentilesW, h: percentilesH, sheet: s,
			alt:  percentilesAlt(title, sweeps),
			draw: func(p *paper, s sheet) { p.percentiles(s, m) },
		}, true
	})
}

// figure is one sheet that is ready to be drawn.
type figure struct {
	w, h  int // pixels
	sheet sheet
	alt   string
	draw  func(*paper, sheet)
}

func (f figure) paper(resolution int) *paper {
	p := newPaper(f.w, f.h, resolution)
	f.draw(p, f.sheet)
	return p
}

// mostSheets is how many sheets of one figure are drawn: more than anybody looks
// at, and few enough for a run of thousands of targets to be reported.
const mostSheets = 20

// draw makes the files of a figure whose sheets plan makes; plan is false for
// a sheet that has nothing to show.
func drawFigures(r *sweep.Report, name string, plan func([]sweep.Sweep) (figure, bool)) ([]sweep.File, error) {
	var files []sweep.File
	all := sheets(r.Sweeps)
	if left := len(all) - mostSheets; left > 0 {
		r.Missing = append(r.Missing, fmt.Sprintf("%d more sheets of the %s figure are not drawn; 'onhold report' draws a folder with fewer targets in full.", left, name))
		all = all[:mostSheets]
	}
	for _, sweeps := range all {
		f, ok := plan(sweeps)
		if !ok {
			continue
		}
		about := pngAbout{Title: f.sheet.title, Description: f.alt, Run: r.Run.ID, DPI: r.DPI}
		data, err := f.paper(r.DPI).encode(about)
		if err != nil {
			return files, err
		}
		files = append(files, sweep.File{Name: sheetName(name, len(files)), Data: data, Title: f.sheet.title, Alt: f.alt})
	}
	if len(files) == 0 {
		return nil, sweep.Nothing(fmt.Sprintf("There is no %s figure, as no stage has data for it.", name))
	}
	return files, nil
}

// sheet fills in what figures have around their panels.
func sheetOf(r *sweep.Report, title string, sweeps []sweep.Sweep, marks ...string) sheet {
	s := sheet{title: title, stamp: sweep.Stamp(r.Run, len(r.Stages))}
	for i := range sweeps {
		s.columns = append(s.columns, heading{sweeps[i].ShortName(110 / len(sweeps)), sweeps[i].Setup(), hueOf(sweeps[i].Target(), i)})
	}
	s.footer = append(s.footer, sweep.Caption(r.Run, sweeps))
	if len(marks) > 0 {
		s.footer = append(s.footer, strings.Join(marks, " · "))
	}
	return s
}

// capacityMarks says how to read the marks that the figure has.
func capacityMarks(m capacityModel) []string {
	var marks []string
	add := func(has bool, text string) {
		if has {
			marks = append(marks, text)
		}
	}
	add(m.anyThin, "dotted: fewer than ten samples lie beyond the percentile")
	add(m.anyRep, "bars: lowest and highest repeat")
	add(m.anyOdd, "hollow: stage not valid")
	add(m.anyLater, "dashed: until the work was done, beside the time until it was accepted")
	for _, c := range m.columns {
		if len(c.turned.marks) > 0 {
			add(true, "turned away: median time until a rejection")
			break
		}
	}
	return marks
}
