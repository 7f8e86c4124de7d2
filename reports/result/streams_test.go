package result_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/result"
)

// streams are n streams of four events each, of which two came together.
func streams(n int, gap time.Duration) *result.Streams {
	s := result.NewStreams()
	for range n {
		s.FirstEvent.Record(10 * gap)
		s.Gap.Record(gap)
		s.Gap.Record(0)
		s.Gap.Record(2 * gap)
		s.MedianGap.Record(gap)
		s.Length.Record(90 * time.Minute)
		s.Events += 4
		s.Together++
		s.InWindow += 3
	}
	s.EndedEarly = 2
	return s
}

func streamStage() *result.Stage {
	s := slicedStage()
	s.Streams = streams(30, 20*time.Millisecond)
	s.Undisturbed.Streams = s.Streams.Without(streams(10, 20*time.Millisecond))
	s.Slices[0].Streams = streams(10, 20*time.Millisecond).Part()
	s.Slices[1].Streams = result.NewStreamPart()
	return s
}

func TestStreamsAreStored(t *testing.T) {
	b, err := json.Marshal(streamStage())
	if err != nil {
		t.Fatal(err)
	}
	var got result.Stage
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), string(again)); diff != "" {
		t.Errorf("writing what was read differs (-first +second):\n%s", diff)
	}
	if u := got.Shown().Streams; u.Events != 80 || u.Gap.N() != 60 || u.Length.Quantile(0.5).Round(time.Minute) != 90*time.Minute || u.Length.Over() != 0 {
		t.Errorf("%d events, %d gaps and a median length of %v are shown, want 80, 60 and 90 minutes", u.Events, u.Gap.N(), u.Length.Quantile(0.5))
	}
	line := string(b)
	_, shown, _ := strings.Cut(line, `"undisturbed"`)
	for _, row := range []struct{ from, to, want string }{
		{`"events":120`, `"events":121`, "events is 121"},
		{`"together":30`, `"together":91`, "together is 91"},
		{`"ended_early":2`, `"ended_early":-2`, "streams.ended_early is -2"},
		{`"ended_early":2`, `"ended_early":9999`, "9999 ended early"},
		{`"median_gap_ns":{"n":30`, `"median_gap_ns":{"n":31`, "n=31"},
		{`"median_gap_ns"`, `"median_ns"`, `"median_gap_ns" is missing`},
		{partOf(t, []byte(partOf(t, b, "streams")), "length_ns"), partOf(t, []byte(partOf(t, b, "streams")), "first_event_ns"), "it is of 1000 to"},
		{partOf(t, []byte(partOf(t, b, "streams")), "gap_ns"), `null`, "gap_ns is null"},
		{partOf(t, b, "latency_ns"), partOf(t, []byte(partOf(t, b, "streams")), "length_ns"), "latency_ns: histogram: it is of 1000000 to"},
		{shown, strings.Replace(shown, `"events":80`, `"events":81`, 1), "events is 81"},
		{shown, strings.Replace(shown, `"in_window":30`, `"in_window":91`, 1), "91 events in the window"},
		{shown, strings.Replace(shown, `"in_window":0,"ended_early":0`, `"in_window":0,"ended_early":1`, 1), "3 that ended early"},
		{shown, strings.Replace(shown, `"in_window":30,"ended_early":2`, `"in_window":-30,"ended_early":2`, 1), "slices.1.streams.in_window is -30"},
		{shown, strings.Replace(shown, `"streams":{"first_event_ns":{"n":0`, `"streams":{"first":{"n":0`, 1), "slices.2: streams: a histogram is missing"},
	} {
		var s result.Stage
		if bad := strings.Replace(line, row.from, row.to, 1); bad == line {
			t.Errorf("the line lacks %.80s", row.from)
		} else if err := json.Unmarshal([]byte(bad), &s); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("with %.80s: %v, want %q", row.to, err, row.want)
		}
	}
}

