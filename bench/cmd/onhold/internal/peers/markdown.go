package peers

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/units"
)

// Markdown writes the report.
func (r *Report) Markdown(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "# onhold compared with other load generators\n\n")
	if n := len(r.Measurements); n < r.Planned {
		fmt.Fprintf(w, "**Partial: %d of %d measurements.**\n\n", n, r.Planned)
	}
	e := r.Environment
	fmt.Fprintf(w, "%s, on %s, %d cores, %s, onhold %s, %s. %s\n\n", r.Started.Format("2006-01-02 15:04 MST"),
		cmp.Or(e.CPU, e.Arch), e.Cores, cmp.Or(e.Kernel, e.OS), strings.TrimSpace(e.Onhold+" "+e.Commit), e.Go, r.placement())
	fmt.Fprintf(w, "%s Each run took %s, in random order (seed %d). The first table of a case shows medians over all of its runs; "+
		"the second shows ratios within pairs: %s\n\n", r.compared(), units.Duration(r.Duration), r.Seed, confidence(r.Pairs))
	for _, s := range r.sections {
		fmt.Fprintf(w, "## %s\n\n%s\n\n", s.Name, s.About)
		if s.notes != nil {
			for _, note := range s.notes(r.of(s.Name, "")) {
				fmt.Fprintf(w, "%s\n\n", note)
			}
		}
		for i := range s.contests {
			r.contest(w, &s.contests[i])
		}
	}
	return w.Flush()
}

func (r *Report) placement() string {
	if r.TargetCPUs == nil {
		return "Server and generator share the CPUs: each slows the other."
	}
	return fmt.Sprintf("The server runs on CPU %s, the generator on CPU %s.", host.FormatCPUs(r.TargetCPUs), host.FormatCPUs(r.GeneratorCPUs))
}

// compared is which tools were compared, and how coarse their times are.
func (r *Report) compared() string {
	var names, coarse []string
	for _, t := range r.Tools {
		names = append(names, t.Name)
		if t.finest > 0 {
			coarse = append(coarse, fmt.Sprintf("%s prints times in steps of %s.", t.Name, units.Duration(t.finest)))
		}
	}
	text := "No other generator was compared."
	if len(names) > 0 {
		text = "Compared: " + strings.Join(names, ", ") + "."
	}
	if len(r.Missing) > 0 {
		text += " Not found: " + strings.Join(r.Missing, ", ") + "."
	}
	return strings.Join(append([]string{text}, coarse...), " ")
}

// confidence describes an interval of n pairs.
func confidence(n int) string {
	k, c := rank(n)
	switch {
	case n < 2:
		return "1 pair, which gives no interval."
	case k == 1:
		return fmt.Sprintf("the median of %d, and in brackets the smallest and the largest. They contain the true median with %.1f %% confidence.", n, 100*c)
	}
	return fmt.Sprintf("the median of %d, and in brackets the smallest but %d and the largest but %d. They contain the true median with %.1f %% confidence.", n, k-1, k-1, 100*c)
}

// of are the measurements of a case, or of a section where name is empty.
func (r *Report) of(section, name string) (some []*Measurement) {
	for _, m := range r.Measurements {
		if m.Section == section && (name == "" || m.Case == name) {
			some = append(some, m)
		}
	}
	return some
}

func (r *Report) contest(w io.Writer, k *contest) {
	all := r.of(k.section, k.name)
	fmt.Fprintf(w, "### %s\n\n", k.name)
	if k.about != "" {
		fmt.Fprintf(w, "%s\n\n", k.about)
	}
	if len(all) == 0 {
		fmt.Fprint(w, "Not measured.\n\n")
		return
	}
	medians(w, k, all)
	ratios(w, k, all)
	if k.notes != nil {
		for _, note := range k.notes(all) {
			fmt.Fprintf(w, "- %s\n", note)
		}
		fmt.Fprintln(w)
	}
	problems(w, all)
}

// medians writes a row for each contestant.
func medians(w io.Writer, k *contest, all []*Measurement) {
	t := table.New(table.Numbers(append(heads("", k.metrics), "runs")...)...)
	var names []string
	for _, c := range slices.Concat(k.pairs...) {
		if name := c.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		row, runs := []string{name}, 0
		values := make([][]float64, len(k.metrics))
		for _, m := range all {
			if m.Name != name || m.Failed != "" {
				continue
			}
			runs++
			for i, metric := range k.metrics {
				if v, ok := metric.value(m); ok {
					values[i] = append(values[i], v)
				}
			}
		}
		for i, metric := range k.metrics {
			if len(values[i]) == 0 {
				row = append(row, units.None)
			} else {
				row = append(row, metric.unit.Text(median(values[i])))
			}
		}
		t.Row(append(row, strconv.Itoa(runs))...)
	}
	fmt.Fprintln(w, t.Markdown())
}

func heads(first string, metrics []metric) []string {
	names := []string{first}
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return names
}

// ratios writes a row for each pair of two contestants.
func ratios(w io.Writer, k *contest, all []*Measurement) {
	compared := slices.DeleteFunc(slices.Clone(k.metrics), func(m metric) bool { return !m.ratio })
	t, any := table.New(table.Numbers(append(heads("ratio", compared), "pairs")...)...), false
	for _, pair := range k.pairs {
		if len(pair) != 2 || len(compared) == 0 {
			continue
		}
		any = true
		a, b := pair[0].String(), pair[1].String()
		row, most := []string{a + " ÷ " + b}, 0
		for _, metric := range compared {
			values := pairRatios(all, a, b, metric)
			most = max(most, len(values))
			row = append(row, ratio(values))
		}
		t.Row(append(row, strconv.Itoa(most))...)
	}
	if any {
		fmt.Fprintln(w, t.Markdown())
	}
}

// pairRatios are the ratios of a to b within the pairs in which neither failed.
func pairRatios(all []*Measurement, a, b string, metric metric) (values []float64) {
	for _, m := range all {
		if m.Name != a || m.Against != b || m.Failed != "" {
			continue
		}
		for _, o := range all {
			if o.Name != b || o.Against != a || o.Pair != m.Pair || o.Failed != "" {
				continue
			}
			over, ok1 := metric.value(m)
			under, ok2 := metric.value(o)
			if ok1 && ok2 && under > 0 && !math.IsInf(over/under, 0) {
				values = append(values, over/under)
			}
		}
	}
	return values
}

// ratio is the median of values, and its interval where there are several.
func ratio(values []float64) string {
	low, high := interval(values)
	switch len(values) {
	case 0:
		return units.None
	case 1:
		return units.Number(values[0])
	}
	return fmt.Sprintf("%s (%s to %s)", units.Number(median(values)), units.Number(low), units.Number(high))
}

// problems writes what failed and what a reader should know, each once.
func problems(w io.Writer, all []*Measurement) {
	times := map[string]int{}
	var texts []string
	for _, m := range all {
		text := ""
		switch {
		case m.Failed != "":
			text = m.Name + " failed: " + escape.Markdown(m.Failed)
		case m.Warning != "":
			text = m.Name + ": " + m.Warning
		default:
			continue
		}
		if times[text]++; times[text] == 1 {
			texts = append(texts, text)
		}
	}
	for _, text := range texts {
		repeated := ""
		if n := times[text]; n > 1 {
			repeated = fmt.Sprintf(" (%d times)", n)
		}
		fmt.Fprintf(w, "- %s%s\n", strings.Join(strings.Fields(text), " "), repeated)
	}
	if len(texts) > 0 {
		fmt.Fprintln(w)
	}
}
