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

func TestHLogSaysWhatIsAbove(t *testing.T) {
	all, _ := points()
	all[0].Latency.Record(2 * time.Minute)
	var b strings.Builder
	if err := series.HLog(&b)(all[0]); err != nil || !strings.Contains(b.String(), "#[1 more are above 1m0s]\n") {
		t.Errorf("%v, %s", err, b.String())
	}
}

func TestJSONLinesAddUp(t *testing.T) {
	all, total := points()
	var b bytes.Buffer
	write := series.JSON(&b)
	var joined series.Point
	for _, p := range all {
		if err := write(p); err != nil {
			t.Fatal(err)
		}
	}
	for dec := json.NewDecoder(&b); dec.More(); {
		var p series.Point
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.By != "completion" {
			t.Errorf("by %q, want completion", p.By)
		}
		joined.Join(p)
	}
	if got, want := fmt.Sprint(joined.Latency.N(), joined.Latency.Quantile(0.99), joined.Counts[result.OK], joined.Length, joined.Last),
		fmt.Sprint(total.N(), total.Quantile(0.99), 3000, 3*time.Second, true); got != want {
		t.Errorf("joined: %s, want %s", got, want)
	}
}
