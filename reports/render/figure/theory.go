package figure

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
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

// Theory is what theory expects of the levels that were driven, and of some in between;
// nil where no model holds at all of them.
func Theory(points []sweep.Point) []model.Point { return theoryOf(driven(points)).points }

func driven(points []sweep.Point) []sweep.Point {
	return slices.DeleteFunc(slices.Clone(points), func(p sweep.Point) bool { return p.Stage.Counts.Planned() == 0 })
}

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

func (t theoryLines) words() string {
	if len(t.points) == 0 {
		return ""
	}
	first := t.points[0].Case
	var models, methods words.Groups[string, model.Point]
	lo, hi := first.ServiceTime, first.ServiceTime
	measured := true
	for _, p := range t.points {
		models.Add(strings.ReplaceAll(strings.TrimPrefix(p.Model, string(p.Case.Load.Model())+", "), ",", ""), p)
		method := "exact"
		if !p.Exact {
			method = MethodWords(strings.ReplaceAll(p.Method, "simulation of", "by simulation of"))
		}
		methods.Add(method, p)
		lo, hi = min(lo, p.Case.ServiceTime), max(hi, p.Case.ServiceTime)
		measured = measured && p.Case.Measured
	}
	law := first.ServiceLaw
	service := "service " + Precise(lo) + words.If(Precise(lo) != Precise(hi), " to "+Precise(hi)) +
		words.If(law.Kind != "" && law.Kind != theory.Constant, LawWords(law)) +
		words.If(measured, ", as measured at the worker") + words.If(!measured && !t.alone, ", nominal")
	how := methods.Keys[:min(len(methods.Keys), 2)] // each wave has a number of requests of its own
	if len(how) > 1 && how[0] == "exact" {
		how[0] = "exact in part"
	}
	return words.Join(", ", strings.Join(models.Keys, ", then "), ServerWords(first.Setting), service, strings.Join(how, ", else "))
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

// theoryWords says of which models the lines are that theory expects; "" where there are none.
func (m *capacityModel) theoryWords() string {
	var names words.Groups[string, string]
	for _, c := range m.columns {
		if about := c.theory.words(); about != "" {
			names.Add(about, c.name)
		}
	}
	var all []string
	for _, about := range names.Keys {
		all = append(all, words.If(len(m.columns) > 1, units.List(names.Of[about])+": ")+about)
	}
	return words.If(len(all) > 0, "What theory expects in the capacity figure: "+strings.Join(all, "; "))
}

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
