package sim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseStalls(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		text string
		want Stalls
	}{
		{"", nil},
		{"2s@5s", Stalls{{2 * s, 5 * s}}},
		{"500ms@0s", Stalls{{s / 2, 0}}},
		{"1s@9s,2s@5s", Stalls{{2 * s, 5 * s}, {s, 9 * s}}},
		{"2s@5s,1s@7s", Stalls{{2 * s, 5 * s}, {s, 7 * s}}},
	} {
		if got, err := ParseStalls(row.text); err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%q: got %v, %v, want %v", row.text, got, err, row.want)
		}
	}
	for _, row := range []struct{ text, want string }{
		{"2s", "LENGTH@OFFSET"},
		{"2s@", "offset"},
		{"@5s", "length"},
		{"2@5", "no duration"},
		{"0s@5s", "above 0"},
		{"-1s@5s", "above 0"},
		{"1s@-5s", "0 or above"},
		{"2s@5s,", "LENGTH@OFFSET"},
		{"2s@5s,1s@6s", "begins before 2s@5s ends"},
		{"2500000h@2500000h", "at most"},
	} {
		if got, err := ParseStalls(row.text); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: got %v, %v, want an error with %q", row.text, got, err, row.want)
		}
	}
}

func FuzzParseStalls(f *testing.F) {
	for _, text := range []string{"", "2s@5s", "1s@9s,2s@5s", "2s@", "@", ",", "1h2m3.5s@0", "-1s@1s", "9999999h@1s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ss, err := ParseStalls(text)
		if err != nil {
			return
		}
		again, err := ParseStalls(ss.String())
		if err != nil || !slices.Equal(ss, again) {
			t.Fatalf("%q is read as %v, which is read as %v, %v", text, ss, again, err)
		}
		for _, s := range ss {
			for _, due := range []time.Duration{0, s.Offset - 1, s.Offset, s.end() - 1, s.end()} {
				if got := ss.hold(due); got < due {
					t.Fatalf("%v: an answer due at %v comes before that, at %v", ss, due, got)
				}
			}
		}
	})
}
