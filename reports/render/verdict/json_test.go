package verdict

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/reports/compare"
)

// What is written is read back as it was; a bound that is infinite comes back
// as none.
func TestVerdictIsReadBack(t *testing.T) {
	for _, g := range goldens {
		want := g.make()
		dir := t.TempDir()
		if _, err := comparisonAt(want, 12).write(dir); err != nil {
			t.Fatal(err)
		}
		got, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		bounds := cmp.Comparer(func(a, b compare.Bound) bool { return a == b || a.None() && b.None() })
		empty := cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })
		if diff := cmp.Diff(want, got, bounds, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Reasons" && len(p) < 4 }, empty)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", g.name, diff)
		}
	}
}

func TestReadVerdictRefuses(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"nothing", "", "EOF"},
		{"cut short", `{"schema": 2, "findings": [`, "unexpected EOF"},
		{"of another version", `{"schema": 99}`, "schema 99"},
		{"of no version", `{}`, "no schema"},
		{"two of them", `{"schema": 2}{"schema": 2}`, "after top-level value"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, File), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.why, err, c.want)
		}
	}
	if _, err := Read(t.TempDir()); !os.IsNotExist(err) {
		t.Errorf("no file: error %v", err)
	}
}

// One figure that is not a number costs neither the others nor the verdict.
func TestVerdictWithoutANumber(t *testing.T) {
	r := regressed()
	f := &r.Findings[1]
	f.Estimate, f.Noise, f.Values[0].Base = compare.Bound(math.NaN()), math.Inf(1), math.Inf(-1)
	dir := t.TempDir()
	if _, err := comparisonAt(r, 12).write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if g := got.Findings[1]; g.Verdict != compare.Regressed || g.Reason != notANumber || !g.Estimate.None() || g.Noise != 0 || !math.IsNaN(g.Values[0].Base) || math.IsNaN(g.Values[0].Candidate) {
		t.Errorf("read back: %s, %g, because %q", g.Verdict, float64(g.Estimate), g.Reason)
	}
	if !f.Estimate.None() || !math.IsInf(f.Values[0].Base, -1) || f.Reason != "" {
		t.Error("writing changed the report")
	}
}
