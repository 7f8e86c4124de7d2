package table_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
)

func Example() {
	t := table.New(table.Numbers("target", "ok/s", "CPU per\nserved")...)
	t.Row("blocking", "993", "61 µs")
	t.Row("goroutine", "1,986", "48 µs")
	t.Strong(1)
	fmt.Print(t)
	fmt.Print(t.Markdown())
	// Output:
	//                   CPU per
	// target      ok/s   served
	// blocking     993    61 µs
	// goroutine  1,986    48 µs
	// | target | ok/s | CPU per served |
	// |:--|--:|--:|
	// | blocking | 993 | 61 µs |
	// | goroutine | **1,986** | 48 µs |
}

func TestGroups(t *testing.T) {
	tab := table.New(table.Numbers("metric", "change")...)
	tab.Line("level=100")
	tab.Row("p99", "3 %")
	want := "  metric  change\nlevel=100\n  p99        3 %\n"
	if got := tab.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := tab.Markdown(); !strings.Contains(got, "| **level=100** |  |\n| p99 | 3 % |\n") {
		t.Error(got)
	}
}

func TestTextFromOutside(t *testing.T) {
	tab := table.New(table.Numbers("target", "x")...)
	tab.Row("a|b\nc", "\x1b[2J")
	for _, got := range []string{tab.String(), tab.Markdown()} {
		if strings.Count(got, "\n") != strings.Count(strings.TrimRight(got, "\n"), "\n")+1 || strings.Contains(got, "\x1b") {
			t.Errorf("%q", got)
		}
	}
	if got := tab.Markdown(); !strings.Contains(got, `a\|b c`) {
		t.Error(got)
	}
}

// A table that is too wide loses its spare columns, and no others.
func TestSpareColumns(t *testing.T) {
	long := strings.Repeat("x", 50)
	tab := table.New(table.Column{Head: "first"}, table.Column{Head: "b", Spare: 1}, table.Column{Head: "c", Spare: 2}, table.Column{Head: "d\ne", Spare: 2})
	tab.Row(long, long, long, long)
	text, out := tab.Text()
	if !slices.Equal(out, []string{"d e", "c"}) {
		t.Error(out)
	}
	for line := range strings.Lines(text) {
		if len(strings.TrimSpace(line)) > words.Width {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
