package calibrate

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

const confidence = 0.95

// Tally is how the runs of one kind ended, by one version of the rules.
type Tally struct {
	Version                                                            int
	About                                                              string
	Runs                                                               int
	Regressed, Unstable, Minor, Equal, Improved, Inconclusive, Invalid int
	Pairs                                                              []int
	Took                                                               []float64
}

// Tallies counts the runs by version and by what was planted, first those with
// nothing.
func Tallies(all []Outcome) []Tally {
	kinds := []string{""}
	for _, p := range Plants {
		kinds = append(kinds, p.Flags)
	}
	var versions []int
	for _, o := range all {
		versions = append(versions, o.Version)
	}
	slices.Sort(versions)
	var out []Tally
	for _, version := range slices.Compact(versions) {
		for _, kind := range kinds {
			if t := tally(all, version, kind); t.Runs > 0 {
				out = append(out, t)
			}
		}
	}
	return out
}

func tally(all []Outcome, version int, kind string) Tally {
	t := Tally{Version: version, About: "nothing: the source against itself"}
	for _, p := range Plants {
		if p.Flags == kind {
			t.About = p.About
		}
	}
	for _, o := range all {
		if o.Plant != kind || o.Version != version {
			continue
		}
		t.Runs++
		t.Pairs = append(t.Pairs, o.Pairs)
		t.Took = append(t.Took, o.Took)
		switch o.Verdict {
		case compare.Regressed:
			t.Regressed++
		case compare.Unstable:
			t.Unstable++
		case compare.Minor:
			t.Minor++
		case compare.Equal:
			t.Equal++
		case compare.Improved:
			t.Improved++
		case compare.Inconclusive:
			t.Inconclusive++
		default:
			t.Invalid++
		}
	}
	return t
}

// Valid is the number of runs that gave a verdict, cannot tell included.
func (t Tally) Valid() int { return t.Runs - t.Invalid }

// Failed is the number of runs that would have failed a build.
func (t Tally) Failed() int { return t.Regressed + t.Unstable }

// Markdown writes the tallies as a table, with exact intervals of the share of
// valid runs that would have failed a build.
func Markdown(w io.Writer, all []Outcome) error {
	var b strings.Builder
	b.WriteString("| rules | planted | runs | regressed | unstable | minor | equal | improved | cannot tell | not valid | share that failed (95 % interval) | pairs, median | time, median |\n")
	b.WriteString("|--:|:--|--:|--:|--:|--:|--:|--:|--:|--:|:--|--:|--:|\n")
	for _, t := range Tallies(all) {
		share := "–"
		if t.Valid() > 0 {
			low, high := exact.ClopperPearson(t.Failed(), t.Valid(), confidence)
			share = fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*float64(t.Failed())/float64(t.Valid()), 100*low, 100*high)
		}
		pairs, took := slices.Sorted(slices.Values(t.Pairs)), slices.Sorted(slices.Values(t.Took))
		fmt.Fprintf(&b, "| version %d | %s | %d | %d | %d | %d | %d | %d | %d | %d | %s | %d | %.0f s |\n",
			t.Version, t.About, t.Runs, t.Regressed, t.Unstable, t.Minor, t.Equal, t.Improved, t.Inconclusive, t.Invalid, share, pairs[len(pairs)/2], took[len(took)/2])
	}
	_, err := io.WriteString(w, b.String())
	return err
}