// What repeats or several generators counted is what one counts, and what is left of all
// without a part is the rest.
func TestStreamsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, gap := rapid.IntRange(0, 9), rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "gap"))
		})
		var parts []*result.Stage
		all := result.NewStreams()
		for range rapid.IntRange(2, 4).Draw(t, "parts") {
			s := result.NewStage()
			if rapid.Bool().Draw(t, "streams") {
				s.Streams = streams(n.Draw(t, "n"), gap.Draw(t, "gap"))
				all.Merge(s.Streams)
			}
			parts = append(parts, s)
		}
		text := func(s *result.Streams) string {
			of := []result.Summary{s.FirstEvent.Summary(), s.Gap.Summary(), s.MedianGap.Summary(), s.Length.Summary()}
			return fmt.Sprint(of, s.Gap.Sum(), s.Events, s.Together, s.InWindow, s.EndedEarly)
		}
		for name, got := range map[string]*result.Stage{"merged": result.Merge(parts), "together": result.Together(slices.Values(parts))} {
			if got.Streams == nil {
				got.Streams = result.NewStreams()
			}
			if diff := cmp.Diff(text(all), text(got.Streams)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		part := streams(n.Draw(t, "left out"), gap.Draw(t, "gap"))
		with := result.NewStreams()
		with.Merge(all)
		with.Merge(part)
		if diff := cmp.Diff(text(all), text(with.Without(part))); diff != "" {
			t.Error(diff)
		}
	})
}

// Metrics of streams are of the undisturbed part, and say why they have no value.
func TestMetricsOfStreams(t *testing.T) {
	all, none, kind := streamStage(), slicedStage(), slicedStage()
	kind.Settings = kind.Settings.With(result.KeyStream, "sse")
	together := streamStage()
	together.Undisturbed.Streams.Gap = result.NewHist()
	for range 200 {
		together.Undisturbed.Streams.Gap.Record(0)
	}
	for _, c := range []struct {
		stage        *result.Stage
		name, want   string
		reasonPrefix string
	}{
		{all, "first-event-p50", "200 ms", ""},
		{all, "gap-p50", "20 ms", ""},
		{all, "median-gap-p50", "20 ms", ""},
		{all, "in-one-read", "25 %", ""},
		{together, "gap-p99", "0", ""},
		{all, "median-gap-p99.99", "–", "20 samples are too few"},
		{none, "gap-p99", "–", "the replies are no streams"},
		{kind, "gap-p99", "–", "no stream had an event"},
	} {
		m, ok := result.MetricNamed(c.name)
		if !ok {
			t.Fatalf("there is no metric %s", c.name)
		}
		if got, reason := m.Cell(c.stage), m.Read(c.stage).Reason; strings.Trim(got, "~") != c.want || !strings.HasPrefix(reason, c.reasonPrefix) {
			t.Errorf("%s is %q (%s), want %q (%s)", c.name, got, reason, c.want, c.reasonPrefix)
		}
	}
}

// Parts add up to what they are parts of, joined as slices and taken away again.
func TestPartsOfStreamsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(p *result.StreamPart) string {
			if p == nil {
				return "none"
			}
			return fmt.Sprint(p.FirstEvent.Hist().Summary(), p.Gap.Hist().Summary(), p.Gap.Sum(), p.InWindow, p.EndedEarly)
		}
		want, back := result.NewStreams(), result.NewStreams()
		var joined result.Slice
		joined.Latency = new(result.Sparse)
		var parts []*result.StreamPart
		some := false
		for range rapid.IntRange(1, 5).Draw(t, "slices") {
			slice := result.Slice{Latency: new(result.Sparse)}
			if rapid.Bool().Draw(t, "streams") {
				some = true
				s := streams(rapid.IntRange(0, 9).Draw(t, "n"), time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "gap")))
				want.Merge(s)
				slice.Streams = s.Part()
				slice.Streams.AddTo(back)
			}
			joined = joined.Join(slice)
			parts = append(parts, slice.Streams)
		}
		if !some {
			if joined.Streams != nil {
				t.Fatalf("slices without streams are joined to %s", text(joined.Streams))
			}
			return
		}
		for name, got := range map[string]*result.StreamPart{"joined": joined.Streams, "added": back.Part()} {
			if diff := cmp.Diff(text(want.Part()), text(got)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		left := joined.Streams
		for _, p := range parts {
			left = left.Minus(p)
		}
		if diff := cmp.Diff(text(result.NewStreamPart()), text(left)); diff != "" {
			t.Errorf("left: %s", diff)
		}
	})
}
