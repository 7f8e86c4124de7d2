package benchlist

import (
	"strings"
	"testing"
)

func TestTopLevel(t *testing.T) {
	names := []string{"BenchmarkX", "BenchmarkY", "BenchmarkZ/D"}
	for expression, want := range map[string]string{
		".":           "XYZ",
		"X":           "X",
		"X/p":         "X",
		"X/p|Y/q":     "XY", // X/p, or Y/q: not X, then p|Y
		"p/X|Y":       "Y",
		"(X/p|Y)":     "Y", // brackets keep it together
		"X[/]p|[|]|Y": "Y",
		`Z\/D`:        "Z", // a slash that is meant
		`X\|Y`:        "",
		"":            "XYZ",
		"/p":          "XYZ",
		"X|":          "XYZ", // nothing takes all
		"[]]|Y":       "Y",
	} {
		takes, err := TopLevel(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var got strings.Builder
		for _, name := range names {
			if takes(name) {
				got.WriteString(name[len("Benchmark"):][:1])
			}
		}
		if got.String() != want {
			t.Errorf("%s takes %q, want %q", expression, got.String(), want)
		}
	}
	for _, bad := range []string{"(", "A/(", "A|B/[", "A|*"} {
		if _, err := TopLevel(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
