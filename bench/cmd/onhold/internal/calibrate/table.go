package calibrate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
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

// Markdown writes the tallies as a table, with exact intervals of the share of
// valid runs that would have failed a build.
func Markdown(w io.Writer, all []Run) error {
	var b strings.Builder
	b.WriteString("| rules | injected | runs |")
	for _, v := range columns {
		fmt.Fprintf(&b, " %s |", v)
	}
	b.WriteString(" share that failed (95 % interval) | pairs, median | time, median |\n|--:|:--|--:|" + strings.Repeat("--:|", len(columns)) + ":--|--:|--:|\n")
	for _, t := range Tallies(all) {
		share := "–"
		if t.Valid() > 0 {
			low, high := exact.ClopperPearson(t.Failed(), t.Valid(), confidence)
			share = fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*float64(t.Failed())/float64(t.Valid()), 100*low, 100*high)
		}
		fmt.Fprintf(&b, "| version %d | %s | %d |", t.Version, t.About, t.Runs)
		for _, v := range columns {
			fmt.Fprintf(&b, " %d |", t.Verdicts[v])
		}
		pairs, took := slices.Sorted(slices.Values(t.Pairs)), slices.Sorted(slices.Values(t.Took))
		fmt.Fprintf(&b, " %s | %d | %.0f s |\n", share, pairs[len(pairs)/2], took[len(took)/2])
	}
	_, err := io.WriteString(w, b.String())
	return err
}
