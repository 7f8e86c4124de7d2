package verdict

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// actionEntry is a metric in the custom format of github-action-benchmark.
type actionEntry struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Range string  `json:"range,omitempty"`
	Extra string  `json:"extra,omitempty"`
}

// actionFiles writes the candidate's values for the history that
// github-action-benchmark keeps. It takes the direction from the file, so each
// metric goes into the file of its own. A file without a metric is left out:
// the action takes an empty one for an error.
func actionFiles(c *comparison) ([]sweep.File, error) {
	entries := map[bool][]actionEntry{} // by whether more is better
	seen := map[string]int{}
	for _, f := range c.Findings {
		if f.CandidateValue.None() || f.Pairs == 0 {
			continue
		}
		name := escape.Line(strings.TrimSpace(f.Scenario + " " + f.Metric))
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, seen[name]) // of one name the action sees the first only
		}
		bigger := f.Better == "higher"
		entries[bigger] = append(entries[bigger], actionEntry{
			Name: name, Unit: f.Unit, Value: float64(f.CandidateValue), Range: interval(f), Extra: c.details(f),
		})
	}
	var files []sweep.File
	for _, o := range []struct {
		bigger bool
		name   string
	}{{false, "benchmark-action-smaller.json"}, {true, "benchmark-action-bigger.json"}} {
		if len(entries[o.bigger]) == 0 {
			continue
		}
		data, err := indented(entries[o.bigger])
		if err != nil {
			return files, err
		}
		files = append(files, sweep.File{Name: o.name, Data: data})
	}
	return files, nil
}
