package words_test

import (
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
