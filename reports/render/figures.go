package render

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// capacityFiles draws the capacity figure, one file for each sheet.
func capacityFiles(r *report) ([]file, error) {
	return r.draw("capacity", func(sweeps []sweep.Sweep) (figure, bool) {
		m := newCapacityModel(sweeps)
		if !m.hasPoint {
			return figure{}, false
		}
		title, _ := finding(sweeps)
		s := r.sheet(title, sweeps, capacityMarks(m)...)
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
func percentilesFiles(r *report) ([]file, error) {
	return r.draw("percentiles", func(sweeps []sweep.Sweep) (figure, bool) {
		m := newPercentilesModel(sweeps)
		if !m.some {
			return figure{}, false
		}
		title, _ := tailFinding(sweeps)
		marks := []string{
			"thick: latency, from the planned instant", "thin: service time, from the actual send",
			"dotted: fewer than ten samples lie beyond", "a curve ends where the samples end",
		}
		if m.anyLater {
			marks = append(marks, "dashed: from the planned instant until the work was done; thick and thin are until it was accepted")
		}
		s := r.sheet(title, sweeps, marks...)
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
func (r *report) draw(name string, plan func([]sweep.Sweep) (figure, bool)) ([]file, error) {
	var files []file
	all := sheets(r.sweeps)
	if left := len(all) - mostSheets; left > 0 {
		r.missing = append(r.missing, fmt.Sprintf("%d more sheets of the %s figure are not drawn; 'onhold report' draws a folder with fewer targets in full.", left, name))
		all = all[:mostSheets]
	}
	for _, sweeps := range all {
		f, ok := plan(sweeps)
		if !ok {
			continue
		}
		about := pngAbout{Title: f.sheet.title, Description: f.alt, Run: r.run.ID, DPI: r.resolution}
		data, err := f.paper(r.resolution).encode(about)
		if err != nil {
			return files, err
		}
		files = append(files, file{sheetName(name, len(files)), data, f.sheet.title, f.alt})
	}
	if len(files) == 0 {
		return nil, nothing(fmt.Sprintf("There is no %s figure, as no stage has data for it.", name))
	}
	return files, nil
}

// sheet fills in what figures have around their panels.
func (r *report) sheet(title string, sweeps []sweep.Sweep, marks ...string) sheet {
	s := sheet{title: title, stamp: stampOf(r.run, len(r.stages))}
	for i := range sweeps {
		s.columns = append(s.columns, heading{sweeps[i].ShortName(110 / len(sweeps)), setupOf(&sweeps[i]), hueOf(sweeps[i].Target(), i)})
	}
	s.footer = append(s.footer, caption(r.run, sweeps))
	if len(marks) > 0 {
		s.footer = append(s.footer, strings.Join(marks, " · "))
	}
	return s
}

// setupOf says how a target was set up, where it has a limit.
func setupOf(w *sweep.Sweep) string {
	if len(w.Points) == 0 {
		return ""
	}
	set := w.Points[0].Stage.Settings
	workers, queue := set.Int(result.KeyWorkers), set.Int(result.KeyQueue)
	if about := brokerOf(set); about != "" {
		if n := set.Get("consumers"); n != "" {
			about += ", " + n + " consumers"
		}
		return about
	}
	if workers <= 0 {
		return ""
	}
	return fmt.Sprintf("%s workers, queue %s", count(int64(workers)), count(int64(queue)))
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
