package peers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// mostLine is how long a line of a file of runs may be: one of ours has its stage.
const mostLine = 16 << 20

// earlier reports the runs in the files From, each of which continues the pairs of those
// before it.
func (r *runner) earlier() (*Report, error) {
	var all []*Measurement
	last := 0 // pair
	for _, path := range r.From {
		of, err := readRuns(path)
		if err != nil {
			return nil, err
		}
		before := last
		for _, m := range of {
			m.Pair += before
			last = max(last, m.Pair)
		}
		all = append(all, of...)
	}
	r.Pairs = last
	r.Tools = slices.DeleteFunc(slices.Clone(Tools), func(t Tool) bool { return !slices.Contains(namesOf(all), t.Name) })
	r.newReport()
	r.report.Missing, r.report.Planned, r.report.Complete = nil, len(all), len(all)
	if len(all) > 0 {
		r.report.Started = all[0].Start
	}
	left := map[*Measurement]bool{}
	for _, m := range all {
		left[m] = true
		if m.Failed != "" {
			r.report.Failed++
		}
	}
	for _, s := range r.report.Sections {
		for _, k := range s.Cases {
			for _, m := range all {
				if m.Section == s.Name && m.Case == k.Name {
					k.runs = append(k.runs, m)
					delete(left, m)
				}
			}
			names := namesOf(k.runs)
			k.pairs = slices.DeleteFunc(k.pairs, func(pair []contestant) bool {
				return slices.ContainsFunc(pair, func(c contestant) bool { return !slices.Contains(names, c.name) }) && len(k.runs) > 0
			})
		}
	}
	r.report.Sections = slices.DeleteFunc(r.report.Sections, func(s section) bool {
		return !slices.ContainsFunc(s.Cases, (*contest).Measured)
	})
	for m := range left {
		if len(r.Sections) == 0 || slices.Contains(r.Sections, m.Section) {
			return nil, fmt.Errorf("there is no case %q in section %q, of which a run is in the files", m.Case, m.Section)
		}
	}
	return r.report, nil
}

// readRuns reads a file with a line of JSON for each run.
func readRuns(path string) (all []*Measurement, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, mostLine)
	for n := 1; lines.Scan(); n++ {
		m := new(Measurement)
		if err := json.Unmarshal(lines.Bytes(), m); err != nil || m.Pair < 1 || m.Name == "" {
			return nil, fmt.Errorf("%s:%d: not a run of a comparison: %v", path, n, err)
		}
		all = append(all, m)
	}
	return all, lines.Err()
}
