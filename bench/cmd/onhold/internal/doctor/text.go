package doctor

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// Text prints the report for people.
func (r *Report) Text(w io.Writer) error {
	t := table.New(table.Column{Left: true}, table.Column{Left: true})
	row := func(name, format string, args ...any) { t.Row(name, fmt.Sprintf(format, args...)) }
	const unknown = "unknown"
	known := func(n int) string {
		if n == 0 {
			return unknown
		}
		return units.Int(n)
	}
	e := r.Environment
	row("machine", "%s, %d CPUs, %s %s", cmp.Or(e.CPU, unknown), e.Cores, e.OS, e.Kernel)
	if r.TargetCPUs != "" {
		row("CPUs", "targets run on %s, the generator on %s", r.TargetCPUs, r.CPUs)
	} else {
		row("CPUs", "shared by targets and generator")
	}
	if q := r.CPUQuota; q.CPUs > 0 {
		row("CPU quota", "%.4g CPUs, of control group %s", q.CPUs, q.Group)
	} else {
		row("CPU quota", "none")
	}
	row("clock", "%s, read in %s", cmp.Or(r.Limits.ClockSource, unknown), units.Duration(r.ClockRead))
	row("limits", "%s open files, %s local ports per address, backlog %s",
		known(r.Limits.Descriptors), known(r.Limits.Ports), known(r.Limits.Backlog))
	t.Row()
	row("minimum latency", "p50 %s, p99 %s with 1 client on a server that does nothing", units.Duration(r.Null.P50), units.Duration(r.Null.P99))
	row("", "p50 %s with a blocking write and read", units.Duration(r.PingPong))
	row("maximum of one loop", "%s requests/s, generator CPU %s per request served", units.Int(int(r.Most.Rate)), units.Duration(r.Most.CPU))
	for _, p := range r.Pacing {
		row("pacing at "+units.Rate.Text(float64(p.Rate)), "off the even grid, by the server's clock: p50 %s, p90 %s", units.Duration(p.GridP50), units.Duration(p.GridP90))
		row("", "behind the schedule: p50 %s, p99 %s", units.Duration(p.LagP50), units.Duration(p.LagP99))
	}
	row("steal", "up to %s of the generator's CPU time", units.Percent(r.Steal))
	t.Row()
	row("this machine can drive", "%s clients on a backend of %s (closed)", units.Int(r.MaxClients), units.Duration(wait))
	row("", "%s arrivals/s (constant, poisson)", units.Int(r.MaxRate))
	var text strings.Builder
	text.WriteString(t.String())
	for i, a := range r.Advice {
		if i == 0 {
			text.WriteString("\n")
		}
		text.WriteString("- " + words.Paragraph(a, ""))
	}
	_, err := io.WriteString(w, text.String())
	return err
}
