package page_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

// A request whose end is unknown is not lost. Unknown ones have a column of their
// own, which other runs do not have.
func TestUnknownIsNotLost(t *testing.T) {
	text := func(unknown int64) string {
		stages := sweeptest.Queued()
		for _, s := range stages {
			if s.Completion != nil {
				s.Completion.Unknown += unknown
				s.Completion.Accepted += unknown
			}
		}
		var b bytes.Buffer
		if err := page.Text(&b, result.Run{}, stages); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := text(0); strings.Contains(got, "unknown") {
		t.Errorf("nothing is unknown: %s", got)
	}
	got := text(7)
	for _, want := range []string{"of them is unknown", " unknown ", ", unknown 35,"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "loses") {
		t.Error(got)
	}
}
