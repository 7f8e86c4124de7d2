package bench_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The drivers that README.md makes are those of the examples, to the letter.
func TestReadmeShowsTheExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^\tdriver, err := .*\n`).FindAllString(string(readme), -1)
	if len(shown) < 2 {
		t.Errorf("%d lines make a driver, at least 2 are wanted", len(shown))
	}
	for _, line := range shown {
		if !strings.Contains(string(examples), line) {
			t.Errorf("README.md shows\n%swhich is not in example_test.go", line)
		}
	}
}
