package figure

import (
	"fmt"
	"slices"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// expectedRejected is the share of rejected that the title of a figure of theory alone
// looks for.
const expectedRejected = 0.01

// Expected is the capacity figure of what theory expects, with no measurement in it.
// The levels are those of its points that somebody asked about; there must be one.
func Expected(levels []float64, line []model.Point) *canvas.Figure {
	points := slices.DeleteFunc(slices.Clone(line), func(p model.Point) bool { return !slices.Contains(levels, p.Level) })
	c := points[0].Case
	model := string(c.Load.Model())
	m := capacityAxes(model)
	col := capacityColumn{name: "theory", hue: canvas.Ink, theory: linesOf(line, "p50", "p90", "p99")}
	col.theory.alone = true
	for _, p := range points {
		col.shares = append(col.shares, shares{level: p.Level})
	}
	if c.Load.Model() == load.Closed && c.Load.ThinkTime == 0 && c.Workers != theory.Unbounded {
		col.rules = poolRules(c.Workers, c.Queue)
	}
	m.columns = []capacityColumn{col}
	m.setLimits()
	title := expectedTitle(points)
	last := points[len(points)-1]
	return &canvas.Figure{
		W: capacityW, H: capacityH, Title: title,
		Footer: []string{"nothing was measured: theory alone · " + model + " load · " + col.theory.words()},
		Alt: fmt.Sprintf("Three stacked line charts over %s from %s to %s, of theory alone, nothing was measured: latency percentiles of the served, the share that is rejected, and goodput. At %s theory expects %s. %s",
			result.LevelUnit(model, 2), units.Number(points[0].Level), units.Number(last.Level), levelWords(model, last.Level), col.theory.at(last.Level), words.Sentence(title)),
		Draw: func(p *canvas.Canvas, body canvas.Rect) {
			m.draw(p, body, []canvas.Heading{{Name: "theory", Note: ServerWords(c.Setting), Hue: canvas.Ink}})
		},
	}
}

func levelWords(load string, level float64) string {
	return units.Number(level) + " " + result.LevelUnit(load, int(level))
}

// expectedTitle says from which level on theory expects rejections.
func expectedTitle(points []model.Point) string {
	load := string(points[0].Case.Load.Model())
	last := points[len(points)-1]
	fine := -1
	for i, p := range points {
		if p.Rejected == nil || *p.Rejected > expectedRejected {
			break
		}
		fine = i
	}
	most := units.Number(100*expectedRejected) + " %"
	switch {
	case fine == len(points)-1:
		return fmt.Sprintf("Theory expects at most %s rejected up to %s", most, levelWords(load, last.Level))
	case last.Rejected == nil:
		return "What does theory expect of " + ServerWords(points[0].Case.Setting) + "?"
	case fine < 0:
		return fmt.Sprintf("Theory expects more than %s rejected from %s on, and %s at %s", most, levelWords(load, points[0].Level), units.Percent(*last.Rejected), units.Number(last.Level))
	}
	return fmt.Sprintf("Theory expects at most %s rejected up to %s, and %s at %s", most, levelWords(load, points[fine].Level), units.Percent(*last.Rejected), units.Number(last.Level))
}
