package compare_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"

	"gonum.org/v1/plot/cmpimg"
)

var number = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// inReadme compares text with what the README has between two comments with
// that name; -regen writes it there. Words are to be the same. Numbers may
// differ by 2: where another processor rounds differently, a few of some
// hundred decisions may fall out differently too.
func inReadme(t *testing.T, name, want string) {
	t.Helper()
	path := "README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n)(.*?)(<!-- /` + name + ` -->\n)`).FindSubmatchIndex(readme)
	if block == nil {
		t.Fatalf("the README has no part between <!-- %[1]s --> and <!-- /%[1]s -->", name)
	}
	from, to := block[4], block[5]
	if *cmpimg.GenerateTestData {
		if err := os.WriteFile(path, []byte(string(readme[:from])+want+string(readme[to:])), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, same := string(readme[from:to]), sameText
	if !inFull() {
		same = sameWords // of fewer comparisons
	}
	if !same(got, want) {
		t.Errorf("the README has\n%s\nand what was measured is\n%s\n-regen writes it again", got, want)
	}
}

// sameWords reports whether texts differ in their numbers only.
func sameWords(a, b string) bool {
	return number.ReplaceAllString(a, "0") == number.ReplaceAllString(b, "0")
}

// sameText reports whether texts differ in their numbers only, and those by 2
// at most.
func sameText(a, b string) bool {
	x, y := number.FindAllString(a, -1), number.FindAllString(b, -1)
	if number.ReplaceAllString(a, "0") != number.ReplaceAllString(b, "0") {
		return false
	}
	for i := range x {
		u, _ := strconv.ParseFloat(x[i], 64)
		v, _ := strconv.ParseFloat(y[i], 64)
		if math.Abs(u-v) > 2 {
			return false
		}
	}
	return true
}

func TestSameText(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"| 98 % | 22 |", "| 97 % | 24 |", true},
		{"| 98 % | 22 |", "| 95 % | 22 |", false},
		{"98 %", "98 %, nearly", false},
		{"3 of 2000", "3 of 1000", false},
	} {
		if got := sameText(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}
