package main

import (
	"encoding/json"
	"io"
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
	} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}
