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

// published is the record that the README quotes.
const published = "../../../../../reports/example/calibration/" + RunsFile

// countsFile is what verdicts say about the runs on record.
const countsFile = "../../../../../reports/compare/calibration.json"

var regen = flag.Bool("regen", false, "write the README's table of live runs, and "+countsFile+", from the record")

// What the README says of live runs is what is on record, of each version of the
// rules, and so is what every verdict says of them: of the version of today, and
// nothing where there is no run by it.
func TestPublished(t *testing.T) {
	all, err := Read(published)
	if err != nil {
		t.Fatal(err)
	}
	table := Markdown(all)
	version := 0
	for _, r := range all {
		version = max(version, r.Version)
	}
	want, _ := Count(all, version)
	const path = "../../../../../reports/compare/README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), "<!-- live -->\n")
	written, after, closed := strings.Cut(rest, "<!-- /live -->")
	if !ok || !closed {
		t.Fatal("the README has no part between <!-- live --> and <!-- /live -->")
	}
	if *regen {
		if err := os.WriteFile(path, []byte(before+"<!-- live -->\n"+table+"<!-- /live -->"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(countsFile, append(line, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return // what is embedded is that of before
	}
	if strings.TrimSpace(written) != strings.TrimSpace(table) {
		t.Errorf("the README has\n%s\nand on record is\n%s", written, table)
	}
	var kept compare.Calibration
	if text, err := os.ReadFile(countsFile); err != nil || json.Unmarshal(text, &kept) != nil || kept != want {
		t.Errorf("%s has %+v, and on record is %+v", countsFile, kept, want)
	}
	got, ok := compare.Calibrated()
	if counted := version == compare.Version && want.Identical.Runs > 0 && want.Injected.Runs > 0; ok != counted {
		t.Errorf("verdicts state error rates: %v, and there are runs of version %d: %v", ok, compare.Version, counted)
	} else if got.Identical.Upper, got.Injected.Upper = 0, 0; ok && got != want {
		t.Errorf("verdicts state %+v, and on record is %+v", got, want)
	}
}

// The two kinds take turns, so that what drifts on the machine meets both.
func TestOrder(t *testing.T) {
	for _, c := range []struct{ identical, injected int }{{0, 0}, {1, 1}, {40, 20}, {7, 4}, {0, 3}, {5, 0}} {
		all := order(c.identical, c.injected)
		n := map[string]int{}
		for _, injection := range all {
			n[injection.Name]++
		}
		if len(all) != c.identical+c.injected || n[""] != c.identical {
			t.Errorf("%+v: %q", c, all)
		}
		if a, b := n[Injections[0].Name], n[Injections[1].Name]; a-b < 0 || a-b > 1 {
			t.Errorf("%+v: %d and %d of the injections", c, a, b)
		}
	}
	if all := order(4, 2); !slices.Equal(all, []Injection{none, none, Injections[0], none, none, Injections[1]}) {
		t.Errorf("%q", all)
	}
}

func TestTallies(t *testing.T) {
	all := []Run{
		{Verdict: compare.Equal, Pairs: 14, Took: 60}, {Verdict: compare.Regressed, Pairs: 20, Took: 90}, {Verdict: compare.Invalid},
		{Injected: Injections[1].Name, Verdict: compare.Regressed, Pairs: 14, Took: 70}, {Injected: Injections[1].Name, Verdict: compare.Minor, Pairs: 48, Took: 200},
	}
	all = append(all, Run{Version: 2, Verdict: compare.Unstable, Pairs: 14, Took: 60})
	got := Tallies(all)
	if len(got) == 3 && got[2].Version == 2 && got[2].Verdicts[compare.Unstable] == 1 && got[2].Failed() == 1 {
		got = got[:2]
	}
	if len(got) != 2 || got[0].Runs != 3 || got[0].Verdicts[compare.Regressed] != 1 || got[0].Verdicts[compare.Equal] != 1 || got[0].Verdicts[compare.Invalid] != 1 || got[0].Valid() != 2 || got[1].Verdicts[compare.Minor] != 1 || got[1].About != Injections[1].About {
		t.Errorf("%+v", got)
	}
	if text := Markdown(all); !strings.Contains(text, "| version 0 | nothing: the source against itself | 3 | 1 | 0 | 0 | 1 | 0 | 0 | 1 | 50.0 % (1.3 to 98.7) |") {
		t.Error(text)
	}
	// The record is read as it is written, and a line that is none is an error.
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
func TestClone(t *testing.T) {
	dir, commit, err := clone(t.Context(), "../../../../..")
	if err != nil {
		t.Skip("not in a git checkout:", err)
	}
	defer dir.Remove()
	tree := filepath.Join(dir.Path, treeFolder)
	if len(commit) != 40 {
		t.Errorf("commit %q", commit)
	}
	if b, err := os.ReadFile(filepath.Join(tree, flagsFile)); err != nil || strings.TrimSpace(string(b)) != "" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(tree, "go.mod")); err != nil {
		t.Error(err)
	}
}
