package figure

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Saturation draws what targets and the generator used over load, one file for each
// sheet: was the target the limit, or the generator. There is no file where the target's
// process is not known.
func Saturation(r *sweep.Report) ([]sweep.File, error) {
	if !slices.ContainsFunc(r.Stages, func(s *result.Stage) bool { return s.Target.CPU > 0 }) {
		return nil, nil
	}
	whole := *r
	whole.Sweeps = sweep.Whole(r.Sweeps) // a step has no processes of its own
	made, err := sheets(&whole, "saturation", saturationFigure)
	r.Missing = whole.Missing
	return made, err
}

func saturationFigure(sweeps []sweep.Sweep) *canvas.Figure {
	x := capacityAxes(sweeps[0].Load).levels
	var levels []float64
	for _, w := range sweeps {
		for _, p := range w.Points {
			if p.Level > 0 && p.Stage.Length > 0 {
				levels = append(levels, float64(p.Level))
			}
		}
	}
	if len(levels) == 0 {
		return nil
	}
	if x.Lo, x.Hi, _ = canvas.LogRange(levels, 4); !x.Log {
		x.Lo, x.Hi = 0, max(1, 1.06*slices.Max(levels))
	}
	cores := func(d time.Duration, s *result.Stage) float64 { return d.Seconds() / s.Length.Seconds() }
	rows := []struct {
		strip
		generator bool
		of        func(*result.Stage) float64
		bound     func(*result.Stage) float64
	}{
		{strip{name: "Target CPU: cores in use", y: canvas.Axis{Unit: units.Ratio}}, false,
			func(s *result.Stage) float64 { return cores(s.Target.CPU, s) }, func(s *result.Stage) float64 { return mayUse(s.Target) }},
		{strip{name: "Target memory: the highest seen", y: canvas.Axis{Unit: units.Bytes}}, false, func(s *result.Stage) float64 { return float64(s.Target.RSSMax) }, nil},
		{strip{name: "Target threads: the highest seen", y: canvas.Axis{Unit: units.Count}}, false, func(s *result.Stage) float64 { return float64(s.Target.ThreadsMax) }, nil},
		{strip{name: "Generator CPU: cores in use", y: canvas.Axis{Unit: units.Ratio}}, true,
			func(s *result.Stage) float64 { return cores(s.Generator.CPU, s) }, func(s *result.Stage) float64 { return mayUse(s.Generator) }},
		{strip{name: "Generator lag: p99, log scale", y: canvas.Axis{Unit: units.Time, Log: true}}, true,
			func(s *result.Stage) float64 { return float64(s.Shown().Lag.Quantile(0.99)) }, nil},
		{strip{name: "Steal: share of the window", y: canvas.Axis{Unit: units.Share}}, true,
			func(s *result.Stage) float64 { return cores(max(s.Target.Steal, s.Generator.Steal), s) }, nil},
	}
	var strips []strip
	for _, row := range rows {
		s := row.strip
		for i := range sweeps {
			w := &sweeps[i]
			hue, shape := canvas.HueOf(w.Target(), i), canvas.ShapeOf(w.Target(), i)
			if row.generator {
				hue, shape = canvas.Soft, nil
			}
			curve := through("", w.Points, func(s *result.Stage) (float64, bool, bool) {
				v := row.of(s)
				return finite(v), false, s.Level() > 0 && (v > 0 || !row.y.Log) && !math.IsInf(v, 0)
			})
			k := strand{Curve: curve, hue: hue, width: canvas.LineWidth, shape: shape}
			if len(curve.Values) > 0 {
				k.label = s.y.Unit.Text(curve.Last().Y)
			}
			col := []strand{k}
			if row.bound != nil {
				if most := row.bound(w.Last().Stage); most > 0 && len(curve.Values) > 0 {
					col = append(col, constant(x, most, "of "+units.Number(most)))
				}
			}
			s.columns = append(s.columns, col)
		}
		if s.some() {
			strips = append(strips, s)
		}
	}
	if len(strips) == 0 {
		return nil
	}
	title := cmp.Or(finding.Limits(sweeps), "How much of the CPU do the target and the generator use?")
	return stripsOverLoad(sweeps, x, levels, strips, title, stripHeight, "dashed, of: the cores that the process may use")
}

// mayUse is how many cores a process may use; 0 where that is not known.
func mayUse(u result.Usage) float64 {
	cpus := 0
	for part := range strings.SplitSeq(u.CPUs, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		b, rangeErr := strconv.Atoi(to)
		switch {
		case err != nil:
			return u.Quota
		case isRange && rangeErr == nil:
			cpus += b - a + 1
		default:
			cpus++
		}
	}
	return u.MayUse(cpus)
}
