package calibrate

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// published is the record that the README tells of.
const published = "../../../../../reports/example/proof/" + RunsFile

// proofFile is what verdicts say of the runs on record.
const proofFile = "../../../../../reports/compare/proof.json"

var regen = flag.Bool("regen", false, "write the README's table of live runs, and "+proofFile+", from the record")

// What the README says of live runs is what is on record, of each version of the
// rules, and so is what every verdict says of them: of the version of today, and
// nothing where there is no run by it.
func TestPublished(t *testing.T) {
	all, err := Read(published)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := Markdown(&table, all); err != nil {
		t.Fatal(err)
	}
	var want compare.LiveProof
	for _, o := range all {
		want.Version = max(want.Version, o.Version)
	}
	for _, o := range all {
		if o.Version != want.Version || o.Verdict == compare.Invalid {
			continue
		}
		failed := o.Verdict.ExitCode() == compare.ExitRegressed
		if o.Plant == "" {
			want.Same.Runs++
			if failed {
				want.Same.Count++
			}
			continue
		}
		want.Planted.Runs++
		if !failed {
			want.Planted.Count++
		}
	}
	const path = "../../../../../README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), "<!-- live -->\n")
	told, after, closed := strings.Cut(rest, "<!-- /live -->")
	if !ok || !closed {
		t.Fatal("the README has no part between <!-- live --> and <!-- /live -->")
	}
	if *regen {
		if err := os.WriteFile(path, []byte(before+"<!-- live -->\n"+table.String()+"<!-- /live -->"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(struct {
			Version int            `json:"gate_version"`
			Same    map[string]int `json:"same"`
			Planted map[string]int `json:"planted"`
		}{want.Version, map[string]int{"runs": want.Same.Runs, "count": want.Same.Count}, map[string]int{"runs": want.Planted.Runs, "count": want.Planted.Count}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(proofFile, append(line, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return // what is embedded is that of before
	}
	if strings.TrimSpace(told) != strings.TrimSpace(table.String()) {
		t.Errorf("the README tells\n%s\nand on record is\n%s", told, table.String())
	}
	var kept compare.LiveProof
	if text, err := os.ReadFile(proofFile); err != nil || json.Unmarshal(text, &kept) != nil || kept != want {
		t.Errorf("%s has %+v, and on record is %+v", proofFile, kept, want)
	}
	got, ok := compare.Measured()
	if proven := want.Version == compare.Version && want.Same.Runs > 0 && want.Planted.Runs > 0; ok != proven {
		t.Errorf("verdicts tell of live runs: %v, and there are some of version %d: %v", ok, compare.Version, proven)
	} else if got.Same.Upper, got.Planted.Upper = 0, 0; ok && got != want {
		t.Errorf("verdicts tell %+v, and on record is %+v", got, want)
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
	all = append(all, Outcome{Version: 2, Verdict: compare.Unstable, Pairs: 14, Took: 60})
	got := Tallies(all)
	if len(got) == 3 && got[2].Version == 2 && got[2].Unstable == 1 && got[2].Failed() == 1 {
		got = got[:2]
	}
	if len(got) != 2 || got[0].Runs != 3 || got[0].Regressed != 1 || got[0].Equal != 1 || got[0].Invalid != 1 || got[0].Valid() != 2 || got[1].Minor != 1 || got[1].About != Plants[1].About {
		t.Errorf("%+v", got)
	}
	var b strings.Builder
	if err := Markdown(&b, all); err != nil || !strings.Contains(b.String(), "| version 0 | nothing: the source against itself | 3 | 1 | 0 | 0 | 1 | 0 | 0 | 1 | 50.0 % (1.3 to 98.7) |") {
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
	own, commit, err := cloned(t.Context(), "../../../../..")
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
