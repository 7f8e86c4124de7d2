package figure

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

// theoryLines is what theory expects over the levels of a column; it has no curves
// where no model holds.
type theoryLines struct {
	latency []canvas.Curve // of the served: p50 and p99, and more where nothing was measured
	kept    canvas.Curve   // the share that is not rejected
	goodput canvas.Curve
	alone   bool // nothing was measured
	points  []model.Point
}

// theoryOf is what theory expects of the levels that were driven.
func theoryOf(points []sweep.Point) theoryLines {
	var levels []float64
	var cases []model.Case
	for _, p := range points {
		c, ok := model.Of(p.Stage)
		if !ok {
			return theoryLines{} // a line is of all levels, or of none
		}
		levels, cases = append(levels, float64(p.Level)), append(cases, c)
	}
	return linesOf(model.Line(levels, cases), "p50", "p99")
}

// linesOf are the curves through some points.
func linesOf(points []model.Point, quantiles ...string) theoryLines {
	line := func(name string, of func(model.Point) *float64) canvas.Curve {
		c := canvas.Curve{Name: name}
		gap := false
		for _, p := range points {
			v := of(p)
			if v != nil {
				c.Values = append(c.Values, canvas.Value{X: p.Level, Y: *v, Gap: gap && len(c.Values) > 0})
			}
			gap = v == nil
		}
		return c
	}
	t := theoryLines{points: points}
	for _, q := range quantiles {
		t.latency = append(t.latency, line(q, func(p model.Point) *float64 {
			return map[string]*float64{"p50": p.Latency.P50, "p90": p.Latency.P90, "p99": p.Latency.P99}[q]
		}))
	}
	t.kept = line("rejected", func(p model.Point) *float64 {
		if p.Rejected == nil {
			return nil
		}
		kept := 1 - *p.Rejected
		return &kept
	})
	t.goodput = line("ok", func(p model.Point) *float64 { return p.Throughput })
	return t
}

// words says which model the lines are of, and with what in it.
func (t theoryLines) words() string {
	if len(t.points) == 0 {
		return ""
	}
	first := t.points[0].Case
	var models, methods []string
	lo, hi := first.ServiceTime, first.ServiceTime
	measured := true
	for _, p := range t.points {
		model := strings.ReplaceAll(strings.TrimPrefix(p.Model, string(p.Case.Load.Model())+", "), ",", "")
		if !slices.Contains(models, model) {
			models = append(models, model)
		}
		method := "exact"
		if !p.Exact {
			method = MethodWords(strings.ReplaceAll(p.Method, "simulation of", "by simulation of"))
		}
		if !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
		lo, hi = min(lo, p.Case.ServiceTime), max(hi, p.Case.ServiceTime)
		measured = measured && p.Case.Measured
	}
	service := "service " + Precise(lo)
	if Precise(lo) != Precise(hi) {
		service += " to " + Precise(hi)
	}
	if law := first.ServiceLaw; law.Kind != "" && law.Kind != theory.Constant {
		service += LawWords(law)
	}
	switch {
	case measured:
		service += ", as measured at the worker"
	case !t.alone:
		service += ", nominal"
	}
	if len(methods) > 1 && methods[0] == "exact" {
		methods[0] = "exact in part"
	}
	if len(methods) > 2 { // each wave has a number of requests of its own
		methods = methods[:2]
	}
	return strings.Join([]string{strings.Join(models, ", then "), ServerWords(first.Setting), service, strings.Join(methods, ", else ")}, ", ")
}

// MethodWords is how a result was found, with commas between the thousands of its
// numbers.
func MethodWords(method string) string {
	return digits.ReplaceAllStringFunc(method, func(number string) string {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return number
		}
		return units.Int(n)
	})
}

var digits = regexp.MustCompile(`\b\d{4,}\b`)

// ServerWords says how large a server is.
func ServerWords(s theory.Setting) string {
	switch workers := units.Plural(s.Workers, "worker"); {
	case s.Workers == theory.Unbounded:
		return "no limit"
	case s.Queue == theory.Unbounded:
		return workers + ", unbounded queue"
	case s.Queue == 0:
		return workers + ", no queue"
	default:
		return fmt.Sprintf("%s, queue %s", workers, units.Int(s.Queue))
	}
}

// LawWords says how a time varies, as the end of a clause.
func LawWords(l theory.Law) string {
	switch l.Kind {
	case theory.Lognormal:
		return fmt.Sprintf(" lognormal with cv %g", l.CV)
	case "":
		return " " + theory.Constant
	}
	return " " + l.Kind
}

// Precise is a duration with four digits: the fourth shows in a service time.
func Precise(d time.Duration) string {
	text := units.Time.Write(float64(d), 4)
	unit := strings.IndexFunc(text, unicode.IsLetter)
	return text[:unit] + " " + text[unit:]
}

// at says what is expected at a level.
func (t theoryLines) at(level float64) string {
	for _, p := range t.points {
		if p.Level != level {
			continue
		}
		var parts []string
		if p.Throughput != nil {
			parts = append(parts, units.Number(*p.Throughput)+" ok/s")
		}
		if p.Latency.P99 != nil {
			parts = append(parts, "p99 "+units.Time.Text(*p.Latency.P99))
		}
		if p.Rejected != nil {
			parts = append(parts, units.Percent(*p.Rejected)+" rejected")
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

// theoryWords is the caption of the lines that theory expects; "" where there are none.
func (m *capacityModel) theoryWords() string {
	var all []string
	names := map[string][]string{}
	for _, c := range m.columns {
		if words := c.theory.words(); words != "" {
			if names[words] == nil {
				all = append(all, words)
			}
			names[words] = append(names[words], c.name)
		}
	}
	if len(all) == 0 {
		return ""
	}
	if len(m.columns) > 1 {
		for i, words := range all {
			all[i] = units.List(names[words]) + ": " + words
		}
	}
	return "thin dashes: what theory expects, p50 and p99 of the served, the share of rejected and goodput. " + strings.Join(all, "; ")
}
