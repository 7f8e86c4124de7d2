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

func TestDistinct(t *testing.T) {
	for _, c := range []struct{ names, short, keys string }{
		{"blocking|goroutine", "blocking|goroutine", ""},
		{"a name that is long alone", "a name that is long alone", ""},
		{"shop.example/v2/orders?page=1|shop.example/v2/items?page=1", "…orders…|…items…", ""},
		{"shop.example/v2/orders|shop.example/v2/orders/42", "…orders|…orders/42", ""},
		{"shop.example/v2/orders/of/a/customer|other.example/v2", "A|B", "A: shop.example/v2/orders/of/a/customer|B: other.example/v2"},
	} {
		short, keys := words.Distinct(strings.Split(c.names, "|"), 16)
		if got := strings.Join(short, "|"); got != c.short || strings.Join(keys, "|") != c.keys {
			t.Errorf("%s: %s, %q", c.names, got, keys)
		}
	}
}
