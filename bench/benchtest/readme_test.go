package benchtest_test

import (
	"os"
	"strings"
	"testing"
)

// The benchmark that README.md shows is the example's, to the letter.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```go\n")
	shown, _, _ := strings.Cut(rest, "```")
	if !ok || !strings.Contains(string(example), shown) {
		t.Errorf("README.md shows\n%s\nwhich is not in example_test.go", shown)
	}
}
