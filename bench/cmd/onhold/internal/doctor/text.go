package doctor

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Text prints the report for people.
func (r *Report) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	e := r.Environment
	row("machine", "%s, %d CPUs, %s %s", orUnknown(e.CPU), e.Cores, e.OS, e.Kernel)
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
	row("clock", "%s, read in %v", orUnknown(r.Limits.ClockSource), r.ClockRead)
	row("limits", "%s open files, %s local ports an address, backlog %s",
		known(r.Limits.Descriptors), known(r.Limits.Ports), known(r.Limits.Backlog))
	row("", "")
	row("a server that does nothing", "p50 %s, p99 %s at 1 client; a blocking write and read: p50 %s",
		short(r.Null.P50), short(r.Null.P99), short(r.PingPong))
	row("the most of one loop", "%s requests/s, %s of CPU time per request served", count(int(r.Most.Rate)), short(r.Most.CPU))
	for _, p := range r.Pacing {
		row(fmt.Sprintf("pacing at %s/s", count(p.Rate)), "off the even grid, as the server saw it: p50 %s, p90 %s; behind the plan: p50 %s, p99 %s",
			short(p.GridP50), short(p.GridP90), short(p.LagP50), short(p.LagP99))
	}
	row("stolen by the hypervisor", "up to %.1f %% of the generator's CPU time", 100*r.Steal)
	row("", "")
	row("so this machine can drive", "%s clients on a wait of %v (closed)", count(r.MaxClients), wait)
	row("", "%s arrivals/s (constant, poisson)", count(r.MaxRate))
	if err := t.Flush(); err != nil {
		return err
	}
	for i, a := range r.Advice {
		if i == 0 {
			fmt.Fprintln(w)
		}
		if _, err := fmt.Fprintln(w, "-", a); err != nil {
			return err
		}
	}
	return nil
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func known(n int) string {
	if n == 0 {
		return "unknown"
	}
	return count(n)
}

// short tells a duration to a tenth of a microsecond, or three digits.
func short(d time.Duration) string {
	if d < time.Millisecond {
		return d.Round(100 * time.Nanosecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
