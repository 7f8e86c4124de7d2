package render

import (
	"bytes"
	"image/png"
	"os"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/goldentest"
	"github.com/a628bb15/onhold/reports/theory"
)

func expectedLine(s theory.Setting, levels ...float64) []model.Point {
	var cases []model.Case
	for _, l := range levels {
		cases = append(cases, model.Case{Setting: s, Even: true}.At(l))
	}
	return model.Line(levels, cases)
}

func TestGoldenExpected(t *testing.T) {
	levels := []float64{10, 20, 30, 40, 50, 60, 80}
	line := expectedLine(theory.Setting{Load: load.Load{Rate: 1}, Workers: 10, Queue: 10, ServiceTime: 200 * time.Millisecond,
		ServiceLaw: theory.Law{Kind: theory.Exponential}}, levels...)
	data, err := figure.Expected(levels, line).PNG(goldenDPI)
	if err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, "theory_capacity.png", data)
}

func TestExpectedWritesAPicture(t *testing.T) {
	dir := t.TempDir()
	one := expectedLine(theory.Setting{Load: load.Load{Clients: 1, Backoff: time.Second}, Workers: 2, Queue: 1, ServiceTime: time.Second}, 5)
	paths, err := Expected(dir, []float64{5}, one)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
	if _, err := Expected("/nowhere/at/all", []float64{5}, one); err == nil {
		t.Error("a folder that is not there has taken a picture")
	}
}
