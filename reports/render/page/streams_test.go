package page_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

// A run of streams says how their events came, and explains its words.
func TestStreams(t *testing.T) {
	var b bytes.Buffer
	if err := page.Text(&b, result.Run{}, sweeptest.Streamed()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"events/s", "first event", "median gap", "ended early: the server"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	plain := sweeptest.Streamed()
	for _, s := range plain {
		s.Streams = nil
	}
	b.Reset()
	if err := page.Text(&b, result.Run{}, plain); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "events/s") {
		t.Errorf("no stage has streams:\n%s", b.String())
	}
}
