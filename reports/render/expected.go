package render

import (
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// Expected draws a line of what theory expects as the capacity figure, with no
// measurement in it, into the folder dir, and returns the file's path. The levels are
// those of its points that somebody asked about; there must be one.
func Expected(dir string, levels []float64, line []model.Point) (string, error) {
	data, err := figure.Expected(levels, line).PNG(canvas.DPI)
	if err != nil {
		return "", err
	}
	return writeFile(dir, sweep.File{Name: figure.SheetName("capacity", 0), Data: data})
}
