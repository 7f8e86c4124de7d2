package main

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

// bounds are the upper bounds of the buckets of histograms, in seconds: the same for
// all, so that they can be added up.
var bounds = func() (all []float64) {
	for _, decade := range []float64{1e-4, 1e-3, 1e-2, 0.1, 1, 10} {
		for _, step := range []float64{1, 1.5, 2, 3, 5, 7} {
			if b := decade * step; b <= result.HistHighest.Seconds() {
				all = append(all, b)
			}
		}
	}
	return all
}()

var (
	stageLabels  = []string{"target", "load", "level"}
	arrivalsDesc = prometheus.NewDesc("onhold_arrivals_total", "Arrivals of measured windows by how they ended.", append(stageLabels, "outcome"), nil)
	latencyDesc  = prometheus.NewDesc("onhold_latency_seconds", "Time from the planned instant to completion, of ok.", stageLabels, nil)
	lagDesc      = prometheus.NewDesc("onhold_lag_seconds", "Time by which the generator sent late.", stageLabels, nil)

	firstEventDesc = prometheus.NewDesc("onhold_first_event_seconds", "Of streams: time from the planned instant to the first event.", stageLabels, nil)
	gapDesc        = prometheus.NewDesc("onhold_gap_seconds", "Of streams: time between two events of a stream.", stageLabels, nil)
	eventsDesc     = prometheus.NewDesc("onhold_events_total", "Of streams: events that came during measured windows.", stageLabels, nil)
	endedEarlyDesc = prometheus.NewDesc("onhold_streams_ended_early_total", "Streams that the server ended before they were complete.", stageLabels, nil)
)

// metrics are counters of all stages so far, for Prometheus.
type metrics struct {
	mu     sync.Mutex
	stages map[[3]string]*stageMetrics
}

type stageMetrics struct {
	counts       result.Counts
	latency, lag buckets
	streams      *streamMetrics // nil where replies are no streams
}

type streamMetrics struct {
	firstEvent, gap    buckets
	events, endedEarly int64
}

// buckets are a histogram as Prometheus has it: each counts what lies at or below it.
type buckets struct {
	n     uint64
	sum   time.Duration
	below [64]uint64 // by the index of bounds
}

func (b *buckets) add(s *result.Sparse) {
	b.n, b.sum = b.n+uint64(s.N()), b.sum+s.Sum()
	for i, bound := range bounds {
		b.below[i] += uint64(s.N() - s.Above(time.Duration(bound*float64(time.Second))))
	}
}

func (b *buckets) metric(desc *prometheus.Desc, labels []string) prometheus.Metric {
	counts := map[float64]uint64{}
	for i, bound := range bounds {
		counts[bound] = b.below[i]
	}
	return prometheus.MustNewConstHistogram(desc, b.n, b.sum.Seconds(), counts, labels...)
}

// write is a [series.Writer].
func (m *metrics) write(p series.Point) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [3]string{p.Target, p.Load, strconv.FormatFloat(p.Level, 'f', -1, 64)}
	s := m.stages[key]
	if s == nil {
		s = &stageMetrics{}
		m.stages[key] = s
	}
	s.counts.Add(p.Counts)
	s.latency.add(p.Latency)
	s.lag.add(p.Lag)
	s.addStreams(p.Streams)
	return nil
}

func (s *stageMetrics) addStreams(p *result.StreamPart) {
	if p == nil {
		return
	}
	if s.streams == nil {
		s.streams = &streamMetrics{}
	}
	s.streams.firstEvent.add(p.FirstEvent)
	s.streams.gap.add(p.Gap)
	s.streams.events += p.InWindow
	s.streams.endedEarly += p.EndedEarly
}

// Describe is empty: the stages are not known before.
func (m *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect is called for each scrape.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, s := range m.stages {
		for _, o := range result.Outcomes {
			ch <- prometheus.MustNewConstMetric(arrivalsDesc, prometheus.CounterValue, float64(s.counts[o]), append(key[:], o.String())...)
		}
		ch <- s.latency.metric(latencyDesc, key[:])
		ch <- s.lag.metric(lagDesc, key[:])
		if t := s.streams; t != nil {
			ch <- t.firstEvent.metric(firstEventDesc, key[:])
			ch <- t.gap.metric(gapDesc, key[:])
			ch <- prometheus.MustNewConstMetric(eventsDesc, prometheus.CounterValue, float64(t.events), key[:]...)
			ch <- prometheus.MustNewConstMetric(endedEarlyDesc, prometheus.CounterValue, float64(t.endedEarly), key[:]...)
		}
	}
}

// serveMetrics serves them at the address of --metrics, on loopback where that names no
// host, until stop is called. It returns the address of the page.
func serveMetrics(ctx context.Context, addr string) (m *metrics, page string, stop func() error, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", nil, usageError("--metrics=%s: want HOST:PORT or :PORT", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, "", nil, usageError("--metrics=%s: choose an address that is free: %w", addr, err)
	}
	m = &metrics{stages: map[[3]string]*stageMetrics{}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l)
	return m, "http://" + l.Addr().String() + "/metrics", server.Close, nil
}
