package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// benchFiles writes all pairs as Go benchmark text, for benchstat -col arm -ignore pair.
// The commits are comments: as configuration they would differ between the arms, and
// benchstat would put the arms into different tables.
func benchFiles(c *comparison) ([]sweep.File, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", c.sides())
	type group struct { // what the configuration above the lines says
		pair int
		arm  compare.Arm
	}
	type lines struct {
		names  []string
		values map[string]string // by name
	}
	groups := map[group]*lines{}
	units := map[string]bool{}
	add := func(f compare.Finding, pair int, arm compare.Arm, v float64) {
		if !isNumber(v) {
			return
		}
		unit, name := benchWord(f.Unit, "value"), benchName(f.Scenario)
		if !units[unit] {
			units[unit] = true
			better := "lower"
			if f.Better == "higher" {
				better = f.Better
			}
			fmt.Fprintf(&b, "Unit %s better=%s\n", unit, better)
		}
		at := group{pair, arm}
		if groups[at] == nil {
			groups[at] = &lines{values: map[string]string{}}
		}
		of := groups[at]
		if of.values[name] == "" {
			of.names = append(of.names, name)
		}
		of.values[name] += " " + strconv.FormatFloat(v, 'f', -1, 64) + " " + unit
	}
	for _, f := range c.Findings {
		for _, p := range f.Values {
			add(f, p.Number, compare.Base, p.Base)
			add(f, p.Number, compare.Candidate, p.Candidate)
		}
	}
	for _, f := range c.Control {
		for _, p := range f.Values {
			add(f, p.Number, compare.Control, p.Candidate) // its base is that of the pair
		}
	}
	if len(groups) == 0 {
		return nil, nil
	}
	fmt.Fprintf(&b, "%s: none\n", compare.ProcsKey) // a scenario's name may end in -8, which is its own
	if c.ID != "" {
		fmt.Fprintf(&b, "run: %s\n", escape.Line(c.ID))
	}
	arms := []compare.Arm{compare.Base, compare.Candidate, compare.Control}
	for _, at := range slices.SortedFunc(maps.Keys(groups), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.pair, b.pair), cmp.Compare(slices.Index(arms, a.arm), slices.Index(arms, b.arm)))
	}) {
		fmt.Fprintf(&b, "\narm: %s\npair: %d\n", at.arm, at.pair)
		for _, name := range groups[at].names {
			fmt.Fprintf(&b, "Benchmark%s 1%s\n", name, groups[at].values[name])
		}
	}
	return []sweep.File{{Name: "bench.txt", Data: []byte(b.String())}}, nil
}

// benchName is the name of a scenario behind the word Benchmark: settings
// alone are below Load.
func benchName(scenario string) string {
	name := strings.TrimLeft(benchWord(scenario, ""), "/")
	first, _, _ := strings.Cut(name, "/")
	start, _ := utf8.DecodeRuneInString(name)
	switch {
	case name == "":
		return "Load"
	case strings.Contains(first, "=") || !unicode.IsUpper(start) && !unicode.IsDigit(start):
		return "Load/" + name
	}
	return name
}

// benchWord is s as one word: the format separates words by space.
func benchWord(s, otherwise string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return '_'
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	if s == "" {
		return otherwise
	}
	return s
}
