package peers

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// metric is a figure of a measurement, and a column of the tables.
type metric struct {
	name  string
	value func(*Measurement) (float64, bool) // false: this one has none
	show  func(float64) string
	ratio bool // is compared within pairs
}

// costs are what a generator needs for a request.
var costs = []metric{
	{"requests/s", func(m *Measurement) (float64, bool) { return m.Rate, m.Rate > 0 }, showCount, true},
	{"CPU per request served", func(m *Measurement) (float64, bool) {
		n := m.served()
		return float64(m.CPU) / float64(n), m.CPU > 0 && n > 0
	}, showDuration, true},
	{"memory", func(m *Measurement) (float64, bool) { return float64(m.RSS), m.RSS > 0 }, showBytes, true},
}

// paces are how well a generator keeps to its clock.
var paces = []metric{
	{"off the grid, median", func(m *Measurement) (float64, bool) {
		return ofPacing(m, func(p *Pacing) float64 { return float64(p.P50NS) })
	}, showDuration, true},
	{"off the grid, p90", func(m *Measurement) (float64, bool) {
		return ofPacing(m, func(p *Pacing) float64 { return float64(p.P90NS) })
	}, showDuration, true},
	{"rate", func(m *Measurement) (float64, bool) { return ofPacing(m, func(p *Pacing) float64 { return p.Rate }) }, showRate, false},
	{"it says, median", said, showDuration, false},
	{"server's own part, median", ownPart, showDuration, false},
}

// trips are how long a round trip takes.
var trips = []metric{
	{"round trip, median", func(m *Measurement) (float64, bool) {
		if o := m.Said.Ours; o != nil {
			return float64(o.ServiceNS), o.ServiceNS > 0
		}
		return said(m)
	}, showDuration, true},
	{"server's own part, median", ownPart, showDuration, false},
	{"requests/s", func(m *Measurement) (float64, bool) { return m.Rate, m.Rate > 0 }, showCount, false},
}

// turnedAway are what is said of a server that turns most away.
var turnedAway = []metric{
	{"it says, median", said, showDuration, false},
	{"it says, not 2xx", func(m *Measurement) (float64, bool) {
		if m.Said.NotOK == nil {
			return 0, false
		}
		return *m.Said.NotOK, true
	}, showShare, false},
	{"the server turned away", func(m *Measurement) (float64, bool) {
		return float64(m.Rejected) / float64(m.Requests), m.Requests > 0
	}, showShare, false},
	{"requests that the server saw", func(m *Measurement) (float64, bool) { return float64(m.Requests), true }, showCount, false},
}

// stamina is what ours says under as many clients as there may be.
var stamina = []metric{
	{"ok/s", ofOurs(func(o *Ours) float64 { return o.OKRate }), showCount, false},
	{"errors", ofOurs(func(o *Ours) float64 { return float64(o.Errors) }), showCount, false},
	{"p50", said, showDuration, false},
	{"p99", ofOurs(func(o *Ours) float64 { return float64(o.P99NS) }), showDuration, false},
	{"generator CPU per request served", costs[1].value, showDuration, false},
	{"generator memory", costs[2].value, showBytes, false},
}

// servers are what a server does and needs.
var servers = []metric{
	{"ok/s", ofOurs(func(o *Ours) float64 { return o.OKRate }), showCount, true},
	{"server memory", ofOurs(func(o *Ours) float64 { return float64(o.TargetRSS) }), showBytes, true},
	{"server CPU per request served", func(m *Measurement) (float64, bool) {
		o := m.Said.Ours
		if o == nil || o.TargetCPU == 0 || o.Served == 0 {
			return 0, false
		}
		return float64(o.TargetCPU) / float64(o.Served), true
	}, showDuration, true},
	{"p99", ofOurs(func(o *Ours) float64 { return float64(o.P99NS) }), showDuration, false},
	{"errors", ofOurs(func(o *Ours) float64 { return float64(o.Errors) }), showCount, false},
}

func said(m *Measurement) (float64, bool) {
	if m.Said.Median == nil {
		return 0, false
	}
	return float64(*m.Said.Median), true
}

func ownPart(m *Measurement) (float64, bool) { return float64(m.ServerP50), m.ServerP50 > 0 }

func ofPacing(m *Measurement, f func(*Pacing) float64) (float64, bool) {
	if m.Pacing == nil {
		return 0, false
	}
	return f(m.Pacing), true
}

func ofOurs(f func(*Ours) float64) func(*Measurement) (float64, bool) {
	return func(m *Measurement) (float64, bool) {
		if m.Said.Ours == nil {
			return 0, false
		}
		return f(m.Said.Ours), true
	}
}

// three tells v to three digits, and whole numbers from 1,000 on.
func three(v float64) string {
	if a := math.Abs(v); a >= 1000 {
		return thousands(v)
	} else if a == 0 || a < 1e-4 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', max(0, digits), 64)
}

// thousands is the whole number next to v, with separators.
func thousands(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}

func showCount(v float64) string { return thousands(v) }

func showRate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func showShare(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

func showRatio(v float64) string { return three(v) }

func showBytes(v float64) string {
	switch {
	case math.Abs(v) >= 1<<20:
		return three(v/(1<<20)) + " MiB"
	case math.Abs(v) >= 1<<10:
		return three(v/(1<<10)) + " KiB"
	}
	return three(v) + " B"
}

func showDuration(ns float64) string {
	switch {
	case ns >= float64(time.Second):
		return three(ns/1e9) + " s"
	case ns >= float64(time.Millisecond):
		return three(ns/1e6) + " ms"
	case ns >= float64(time.Microsecond):
		return three(ns/1e3) + " µs"
	}
	return three(ns) + " ns"
}
