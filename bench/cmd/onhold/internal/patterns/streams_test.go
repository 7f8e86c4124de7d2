package patterns

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/stream"
)

// followedStage has waves of 1,000 followers: with their first events at once and later,
// and rejected ones.
func followedStage(waves, atOnce, later, rejected int64) *result.Stage {
	s := result.NewStage()
	s.Streams = result.NewStreams()
	s.Counts[result.OK], s.Counts[result.Rejected] = waves*(atOnce+later), waves*rejected
	for range waves * atOnce {
		s.Streams.FirstEvent.Record(wait + 50*time.Millisecond)
	}
	for range waves * later {
		s.Streams.FirstEvent.Record(wait + streamLength + 100*time.Millisecond)
	}
	s.Target.ThreadsMax, s.Target.RSSMax = 12, 30<<20
	return s
}

// The fates add up to one wave, and what holds the streams is shown of servers that hold
// them all.
func TestFollowedPattern(t *testing.T) {
	for _, waves := range []int64{1, 3} {
		pool := followed{holder: stream.Blocking, stage: followedStage(waves, 200, 100, 700), idle: 1}
		p := followedPattern([]followed{
			pool,
			{holder: stream.Blocking, stage: followedStage(waves, 1000, 0, 0), idle: 10 << 20},
			{holder: stream.EventLoop, stage: followedStage(waves, 998, 2, 0), idle: 30 << 20},
		})
		var rows []string
		for _, panel := range p.Panels {
			for _, b := range panel.Bars {
				rows = append(rows, b.Label+" "+b.Unit.Text(float64(b.Value))+" "+b.Text)
			}
		}
		if got, want := strings.Join(rows, "; "), "blocking 200 ; blocking, later 100 100, after 1.1 s; rejected 700 ; eventloop 998 ; eventloop, later 2 2, after 1.1 s; "+
			"blocking 12 ; eventloop 12 ; blocking 20.5 KiB "; got != want {
			t.Errorf("%d waves: %s\nwant %s", waves, got, want)
		}
		if want := "200 threads serve 200, let 100 wait 1.1 s and reject 700; an event loop serves 998"; !strings.Contains(p.Finding, want) {
			t.Errorf("%d waves: %s", waves, p.Finding)
		}
	}
	// Nothing came: nothing is claimed.
	none := followed{holder: stream.Blocking, stage: result.NewStage()}
	if p := followedPattern([]followed{none, none}); len(p.Panels) != 1 || len(p.Panels[0].Bars) != 0 {
		t.Errorf("%+v", p.Panels)
	}
}
