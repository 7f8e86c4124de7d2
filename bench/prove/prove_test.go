package prove

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// published is the record that the README tells of.
const published = "../../reports/example/proof/" + RunsFile

// What the README says of live runs is what is on record, and so is what every
// verdict says of them.
func TestPublished(t *testing.T) {
	all, err := Read(published)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := Markdown(&table, all); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "<!-- live -->\n")
	told, _, _ := strings.Cut(rest, "<!-- /live -->")
	if !ok || strings.TrimSpace(told) != strings.TrimSpace(table.String()) {
		t.Errorf("the README tells\n%s\nand on record is\n%s", told, table.String())
	}
	var want compare.LiveProof
	for _, o := range all {
		if o.Version != compare.Version || o.Verdict == compare.Invalid {
			continue
		}
		if o.Plant == "" {
			want.Same.Runs++
			if o.Verdict == compare.Regressed {
				want.Same.Count++
			}
			continue
		}
		want.Planted.Runs++
		if o.Verdict != compare.Regressed {
			want.Planted.Count++
		}
	}
	got, ok := compare.Measured()
	got.Same.Upper, got.Planted.Upper = 0, 0
	want.Version = compare.Version
	if !ok || got != want {
		t.Errorf("verdicts tell %+v (%v), and on record is %+v", got, ok, want)
	}
}

// The two kinds take turns, so that what drifts on the machine meets both.
func TestOrder(t *testing.T) {
	for _, c := range []struct{ same, planted int }{{0, 0}, {1, 1}, {40, 20}, {7, 4}, {0, 3}, {5, 0}} {
		plants := order(c.same, c.planted)
		n := map[string]int{}
		for _, p := range plants {
			n[p]++
		}
		if len(plants) != c.same+c.planted || n[""] != c.same {
			t.Errorf("%+v: %q", c, plants)
		}
		if a, b := n[Plants[0].Flags], n[Plants[1].Flags]; a-b < 0 || a-b > 1 {
			t.Errorf("%+v: %d and %d of the plants", c, a, b)
		}
	}
	if plants := order(4, 2); !slices.Equal(plants, []string{"", "", Plants[0].Flags, "", "", Plants[1].Flags}) {
		t.Errorf("%q", plants)
	}
}

func TestTallies(t *testing.T) {
	all := []Outcome{
		{Verdict: compare.Equal, Pairs: 14, Took: 60}, {Verdict: compare.Regressed, Pairs: 20, Took: 90}, {Verdict: compare.Invalid},
		{Plant: Plants[1].Flags, Verdict: compare.Regressed, Pairs: 14, Took: 70}, {Plant: Plants[1].Flags, Verdict: compare.Minor, Pairs: 48, Took: 200},
	}
	got := Tallies(all)
	if len(got) != 2 || got[0].Runs != 3 || got[0].Regressed != 1 || got[0].Equal != 1 || got[0].Invalid != 1 || got[0].Valid() != 2 || got[1].Minor != 1 || got[1].About != Plants[1].About {
		t.Errorf("%+v", got)
	}
	var b strings.Builder
	if err := Markdown(&b, all); err != nil || !strings.Contains(b.String(), "| 3 | 1 | 0 | 1 | 0 | 0 | 1 | 50.0 % (1.3 to 98.7) |") {
		t.Errorf("%v\n%s", err, b.String())
	}
	// The record is read as it is written, and a line that is none is told.
	path := filepath.Join(t.TempDir(), RunsFile)
	line, err := json.Marshal(all[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(line, "\nno run\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if read, err := Read(path); len(read) != 1 || err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%d runs, %v", len(read), err)
	}
}

// The clone holds what is committed and a file of flags, nothing else.
func TestCloned(t *testing.T) {
	own, commit, err := cloned(t.Context(), "../..")
	if err != nil {
		t.Skip("not in a git checkout:", err)
	}
	defer own.Remove()
	tree := filepath.Join(own.Path, treeFolder)
	if len(commit) != 40 {
		t.Errorf("commit %q", commit)
	}
	if b, err := os.ReadFile(filepath.Join(tree, plantFile)); err != nil || strings.TrimSpace(string(b)) != "" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(tree, "go.mod")); err != nil {
		t.Error(err)
	}
}
