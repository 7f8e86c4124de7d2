package calibrate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/units"
)

const confidence = 0.95

// Tally is how the runs with one injection ended, by one version of the rules.
type Tally struct {
	Version  int
	About    string
	Runs     int
	Verdicts map[compare.Verdict]int
	Pairs    []int
	Took     []float64 // seconds
}

// Valid is the number of runs with a verdict, inconclusive ones included.
func (t Tally) Valid() int { return t.Runs - t.Verdicts[compare.Invalid] }

// Failed is the number of runs that would have failed a build.
func (t Tally) Failed() int { return t.Verdicts[compare.Regressed] + t.Verdicts[compare.Unstable] }

// Tallies counts the runs by version and injection, first those with none.
func Tallies(all []Run) (out []Tally) {
	versions := map[int]bool{}
	for _, r := range all {
		versions[r.Version] = true
	}
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		for _, injection := range append([]Injection{none}, Injections...) {
			t := Tally{Version: version, About: injection.About, Verdicts: map[compare.Verdict]int{}}
			for _, r := range all {
				if r.Injected == injection.Name && r.Version == version {
					t.Runs++
					t.Verdicts[r.Verdict]++
					t.Pairs, t.Took = append(t.Pairs, r.Pairs), append(t.Took, r.Took)
				}
			}
			if t.Runs > 0 {
				out = append(out, t)
			}
		}
	}
	return out
}

// columns are the verdicts in the order of the table.
var columns = []compare.Verdict{compare.Regressed, compare.Unstable, compare.Minor, compare.Equal, compare.Improved, compare.Inconclusive, compare.Invalid}

// Markdown is the tallies as a table, with exact intervals of the share of valid
// runs that would have failed a build.
func Markdown(all []Run) string {
	heads := []table.Column{{Head: "rules"}, {Head: "injected", Left: true}, {Head: "runs"}}
	for _, v := range columns {
		heads = append(heads, table.Column{Head: v.String()})
	}
	t := table.New(append(heads, table.Column{Head: "share that failed (95 % interval)", Left: true}, table.Column{Head: "pairs, median"}, table.Column{Head: "time, median"})...)
	for _, n := range Tallies(all) {
		share := units.None
		if n.Valid() > 0 {
			low, high := exact.ClopperPearson(n.Failed(), n.Valid(), confidence)
			share = fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*float64(n.Failed())/float64(n.Valid()), 100*low, 100*high)
		}
		row := []string{fmt.Sprintf("version %d", n.Version), n.About, strconv.Itoa(n.Runs)}
		for _, v := range columns {
			row = append(row, strconv.Itoa(n.Verdicts[v]))
		}
		pairs, took := slices.Sorted(slices.Values(n.Pairs)), slices.Sorted(slices.Values(n.Took))
		t.Row(append(row, share, strconv.Itoa(pairs[len(pairs)/2]), fmt.Sprintf("%.0f s", took[len(took)/2]))...)
	}
	return t.Markdown()
}
