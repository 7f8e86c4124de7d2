package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// benchKey is where a line of benchmark text belongs: the configuration above
// it.
type benchKey struct {
	pair int
	arm  compare.Arm
}

// benchFiles writes all pairs as Go benchmark text, for benchstat -col arm
// -ignore pair. The commits are comments: as configuration they would differ
// between the arms, and benchstat would put the arms into different tables.
func benchFiles(c *comparison) ([]sweep.File, error) {
	type value struct {
		scenario, unit string
		v              float64
	}
	values := map[benchKey][]value{}
	better := map[string]string{}
	var units []string
	add := func(f compare.Finding, p compare.Pair, arm compare.Arm, v float64) {
		unit := benchWord(f.Unit, "value")
		if !isNumber(v) {
			return
		}
		if better[unit] == "" {
			units = append(units, unit)
			better[unit] = "lower"
			if f.Better == "higher" {
				better[unit] = "higher"
			}
		}
		k := benchKey{p.Number, arm}
		values[k] = append(values[k], value{benchName(f.Scenario), unit, v})
	}
	for _, f := range c.Findings {
		for _, p := range f.Values {
			add(f, p, compare.Base, p.Base)
			add(f, p, compare.Candidate, p.Candidate)
		}
	}
	for _, f := range c.Control {
		for _, p := range f.Values {
			add(f, p, compare.Control, p.Candidate) // its base is that of the pair
		}
	}
	if len(values) == 0 {
		return nil, nil
	}

	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s", c.sides())
	for _, u := range units {
		line("Unit %s better=%s", u, better[u])
	}
	line("%s: none", compare.ProcsKey) // a scenario's name may end in -8, which is its own
	if c.ID != "" {
		line("run: %s", escape.Line(c.ID))
	}
	var keys []benchKey
	for k := range values {
		keys = append(keys, k)
	}
	arms := []compare.Arm{compare.Base, compare.Candidate, compare.Control}
	slices.SortFunc(keys, func(a, b benchKey) int {
		return cmp.Or(cmp.Compare(a.pair, b.pair), cmp.Compare(slices.Index(arms, a.arm), slices.Index(arms, b.arm)))
	})
	for _, k := range keys {
		line("\narm: %s\npair: %d", k.arm, k.pair)
		var names []string
		of := map[string][]value{}
		for _, v := range values[k] {
			if of[v.scenario] == nil {
				names = append(names, v.scenario)
			}
			of[v.scenario] = append(of[v.scenario], v)
		}
		for _, name := range names {
			var s strings.Builder
			s.WriteString("Benchmark" + name + " 1")
			for _, v := range of[name] {
				s.WriteString(" " + strconv.FormatFloat(v.v, 'f', -1, 64) + " " + v.unit)
			}
			line("%s", s.String())
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
