package render

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

// expectedRejected is the share of rejected that the title of a figure of theory
// alone looks for.
const expectedRejected = 0.01

// Expected draws a line of what theory expects as the capacity figure, with no
// measurement in it, into the folder dir, and returns the file's path. The levels
// are those of its points that somebody asked about; there must be one.
func Expected(dir string, levels []float64, line []model.Point) (string, error) {
	f := expectedFigure(levels, line)
	data, err := f.paper(dpi).encode(pngAbout{Title: f.sheet.title, Description: f.alt, DPI: dpi})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "capacity.png")
	return path, files.Write(path, data)
}

func expectedFigure(levels []float64, line []model.Point) figure {
	points := slices.DeleteFunc(slices.Clone(line), func(p model.Point) bool { return !slices.Contains(levels, p.Level) })
	c := points[0].Case
	m := capacityModel{load: c.Load, log: !result.OpenLoad(c.Load), hasPoint: true}
	col := capacityColumn{name: "theory", hue: ink, theory: linesOf(line, "p50", "p90", "p99")}
	col.theory.alone = true
	for _, p := range points {
		col.shares = append(col.shares, shares{level: p.Level})
	}
	if c.Load == theory.LoadClosed && c.Think == 0 && c.Workers != theory.Unbounded {
		col.rules = poolRules(c.Workers, c.Places)
	}
	m.columns = []capacityColumn{col}
	m.scale()
	title := expectedTitle(points)
	last := points[len(points)-1]
	return figure{
		w: capacityW, h: capacityH,
		sheet: sheet{
			title: title, columns: []heading{{"theory", serverInWords(c.Setting), ink}},
			footer: []string{"nothing was measured: theory alone · " + c.Load + " load · " + col.theory.about()},
		},
		alt: fmt.Sprintf("Three stacked line charts over %s from %s to %s, of theory alone, nothing was measured: latency percentiles of the served, the share that is rejected, and goodput. At %s theory expects %s. %s",
			result.LevelUnit(c.Load, 2), number(points[0].Level), number(last.Level), expectedAt(c.Load, last.Level), col.theory.theoryAt(int(last.Level)), sentence(title)),
		draw: func(p *paper, s sheet) { p.capacity(s, m) },
	}
}

func expectedAt(load string, level float64) string {
	return number(level) + " " + result.LevelUnit(load, int(level))
}

// expectedTitle says from where on theory expects callers to be turned away.
func expectedTitle(points []model.Point) string {
	load := points[0].Case.Load
	last := points[len(points)-1]
	fine := -1
	for i, p := range points {
		if p.Rejected == nil || *p.Rejected > expectedRejected {
			break
		}
		fine = i
	}
	most := number(100*expectedRejected) + " %"
	switch {
	case fine == len(points)-1:
		return fmt.Sprintf("Theory expects at most %s rejected up to %s", most, expectedAt(load, last.Level))
	case last.Rejected == nil:
		return "What does theory expect of " + serverInWords(points[0].Case.Setting) + "?"
	case fine < 0:
		return fmt.Sprintf("Theory expects more than %s rejected from %s on, and %s at %s", most, expectedAt(load, points[0].Level), percent(*last.Rejected), number(last.Level))
	}
	return fmt.Sprintf("Theory expects at most %s rejected up to %s, and %s at %s", most, expectedAt(load, points[fine].Level), percent(*last.Rejected), number(last.Level))
}
