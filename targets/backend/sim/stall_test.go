package sim

import (
	"strings"
	"testing"
	"time"
)

func TestParseStall(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		text string
		want Stall
	}{
		{"", Stall{}},
		{"2s@5s", Stall{2 * s, 5 * s}},
		{"500ms@0s", Stall{s / 2, 0}},
	} {
		if got, err := ParseStall(row.text); err != nil || got != row.want {
			t.Errorf("%q: got %v, %v, want %v", row.text, got, err, row.want)
		}
	}
	for _, text := range []string{"2s", "2s@", "@5s", "@", "2@5", "0s@5s", "0s@0s", "-1s@5s", "1s@-5s", "2s@5s,", "2s@5s,1s@7s", "2500000h@2500000h"} {
		if got, err := ParseStall(text); err == nil || !strings.Contains(err.Error(), "LENGTH@OFFSET, such as 2s@5s") {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func FuzzParseStall(f *testing.F) {
	for _, text := range []string{"", "2s@5s", "2s@", "@", ",", "1h2m3.5s@0", "-1s@1s", "9999999h@1s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseStall(text)
		if err != nil {
			return
		}
		if again, err := ParseStall(s.String()); err != nil || s != again {
			t.Fatalf("%q is read as %v, which is read as %v, %v", text, s, again, err)
		}
		end := s.Offset + s.Length
		for _, due := range []time.Duration{0, s.Offset - 1, s.Offset, end - 1, end} {
			if got := s.hold(due); got < due {
				t.Fatalf("%v: an answer due at %v comes before that, at %v", s, due, got)
			}
		}
	})
}
