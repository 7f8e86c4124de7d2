package peers

import (
	"math"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// metric is a figure of a measurement, and a column of the tables.
type metric struct {
	name  string
	value func(*Measurement) float64 // NaN: this one has none
	unit  units.Unit
	ratio bool // is compared within pairs
}

var (
	requestRate = metric{"requests/s", func(m *Measurement) float64 { return known(m.Rate) }, units.Count, false}
	clientCPU   = metric{"CPU per request served", func(m *Measurement) float64 { return per(int64(m.CPU), m.served()) }, units.Time, true}
	memory      = metric{"memory", func(m *Measurement) float64 { return known(float64(m.RSS)) }, units.Bytes, true}
	serverTime  = metric{"server time, median", func(m *Measurement) float64 { return known(float64(m.ServerP50)) }, units.Time, false}
	median50    = metric{"reported median", reportedMedian, units.Time, false}
	okRate      = fromStage("ok/s", "ok/s")
	p99         = fromStage("p99", "p99")
	serverCPU   = fromStage("cpu", "server CPU per request served").compared()
	failures    = metric{"errors", func(m *Measurement) float64 {
		if m.Reported.Stage == nil {
			return math.NaN()
		}
		return float64(m.Reported.Stage.Counts.Failed())
	}, units.Count, false}
)

func (m metric) named(name string) metric { m.name = name; return m }

func (m metric) compared() metric { m.ratio = true; return m }

// costMetrics are what a request costs the generator.
var costMetrics = []metric{requestRate.compared(), clientCPU, memory}

// costMetricsTLS are what a request over TLS costs the generator, and the latencies that
// it reports.
var costMetricsTLS = append(append([]metric{}, costMetrics...), median50.named("reported p50"),
	metric{"reported p99", func(m *Measurement) float64 {
		if m.Reported.P99 == nil {
			return math.NaN()
		}
		return float64(*m.Reported.P99)
	}, units.Time, false})

// handshakeMetrics are what a request over a new connection costs.
var handshakeMetrics = []metric{requestRate.named("handshakes/s").compared(), clientCPU.named("CPU per handshake"), memory}

// pacingMetrics are how precisely a generator keeps to its schedule.
var pacingMetrics = []metric{
	{"off the grid, median", fromPacing(func(p *Pacing) float64 { return float64(p.P50NS) }), units.Time, true},
	{"off the grid, p90", fromPacing(func(p *Pacing) float64 { return float64(p.P90NS) }), units.Time, true},
	{"rate", fromPacing(func(p *Pacing) float64 { return p.Rate }), units.Rate, false},
	median50, serverTime,
}

// replayMetrics are how precisely a replay keeps to the recorded instants.
var replayMetrics = []metric{
	pacingMetrics[0], pacingMetrics[1],
	{"off the grid, p99", fromPacing(func(p *Pacing) float64 { return float64(p.P99NS) }), units.Time, false},
	{"requests at the server", func(m *Measurement) float64 { return float64(m.Requests) }, units.Count, false},
}

// roundTripMetrics are how long a round trip takes.
var roundTripMetrics = []metric{
	{"round trip, median", func(m *Measurement) float64 {
		if s := m.Reported.Stage; s != nil {
			return known(float64(s.Uncorrected.Quantile(0.5)))
		}
		return reportedMedian(m)
	}, units.Time, true},
	serverTime, requestRate,
}

// rejectionMetrics are what a tool reports of a server that rejects most requests.
var rejectionMetrics = []metric{
	median50,
	{"reported share not 2xx", func(m *Measurement) float64 {
		if m.Reported.NotOK == nil {
			return math.NaN()
		}
		return *m.Reported.NotOK
	}, units.Share, false},
	{"rejected by the server", func(m *Measurement) float64 { return float64(m.Rejected) / float64(m.Requests) }, units.Share, false},
	{"requests at the server", func(m *Measurement) float64 { return float64(m.Requests) }, units.Count, false},
}

// manyClientsMetrics are what ours reports under very many clients.
var manyClientsMetrics = []metric{
	okRate, failures, median50.named("p50"), p99, clientCPU.named("generator CPU per request served"), memory.named("generator memory"),
}

// serverMetrics are the throughput and cost of a server.
var serverMetrics = []metric{
	okRate.compared(), fromStage("memory", "server memory").compared(), serverCPU, p99, failures,
}

// known is v, where 0 means unknown.
func known(v float64) float64 {
	if v <= 0 {
		return math.NaN()
	}
	return v
}

func per(total, n int64) float64 { return known(float64(total)) / known(float64(n)) }

func reportedMedian(m *Measurement) float64 {
	if m.Reported.Median == nil {
		return math.NaN()
	}
	return float64(*m.Reported.Median)
}

func fromPacing(f func(*Pacing) float64) func(*Measurement) float64 {
	return func(m *Measurement) float64 {
		if m.Pacing == nil {
			return math.NaN()
		}
		return f(m.Pacing)
	}
}

// fromStage is a metric of a stage, which only ours has.
func fromStage(name, heading string) metric {
	of, _ := result.MetricNamed(name)
	return metric{heading, func(m *Measurement) float64 {
		if m.Reported.Stage != nil {
			if r := of.Read(m.Reported.Stage); r.Reason == "" {
				return r.Value
			}
		}
		return math.NaN()
	}, of.Unit, false}
}
