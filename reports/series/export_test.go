package series_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

// points are three seconds of a stage, and their total.
func points() (all []series.Point, total *result.Hist) {
	r := rand.New(rand.NewPCG(5, 6))
	total = result.NewHist()
	for i := range 3 {
		p := series.Point{
			Target: "http://127.0.0.1/a,b", Load: "poisson", Level: 100, Repeat: 2, Attempt: 1, Length: time.Second, Offset: time.Duration(i) * time.Second,
			Time: time.UnixMilli(1_800_000_000_250 + 1000*int64(i+1)), Latency: new(result.Sparse), Lag: new(result.Sparse), Last: i == 2,
		}
		for range 1000 {
			d := time.Duration(r.ExpFloat64() * float64(20*time.Millisecond))
			p.Latency.Record(d)
			total.Record(d)
			p.Counts[result.OK]++
		}
		all = append(all, p)
	}
	return all, total
}

// Other programs read the interval log, and its histograms merge to that of the stage.
func TestHLogMergesToTheTotal(t *testing.T) {
	all, total := points()
	var b bytes.Buffer
	write := series.HLog(&b)
	for _, p := range all {
		if err := write(p); err != nil {
			t.Fatal(err)
		}
	}
	merged := hdrhistogram.New(1000, int64(time.Minute), 3)
	reader := hdrhistogram.NewHistogramLogReader(&b)
	for n := 0; ; n++ {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			if n != len(all) {
				t.Errorf("read %d intervals, want %d", n, len(all))
			}
			break
		}
		if h.Tag() != "http://127.0.0.1/a_b@100/2" || h.EndTimeMs()-h.StartTimeMs() != 1000 {
			t.Errorf("interval %d: tag %q from %d to %d ms", n, h.Tag(), h.StartTimeMs(), h.EndTimeMs())
		}
		if dropped := merged.Merge(h); dropped > 0 {
			t.Errorf("%d values dropped", dropped)
		}
	}
	text, err := merged.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if want, _ := total.Encode(); err != nil || string(text) != want {
		t.Errorf("merged: n = %d, p99 %d; want n = %d, p99 %d", merged.TotalCount(), merged.ValueAtPercentile(99), total.N(), total.Quantile(0.99))
	}
}

// Of streams the interval log has first events and gaps, with tags of their own; of other
// replies it has no more than before.
func TestHLogOfStreams(t *testing.T) {
	all, _ := points()
	plain := logged(t, all[0])
	all[0].Streams = result.NewStreamPart()
	all[0].Streams.FirstEvent.Record(20 * time.Millisecond)
	all[0].Streams.Gap.Record(5 * time.Millisecond)
	text := logged(t, all[0])
	if !strings.HasPrefix(text, plain) || strings.Contains(plain, "+gap") {
		t.Errorf("latencies are written as\n%s, want\n%s", text, plain)
	}
	reader := hdrhistogram.NewHistogramLogReader(strings.NewReader(text))
	for _, want := range []struct {
		tag string
		n   int64
		max time.Duration
	}{{"http://127.0.0.1/a_b@100/2", 1000, 0}, {"http://127.0.0.1/a_b@100/2+first-event", 1, 20 * time.Millisecond}, {"http://127.0.0.1/a_b@100/2+gap", 1, 5 * time.Millisecond}} {
		h, err := reader.NextIntervalHistogram()
		if err != nil || h == nil {
			t.Fatalf("%s: %v", want.tag, err)
		}
		if got := time.Duration(h.Max()); h.Tag() != want.tag || h.TotalCount() != want.n || want.max > 0 && (got < want.max || got > want.max*1001/1000) {
			t.Errorf("%s has %d up to %v, want %s with %d up to %v", h.Tag(), h.TotalCount(), got, want.tag, want.n, want.max)
		}
	}
}

func logged(t *testing.T, p series.Point) string {
	t.Helper()
	var b strings.Builder
	if err := series.HLog(&b)(p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHLogSaysWhatIsAbove(t *testing.T) {
	all, _ := points()
	all[0].Latency.Record(2 * time.Minute)
	if text := logged(t, all[0]); !strings.Contains(text, "#[1 more are above 1m0s]\n") {
		t.Error(text)
	}
}

func TestJSONLinesAddUp(t *testing.T) {
	all, total := points()
	var b bytes.Buffer
	write := series.JSON(&b)
	var joined series.Point
	all[2].Streams = result.NewStreamPart()
	all[2].Streams.InWindow = 3
	for _, p := range all {
		if err := write(p); err != nil {
			t.Fatal(err)
		}
	}
	first, _, _ := strings.Cut(b.String(), "\n")
	for dec := json.NewDecoder(&b); dec.More(); {
		var p series.Point
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if (p.Streams != nil) != p.Last {
			t.Errorf("streams are %v, in the last point only", p.Streams)
		}
		if p.By != "completion" {
			t.Errorf("by %q, want completion", p.By)
		}
		joined.Join(p)
	}
	if joined.Streams == nil || joined.Streams.InWindow != 3 || strings.Count(first, "streams") != 0 {
		t.Errorf("joined: %+v; the first line is %s", joined.Streams, first)
	}
	if got, want := fmt.Sprint(joined.Latency.N(), joined.Latency.Quantile(0.99), joined.Counts[result.OK], joined.Length, joined.Last),
		fmt.Sprint(total.N(), total.Quantile(0.99), 3000, 3*time.Second, true); got != want {
		t.Errorf("joined: %s, want %s", got, want)
	}
}
