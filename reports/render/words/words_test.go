package words_test

import (
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/words"
)

func TestShorten(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"abcdefghij", "abcdefghij"},
		{"abcdefghijk", "abcd…ghijk"},
		{"äbcdefghij", "äbcdefghij"}, // characters, not bytes
	} {
		if got := words.Shorten(c.text, 10); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestParagraph(t *testing.T) {
	got := words.Paragraph(strings.Repeat("12345 ", 19)+"123 95 % of all", "  ")
	want := "  " + strings.Repeat("12345 ", 19) + "123\n    95 % of all\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if n := len(line) - 1; n > words.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
