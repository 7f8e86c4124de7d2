package peers

import (
	"cmp"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Report is what was measured.
type Report struct {
	Config
	Started                   time.Time
	Environment               result.Environment
	TargetCPUs, GeneratorCPUs []int
	Planned, Complete, Failed int // measurements

	Sections []section
}

// section is a Section with its cases, as they were run.
type section struct {
	Section
	Cases []*contest
}

// Notes are the remarks about all of its runs.
func (s section) Notes() []string {
	if s.notes == nil {
		return nil
	}
	var all []*Measurement
	for _, k := range s.Cases {
		all = append(all, k.runs...)
	}
	return s.notes(all)
}

// outside is the chance on each side of an interval, of a median that lies there.
const outside = 0.025

//go:embed report.md.tmpl
var reportText string

var report = template.Must(template.New("report").Funcs(template.FuncMap{
	"cpus": host.FormatCPUs, "duration": units.Duration, "join": strings.Join,
}).Parse(reportText))

// Markdown is the report as text.
func (r *Report) Markdown() (string, error) {
	var text strings.Builder
	err := report.Execute(&text, r)
	return text.String(), err
}

// Machine describes when and where it was measured.
func (r *Report) Machine() string {
	e := r.Environment
	return fmt.Sprintf("%s, on %s, %d cores, %s, onhold %s, %s.", r.Started.Format("2006-01-02 15:04 MST"),
		cmp.Or(e.CPU, e.Arch), e.Cores, cmp.Or(e.Kernel, e.OS), strings.TrimSpace(e.Onhold+" "+e.Commit), e.Go)
}

// Measured reports whether there is a run of the case.
func (k *contest) Measured() bool { return len(k.runs) > 0 }

// Notes are remarks about the runs, and what failed.
func (k *contest) Notes() (notes []string) {
	if k.notes != nil {
		notes = k.notes(k.runs)
	}
	return append(notes, problems(k.runs)...)
}

// Medians is a table with a row for each contestant.
func (k *contest) Medians() string {
	t := table.New(table.Numbers(append(heads("", k.metrics), "limit", "runs")...)...)
	var names []string
	for _, c := range slices.Concat(k.pairs...) {
		if slices.Contains(names, c.name) {
			continue
		}
		names = append(names, c.name)
		row := []string{c.name}
		for _, metric := range k.metrics {
			row = append(row, metric.unit.Text(median(values(k.runs, c.name, metric.value))))
		}
		t.Row(append(row, limitOf(k.runs, c.name), strconv.Itoa(len(values(k.runs, c.name, func(*Measurement) float64 { return 0 }))))...)
	}
	return t.Markdown()
}

// limitOf is who set the pace in most of the runs of a contestant, with the figure of
// the first of them.
func limitOf(all []*Measurement, name string) string {
	times, most := map[result.Limiter]int{}, 0
	for _, m := range all {
		if m.Name == name && m.Failed == "" && m.Limit != nil {
			times[m.Limit.Who]++
			most = max(most, times[m.Limit.Who])
		}
	}
	for _, m := range all {
		if m.Name == name && m.Limit != nil && times[m.Limit.Who] == most {
			return m.Limit.Short()
		}
	}
	return units.None
}

func heads(first string, metrics []metric) []string {
	names := []string{first}
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return names
}

// namesOf are the distinct names of what was measured.
func namesOf(all []*Measurement) (names []string) {
	for _, m := range all {
		if !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

// values are a figure of the runs of a contestant that did not fail, where they have it.
func values(all []*Measurement, name string, figure func(*Measurement) float64) (known []float64) {
	for _, m := range all {
		if m.Name == name && m.Failed == "" {
			if v := figure(m); !math.IsNaN(v) {
				known = append(known, v)
			}
		}
	}
	return known
}

// Ratios is a table with a row for each pair of two contestants; "" where there is none.
func (k *contest) Ratios() string {
	compared := slices.DeleteFunc(slices.Clone(k.metrics), func(m metric) bool { return !m.ratio })
	if len(compared) == 0 || len(k.pairs[0]) != 2 {
		return ""
	}
	t := table.New(table.Numbers(append(heads("ratio", compared), "pairs")...)...)
	for _, pair := range k.pairs {
		row, most := []string{pair[0].name + " ÷ " + pair[1].name}, 0
		for _, metric := range compared {
			values := k.pairRatios(pair, metric)
			most = max(most, len(values))
			row = append(row, ratio(values))
		}
		t.Row(append(row, strconv.Itoa(most))...)
	}
	return t.Markdown()
}

// pairRatios are the ratios within the pairs in which neither failed.
func (k *contest) pairRatios(pair []contestant, metric metric) (ratios []float64) {
	of := [2]map[int]float64{{}, {}} // by number of the pair
	for i, c := range pair {
		for _, m := range k.runs {
			if m.Name == c.name && m.Against == pair[1-i].name && m.Failed == "" {
				of[i][m.Pair] = metric.value(m)
			}
		}
	}
	for n, over := range of[0] {
		under, ok := of[1][n]
		if v := over / under; ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			ratios = append(ratios, v)
		}
	}
	return ratios
}

// ratio is the median of values, and bounds of the true one where there are values
// enough.
func ratio(values []float64) string {
	if len(values) == 0 {
		return units.None
	}
	text := units.Number(median(values))
	if low, high := exact.MedianBounds(values, outside); !math.IsInf(low, 0) {
		text += fmt.Sprintf(" (%s to %s)", units.Number(low), units.Number(high))
	}
	return text
}

// problems are what failed and what a reader should know, each once.
func problems(all []*Measurement) (texts []string) {
	times := map[string]int{}
	for _, m := range all {
		text := m.Name + ": " + m.Warning
		if m.Failed != "" {
			text = m.Name + " failed: " + escape.Markdown(m.Failed)
		} else if m.Warning == "" {
			continue
		}
		text = strings.Join(strings.Fields(text), " ")
		if times[text]++; times[text] == 1 {
			texts = append(texts, text)
		}
	}
	for i, text := range texts {
		if n := times[text]; n > 1 {
			texts[i] += fmt.Sprintf(" (%d times)", n)
		}
	}
	return texts
}
