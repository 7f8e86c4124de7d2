package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

// What is written while a run goes on adds up to its record, exactly.
func TestSeriesAddUpToTheRecord(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * time.Millisecond)
	}))
	defer server.Close()
	dir := t.TempDir()
	stdout, stderr, code := onhold(t, dir, "run", server.URL, "--clients", "2,4", "--duration", "1500ms", "--no-report", "--out", "out",
		"--series", "s.hlog", "--series", "s.jsonl", "--series", "-", "--metrics", ":0")
	if code != exitOK && code != exitInvalid {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	_, stages, _, err := result.Open(filepath.Join(dir, "out"))
	if err != nil || len(stages) == 0 {
		t.Fatalf("%d stages, %v", len(stages), err)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "s.jsonl"))
	if err != nil || string(lines) != stdout {
		t.Errorf("%v: stdout has other points than the file:\n%s", err, stdout)
	}
	joined := map[float64]*series.Point{}
	for dec := json.NewDecoder(strings.NewReader(stdout)); dec.More(); {
		var p series.Point
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if joined[p.Level] == nil || p.Attempt != joined[p.Level].Attempt {
			joined[p.Level] = &series.Point{Attempt: p.Attempt}
		}
		if since := time.Since(p.Time); since < 0 || since > time.Hour {
			t.Errorf("a point at %v", p.Time)
		}
		joined[p.Level].Join(p)
	}
	f, err := os.Open(filepath.Join(dir, "s.hlog"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	merged := map[string]*hdrhistogram.Histogram{}
	for reader := hdrhistogram.NewHistogramLogReader(f); ; {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		if merged[h.Tag()] == nil {
			merged[h.Tag()] = hdrhistogram.New(1000, int64(time.Minute), 3)
		}
		merged[h.Tag()].Merge(h)
	}
	for _, s := range stages {
		level := s.Settings.Get(result.KeyLevel)
		p := joined[float64(s.Level())]
		if p.Counts != s.Counts || p.Latency.Quantile(0.99) != s.Latency.Quantile(0.99) || !p.Last {
			t.Errorf("%s clients: points have %v, the record %v", level, p.Counts, s.Counts)
		}
		tag := s.TargetName() + "@" + level
		if s.Attempt > 1 {
			continue // the tag has the attempt
		}
		text, err := merged[tag].Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if want, _ := s.Latency.Encode(); err != nil || string(text) != want {
			t.Errorf("%s: the interval log has %d latencies, the record %d, or others", tag, merged[tag].TotalCount(), s.Latency.N())
		}
	}
	if !strings.Contains(stderr, "onhold: metrics at http://127.0.0.1:") {
		t.Errorf("stderr: %s", stderr)
	}
}

// eventServer sends streams of five events, over HTTP/1.1 and HTTP/2.
func eventServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			time.Sleep(10 * time.Millisecond)
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// Who drives streams and does not say so learns it, by either driver and version of HTTP.
func TestStreamsAreHintedAt(t *testing.T) {
	t.Parallel()
	server := eventServer(t)
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	for _, driver := range []string{"epoll", "goroutine"} {
		for _, address := range []string{server.URL, "h2c://" + server.Listener.Addr().String(), plain.URL} {
			dir := t.TempDir()
			stdout, stderr, code := onhold(t, dir, "run", address, "--driver", driver, "--clients", "2", "--duration", "300ms", "--retries", "0", "--out", "out")
			if code != exitOK && code != exitInvalid {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			text := strings.Join(strings.Fields(stdout), " ")
			if hinted := strings.Contains(text, "latencies are to the end of each; --stream sse measures first events and gaps"); hinted != (address != plain.URL) {
				t.Errorf("%s, %s: hinted %v: %s", driver, address, hinted, stdout)
			}
		}
	}
}

// A stage of streams writes their events, too, by either driver and version of HTTP.
func TestSeriesOfStreamsAddUpToTheRecord(t *testing.T) {
	t.Parallel()
	server := eventServer(t)
	for _, driver := range []string{"epoll", "goroutine"} {
		for _, scheme := range []string{"http://", "h2c://"} {
			dir := t.TempDir()
			_, stderr, code := onhold(t, dir, "run", scheme+server.Listener.Addr().String(), "--driver", driver, "--stream", "sse", "--clients", "4", "--duration", "1s", "--retries", "0",
				"--no-report", "--out", "out", "--series", "s.jsonl", "--series", "s.hlog")
			if code != exitOK && code != exitInvalid {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			_, stages, _, err := result.Open(filepath.Join(dir, "out"))
			if err != nil || len(stages) != 1 {
				t.Fatalf("%d stages, %v", len(stages), err)
			}
			f, err := os.Open(filepath.Join(dir, "s.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var joined series.Point
			for dec := json.NewDecoder(f); dec.More(); {
				var p series.Point
				if err := dec.Decode(&p); err != nil {
					t.Fatal(err)
				}
				if p.Streams == nil {
					t.Fatalf("%s, %s: a point has no streams", driver, scheme)
				}
				joined.Join(p)
			}
			of := func(p *result.StreamPart) string {
				return fmt.Sprint(maps.Collect(p.FirstEvent.All()), maps.Collect(p.Gap.All()), p.InWindow, p.EndedEarly)
			}
			record := stages[0].Streams
			if record == nil || record.Gap.N() == 0 {
				t.Fatalf("%s, %s: the record has no gaps: %s", driver, scheme, stderr)
			}
			if got, want := of(joined.Streams), of(record.Part()); got != want {
				t.Errorf("%s, %s: the points have %s, the record %s", driver, scheme, got, want)
			}
			var sliced *result.StreamPart
			for _, s := range stages[0].Slices {
				sliced = sliced.Plus(s.Streams)
			}
			if sliced.FirstEvent.N() != record.FirstEvent.N() || sliced.InWindow != record.InWindow {
				t.Errorf("%s, %s: the slices have %s, the record %s", driver, scheme, of(sliced), of(record.Part()))
			}
			if log, err := os.ReadFile(filepath.Join(dir, "s.hlog")); err != nil || !strings.Contains(string(log), "@4+first-event,") || !strings.Contains(string(log), "@4+gap,") {
				t.Errorf("%s, %s: %v, the interval log is %s", driver, scheme, err, log)
			}
		}
	}
}

func TestSeriesAndMetricsThatCannotBe(t *testing.T) {
	startsMany(t)
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for flag, want := range map[string]string{
		"--series=old":        "--series=old: the file exists; want a new one, or - for stdout",
		"--series=no/s.hlog":  "--series=no/s.hlog: want a file that can be written",
		"--metrics=9090":      "--metrics=9090: want HOST:PORT or :PORT",
		"--metrics=8.8.8.8:1": "--metrics=8.8.8.8:1: choose an address that is free",
	} {
		if _, stderr, code := onhold(t, dir, "run", server.URL, flag); code != exitUsage || !strings.Contains(stderr, want) || exists(filepath.Join(dir, "reports")) {
			t.Errorf("%s: exit %d, %s; want %s", flag, code, stderr, want)
		}
	}
}

// While streams last, their events are shown in place of latencies that are not known yet.
func TestProgressOfStreams(t *testing.T) {
	point := func(alter func(*series.Point)) series.Point {
		p := series.Point{Length: 2 * time.Second, Latency: new(result.Sparse), Lag: new(result.Sparse)}
		alter(&p)
		return p
	}
	streams := func(p *series.Point) {
		p.Streams = result.NewStreamPart()
		p.Streams.InWindow = 300
		p.Streams.FirstEvent.Record(200 * time.Millisecond)
		p.Streams.Gap.Record(50 * time.Millisecond)
	}
	for _, c := range []struct {
		name  string
		point series.Point
		want  string
	}{
		{"requests", point(func(p *series.Point) {
			p.Counts[result.OK], p.Counts[result.Rejected], p.Disturbed = 3, 1, true
			p.Latency.Record(20 * time.Millisecond)
		}), "ok 1.5/s, p50 20 ms, p99 20 ms, rejected 25 %, lag p99 none, disturbed"},
		{"streams of which none has ended", point(streams), "ok 0/s, events 150/s, first event p99 200 ms, gap p99 50 ms, rejected 0 %, lag p99 none"},
		{"before the first event", point(func(p *series.Point) { p.Streams = result.NewStreamPart() }), "ok 0/s, events 0/s, first event p99 none, gap p99 none, rejected 0 %, lag p99 none"},
		{"after the window", point(func(p *series.Point) {
			streams(p)
			p.Streams.InWindow = 0
		}), "ok 0/s, events 1/s, first event p99 200 ms, gap p99 50 ms, rejected 0 %, lag p99 none"},
	} {
		if got := lately(c.point); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Prometheus reads counters, and buckets that can be added up.
func TestMetrics(t *testing.T) {
	m, page, stop, err := serveMetrics(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for range 2 {
		p := series.Point{Target: "a\"b", Load: "closed", Level: 50, Latency: new(result.Sparse), Lag: new(result.Sparse)}
		p.Counts[result.OK], p.Counts[result.Rejected] = 3, 1
		p.Streams = result.NewStreamPart()
		p.Streams.FirstEvent.Record(20 * time.Millisecond)
		p.Streams.Gap.Record(50 * time.Microsecond)
		p.Streams.InWindow, p.Streams.EndedEarly = 7, 2
		if err := m.write(series.Point{Target: "plain", Load: "closed", Level: 1, Latency: new(result.Sparse), Lag: new(result.Sparse)}); err != nil {
			t.Fatal(err)
		}
		for _, d := range []time.Duration{50 * time.Microsecond, 20 * time.Millisecond, 2 * time.Minute} {
			p.Latency.Record(d)
		}
		if err := m.write(p); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`onhold_arrivals_total{level="50",load="closed",outcome="ok",target="a\"b"} 6`,
		`onhold_arrivals_total{level="50",load="closed",outcome="rejected",target="a\"b"} 2`,
		`onhold_latency_seconds_bucket{level="50",load="closed",target="a\"b",le="0.0001"} 2`,
		`onhold_latency_seconds_bucket{level="50",load="closed",target="a\"b",le="0.015"} 2`,
		`onhold_latency_seconds_bucket{level="50",load="closed",target="a\"b",le="0.03"} 4`,
		`onhold_latency_seconds_bucket{level="50",load="closed",target="a\"b",le="50"} 4`,
		`onhold_latency_seconds_bucket{level="50",load="closed",target="a\"b",le="+Inf"} 6`,
		`onhold_latency_seconds_count{level="50",load="closed",target="a\"b"} 6`,
		`onhold_latency_seconds_count{level="1",load="closed",target="plain"} 0`,
		`onhold_first_event_seconds_bucket{level="50",load="closed",target="a\"b",le="0.015"} 0`,
		`onhold_first_event_seconds_bucket{level="50",load="closed",target="a\"b",le="0.03"} 2`,
		`onhold_gap_seconds_bucket{level="50",load="closed",target="a\"b",le="0.0001"} 2`,
		`onhold_gap_seconds_count{level="50",load="closed",target="a\"b"} 2`,
		`onhold_events_total{level="50",load="closed",target="a\"b"} 14`,
		`onhold_streams_ended_early_total{level="50",load="closed",target="a\"b"} 4`,
	} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, none := range []string{"first_event_seconds_count", "gap_seconds_count", "events_total", "streams_ended_early_total"} {
		if strings.Contains(string(text), `onhold_`+none+`{level="1"`) {
			t.Errorf("%s of replies that are no streams", none)
		}
	}
}
