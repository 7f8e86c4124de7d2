package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/sweep"
)

// What nobody knows of has a column of its own, and is said of no other stage.
func TestUnknownIsNotLost(t *testing.T) {
	text := func(unknown int64) string {
		stages := queueStages()
		for _, s := range stages {
			if s.Completion != nil {
				s.Completion.Unknown += unknown
				s.Completion.Accepted += unknown
			}
		}
		var b bytes.Buffer
		for _, w := range sweep.Of(stages) {
			b.WriteString(accounts(&w))
			b.WriteString(after(w.Points))
		}
		for _, c := range laterCounts() {
			if c.known == nil || c.known(sweep.Point{Stage: stages[1]}) {
				b.WriteString(" [" + c.head[1] + " " + c.cell(sweep.Point{Stage: stages[1]}) + "]")
			}
		}
		return b.String()
	}
	if got := text(0); strings.Contains(got, "unknown") || strings.Contains(got, "nobody knows") {
		t.Errorf("nothing is unknown: %s", got)
	}
	got := text(7)
	for _, want := range []string{"[unknown 7]", ", unknown "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "loses") {
		t.Error(got)
	}
}
