package render

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/theory"
)

// theoryLines is what theory expects over the levels of a column; it has no
// curves where no model holds.
type theoryLines struct {
	latency []curve // of the served, ns: p50 and p99, and more where nothing was measured
	kept    curve   // the share that is not rejected
	goodput curve   // per second
	alone   bool    // nothing was measured
	points  []model.Point
}

func (t theoryLines) some() bool { return len(t.points) > 0 }

// theoryOf is what theory expects of the levels that were driven.
func theoryOf(points []sweep.Point) theoryLines {
	var levels []float64
	var cases []model.Case
	for _, p := range points {
		c, ok := model.Of(p.Stage)
		if !ok {
			return theoryLines{} // of none, or of all
		}
		levels, cases = append(levels, float64(p.Level)), append(cases, c)
	}
	return linesOf(model.Line(levels, cases), "p50", "p99")
}

// linesOf are the curves through some points.
func linesOf(points []model.Point, quantiles ...string) theoryLines {
	t := theoryLines{points: points}
	times := map[string]func(theory.Times) *float64{
		"p50": func(t theory.Times) *float64 { return t.P50 }, "p90": func(t theory.Times) *float64 { return t.P90 }, "p99": func(t theory.Times) *float64 { return t.P99 },
	}
	for _, q := range quantiles {
		t.latency = append(t.latency, throughPoints(q, points, func(p model.Point) *float64 { return times[q](p.Latency) }))
	}
	t.kept = throughPoints("rejected", points, func(p model.Point) *float64 {
		if p.Rejected == nil {
			return nil
		}
		kept := 1 - *p.Rejected
		return &kept
	})
	t.goodput = throughPoints("ok", points, func(p model.Point) *float64 { return p.Throughput })
	return t
}

func throughPoints(name string, points []model.Point, of func(model.Point) *float64) curve {
	c := curve{name: name}
	apart := false
	for _, p := range points {
		v := of(p)
		if v == nil {
			apart = true
			continue
		}
		c.marks = append(c.marks, mark{x: p.Level, y: *v, apart: apart && len(c.marks) > 0})
		apart = false
	}
	return c
}

// within keeps what lies between limits.
func (c curve) within(lo, hi float64) curve {
	out := curve{name: c.name}
	apart := false
	for _, k := range c.marks {
		if k.y < lo || k.y > hi {
			apart = true
			continue
		}
		k.apart = (k.apart || apart) && len(out.marks) > 0
		out.marks, apart = append(out.marks, k), false
	}
	return out
}

// about says which model the lines are of, and with what in it.
func (t theoryLines) about() string {
	if !t.some() {
		return ""
	}
	first := t.points[0].Case
	var models, methods []string
	lo, hi := first.Service, first.Service
	measured := true
	for _, p := range t.points {
		model := strings.ReplaceAll(strings.TrimPrefix(p.Model, p.Case.Load+", "), ",", "")
		if !slices.Contains(models, model) {
			models = append(models, model)
		}
		method := "exact"
		if !p.Exact {
			method = digits.ReplaceAllStringFunc(strings.ReplaceAll(p.Method, "simulation of", "by simulation of"), thousands)
		}
		if !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
		lo, hi = min(lo, p.Case.Service), max(hi, p.Case.Service)
		measured = measured && p.Case.Measured
	}
	parts := []string{strings.Join(models, ", then "), serverInWords(first.Setting)}
	service := "service " + precise(lo)
	if precise(lo) != precise(hi) {
		service += " to " + precise(hi)
	}
	if law := first.ServiceLaw; law.Kind != "" && law.Kind != theory.Constant {
		service += lawInWords(law)
	}
	switch {
	case measured:
		service += ", as measured at the worker"
	case !t.alone:
		service += ", nominal"
	}
	parts = append(parts, service)
	if len(methods) > 1 && methods[0] == "exact" {
		methods[0] = "exact in part"
	}
	if len(methods) > 2 { // each wave has a number of requests of its own
		methods = methods[:2]
	}
	return strings.Join(append(parts, strings.Join(methods, ", else ")), ", ")
}

// digits are those of a whole number that is long enough to be split.
var digits = regexp.MustCompile(`\b\d{4,}\b`)

// serverInWords says how large a server is.
func serverInWords(s theory.Setting) string {
	switch {
	case s.Workers == theory.Unbounded:
		return "no limit"
	case s.Places == theory.Unbounded:
		return plural(s.Workers, "worker") + ", queue without a bound"
	case s.Places == 0:
		return plural(s.Workers, "worker") + ", no queue"
	}
	return fmt.Sprintf("%s, queue %s", plural(s.Workers, "worker"), count(int64(s.Places)))
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return count(int64(n)) + " " + what
}

// precise tells a duration to four digits: of the time of service, the fourth
// shows.
func precise(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{time.Second, " s"}, {time.Millisecond, " ms"}, {time.Microsecond, " µs"}} {
		if v := float64(d) / float64(u.size); v >= 1 {
			return strconv.FormatFloat(v, 'g', 4, 64) + u.name
		}
	}
	return duration(d)
}

// theoryAt says what is expected at a level.
func (t theoryLines) theoryAt(level int) string {
	for _, p := range t.points {
		if p.Level != float64(level) {
			continue
		}
		var parts []string
		if p.Throughput != nil {
			parts = append(parts, number(*p.Throughput)+" ok/s")
		}
		if p.Latency.P99 != nil {
			parts = append(parts, "p99 "+asTime(*p.Latency.P99))
		}
		if p.Rejected != nil {
			parts = append(parts, percent(*p.Rejected)+" rejected")
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

// theory is the caption of the lines that theory expects.
func (m capacityModel) theory() []string {
	var abouts []string
	names := map[string][]string{}
	for _, c := range m.columns {
		about := c.theory.about()
		if about != "" && names[about] == nil {
			abouts = append(abouts, about)
		}
		names[about] = append(names[about], c.name)
	}
	if len(abouts) == 0 {
		return nil
	}
	told := abouts
	if len(m.columns) > 1 {
		told = nil
		for _, about := range abouts {
			told = append(told, and(names[about])+": "+about)
		}
	}
	return []string{"thin dashes: what theory expects, p50 and p99 of the served, the share of rejected and goodput. " + strings.Join(told, "; ")}
}
