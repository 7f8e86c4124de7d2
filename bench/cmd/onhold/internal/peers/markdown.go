package peers

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/bench/host"

	"github.com/a628bb15/onhold/reports/escape"
)

// Markdown writes the report.
func (r *Report) Markdown(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "# onhold beside other load generators\n\n")
	if n := len(r.Measurements); n < r.Planned {
		fmt.Fprintf(w, "**Partial: %d of %d measurements.**\n\n", n, r.Planned)
	}
	e := r.Environment
	fmt.Fprintf(w, "%s, on %s, %d cores, %s, onhold %s, %s. %s\n\n", r.Started.Format("2006-01-02 15:04 MST"),
		either(e.CPU, e.Arch), e.Cores, either(e.Kernel, e.OS), strings.TrimSpace(e.Onhold+" "+e.Commit), e.Go, r.where())
	fmt.Fprintf(w, "%s Each run took %v, in random order (seed %d). The first table of a case gives medians over all its runs; "+
		"the second gives ratios within pairs: %s\n\n", r.who(), r.Length, r.Seed, confidence(r.Pairs))
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

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (r *Report) where() string {
	if r.TargetCPUs == nil {
		return "Server and generator share the CPUs: each takes time from the other."
	}
	return fmt.Sprintf("The server runs on CPU %s, the generator on CPU %s.", host.FormatCPUs(r.TargetCPUs), host.FormatCPUs(r.GeneratorCPUs))
}

// who says which tools were there, and what is to be known of them.
func (r *Report) who() string {
	var names, coarse []string
	for _, t := range r.Tools {
		names = append(names, t.Name)
		if t.finest > 0 {
			coarse = append(coarse, fmt.Sprintf("%s prints times in steps of %s.", t.Name, showDuration(float64(t.finest))))
		}
	}
	text := "No other generator was there."
	if len(names) > 0 {
		text = "Compared: " + strings.Join(names, ", ") + "."
	}
	if len(r.Missing) > 0 {
		text += " Not found: " + strings.Join(r.Missing, ", ") + "."
	}
	return strings.Join(append([]string{text}, coarse...), " ")
}

// confidence says what an interval of n pairs is.
func confidence(n int) string {
	k, c := rankFor(n)
	switch {
	case n < 2:
		return "of 1 pair, which gives no interval."
	case k == 1:
		return fmt.Sprintf("the median of %d, and in brackets the smallest and the largest, which hold the true median with %.1f %% confidence.", n, 100*c)
	}
	return fmt.Sprintf("the median of %d, and in brackets the %d. smallest and the %d. largest, which hold the true median with %.1f %% confidence.", n, k, k, 100*c)
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
	doubts(w, all)
}

// medians writes a row for each that was measured.
func medians(w io.Writer, k *contest, all []*Measurement) {
	head := []string{""}
	for _, m := range k.metrics {
		head = append(head, m.name)
	}
	rows := [][]string{append(head, "runs")}
	var names []string
	for _, pair := range k.pairs {
		for _, c := range pair {
			if name := c.String(); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		row, runs := []string{name}, 0
		for _, m := range all {
			if m.Name == name && m.Failed == "" {
				runs++
			}
		}
		for _, metric := range k.metrics {
			var values []float64
			for _, m := range all {
				if m.Name == name && m.Failed == "" {
					if v, ok := metric.value(m); ok {
						values = append(values, v)
					}
				}
			}
			if len(values) == 0 {
				row = append(row, "–")
			} else {
				row = append(row, metric.show(Median(values)))
			}
		}
		rows = append(rows, append(row, fmt.Sprint(runs)))
	}
	table(w, rows)
}

// ratios writes a row for each two that were paired.
func ratios(w io.Writer, k *contest, all []*Measurement) {
	head := []string{"ratio"}
	var compared []metric
	for _, m := range k.metrics {
		if m.ratio {
			compared = append(compared, m)
			head = append(head, m.name)
		}
	}
	rows := [][]string{append(head, "pairs")}
	for _, pair := range k.pairs {
		if len(pair) != 2 || len(compared) == 0 {
			continue
		}
		a, b := pair[0].String(), pair[1].String()
		row, most := []string{a + " ÷ " + b}, 0
		for _, metric := range compared {
			values := paired(all, a, b, metric)
			most = max(most, len(values))
			row = append(row, interval(values))
		}
		rows = append(rows, append(row, fmt.Sprint(most)))
	}
	if len(rows) > 1 {
		table(w, rows)
	}
}

// paired are the ratios of a to b within the pairs of which both are whole.
func paired(all []*Measurement, a, b string, metric metric) (values []float64) {
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

func interval(values []float64) string {
	low, high, _ := Interval(values)
	switch len(values) {
	case 0:
		return "–"
	case 1:
		return showRatio(values[0])
	}
	return fmt.Sprintf("%s (%s to %s)", showRatio(Median(values)), showRatio(low), showRatio(high))
}

// doubts tells, for each of them once, what failed and what is doubtful.
func doubts(w io.Writer, all []*Measurement) {
	count := map[string]int{}
	var order []string
	for _, m := range all {
		text := ""
		switch {
		case m.Failed != "":
			text = m.Name + " failed: " + escape.Markdown(m.Failed)
		case m.Doubt != "":
			text = m.Name + ": " + m.Doubt
		default:
			continue
		}
		if count[text] == 0 {
			order = append(order, text)
		}
		count[text]++
	}
	for _, text := range order {
		times := ""
		if count[text] > 1 {
			times = fmt.Sprintf(" (%d times)", count[text])
		}
		fmt.Fprintf(w, "- %s%s\n", strings.Join(strings.Fields(text), " "), times)
	}
	if len(order) > 0 {
		fmt.Fprintln(w)
	}
}

// table writes rows, the first of which is the head; the first column is text
// and the others are figures.
func table(w io.Writer, rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|---|%s\n", strings.Repeat("---:|", len(row)-1))
		}
	}
	fmt.Fprintln(w)
}
