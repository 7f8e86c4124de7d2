package render

import (
	"bytes"
	"strings"
	"testing"
)

// What nobody knows of has a column of its own, and is said of no other stage.
func TestUnknownIsNotLost(t *testing.T) {
	text := func(unknown int64) string {
		stages := queueStages()
		for _, s := range stages {
			if s.Queue != nil {
				s.Queue.Unknown += unknown
				s.Queue.Accepted += unknown
			}
		}
		var b bytes.Buffer
		for _, w := range sweepsOf(stages) {
			b.WriteString(accounts(&w))
			b.WriteString(after(w.points))
		}
		for _, c := range laterCounts() {
			if c.known == nil || c.known(point{stage: stages[1]}) {
				b.WriteString(" [" + c.head[1] + " " + c.cell(point{stage: stages[1]}) + "]")
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
