package peers

import "github.com/a628bb15/onhold/reports/units"

// metric is a figure of a measurement, and a column of the tables.
type metric struct {
	name  string
	value func(*Measurement) (float64, bool) // false: this one has none
	unit  units.Unit
	ratio bool // is compared within pairs
}

// costMetrics are what a request costs the generator.
var costMetrics = []metric{
	{"requests/s", func(m *Measurement) (float64, bool) { return m.Rate, m.Rate > 0 }, units.Count, true},
	{"CPU per request served", func(m *Measurement) (float64, bool) {
		n := m.served()
		return float64(m.CPU) / float64(n), m.CPU > 0 && n > 0
	}, units.Time, true},
	{"memory", func(m *Measurement) (float64, bool) { return float64(m.RSS), m.RSS > 0 }, units.Bytes, true},
}

// pacingMetrics are how precisely a generator keeps to its schedule.
var pacingMetrics = []metric{
	{"off the grid, median", func(m *Measurement) (float64, bool) {
		return fromPacing(m, func(p *Pacing) float64 { return float64(p.P50NS) })
	}, units.Time, true},
	{"off the grid, p90", func(m *Measurement) (float64, bool) {
		return fromPacing(m, func(p *Pacing) float64 { return float64(p.P90NS) })
	}, units.Time, true},
	{"rate", func(m *Measurement) (float64, bool) { return fromPacing(m, func(p *Pacing) float64 { return p.Rate }) }, units.Rate, false},
	{"reported median", reportedMedian, units.Time, false},
	{"server time, median", serverTime, units.Time, false},
}

// roundTripMetrics are how long a round trip takes.
var roundTripMetrics = []metric{
	{"round trip, median", func(m *Measurement) (float64, bool) {
		if o := m.Reported.Ours; o != nil {
			return float64(o.UncorrectedNS), o.UncorrectedNS > 0
		}
		return reportedMedian(m)
	}, units.Time, true},
	{"server time, median", serverTime, units.Time, false},
	{"requests/s", func(m *Measurement) (float64, bool) { return m.Rate, m.Rate > 0 }, units.Count, false},
}

// rejectionMetrics are what a tool reports of a server that rejects most requests.
var rejectionMetrics = []metric{
	{"reported median", reportedMedian, units.Time, false},
	{"reported share not 2xx", func(m *Measurement) (float64, bool) {
		if m.Reported.NotOK == nil {
			return 0, false
		}
		return *m.Reported.NotOK, true
	}, units.Share, false},
	{"rejected by the server", func(m *Measurement) (float64, bool) {
		return float64(m.Rejected) / float64(m.Requests), m.Requests > 0
	}, units.Share, false},
	{"requests at the server", func(m *Measurement) (float64, bool) { return float64(m.Requests), true }, units.Count, false},
}

// manyClientsMetrics are what ours reports under very many clients.
var manyClientsMetrics = []metric{
	{"ok/s", fromOurs(func(o *Ours) float64 { return o.OKRate }), units.Count, false},
	{"errors", fromOurs(func(o *Ours) float64 { return float64(o.Errors) }), units.Count, false},
	{"p50", reportedMedian, units.Time, false},
	{"p99", fromOurs(func(o *Ours) float64 { return float64(o.P99NS) }), units.Time, false},
	{"generator CPU per request served", costMetrics[1].value, units.Time, false},
	{"generator memory", costMetrics[2].value, units.Bytes, false},
}

// serverMetrics are the throughput and cost of a server.
var serverMetrics = []metric{
	{"ok/s", fromOurs(func(o *Ours) float64 { return o.OKRate }), units.Count, true},
	{"server memory", fromOurs(func(o *Ours) float64 { return float64(o.TargetRSS) }), units.Bytes, true},
	{"server CPU per request served", func(m *Measurement) (float64, bool) {
		o := m.Reported.Ours
		if o == nil || o.TargetCPU == 0 || o.Served == 0 {
			return 0, false
		}
		return float64(o.TargetCPU) / float64(o.Served), true
	}, units.Time, true},
	{"p99", fromOurs(func(o *Ours) float64 { return float64(o.P99NS) }), units.Time, false},
	{"errors", fromOurs(func(o *Ours) float64 { return float64(o.Errors) }), units.Count, false},
}

func reportedMedian(m *Measurement) (float64, bool) {
	if m.Reported.Median == nil {
		return 0, false
	}
	return float64(*m.Reported.Median), true
}

func serverTime(m *Measurement) (float64, bool) { return float64(m.ServerP50), m.ServerP50 > 0 }

func fromPacing(m *Measurement, f func(*Pacing) float64) (float64, bool) {
	if m.Pacing == nil {
		return 0, false
	}
	return f(m.Pacing), true
}

func fromOurs(f func(*Ours) float64) func(*Measurement) (float64, bool) {
	return func(m *Measurement) (float64, bool) {
		if m.Reported.Ours == nil {
			return 0, false
		}
		return f(m.Reported.Ours), true
	}
}
