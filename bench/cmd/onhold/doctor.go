package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/doctor"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "measure what load this machine can drive",
		Flags: []cli.Flag{
			durationFlag(catLoad, "duration", doctor.DefaultDuration, "duration of each of the five measurements"),
			noPinFlag(catTarget),
			boolFlag(catOutput, "json", "print the report as JSON"),
		},
		Action: examine,
	}
}

func examine(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := noArguments(c); err != nil {
		return err
	}
	config := doctor.Config{Duration: c.Duration("duration"), Progress: func(what string) {
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", what)
	}}
	p, err := pinned(c)
	if err != nil {
		return err
	}
	config.TargetCPUs, config.CPUs, config.NoPin = p.target, p.generator, c.Bool(flagNoPin)
	report, err := doctor.Examine(ctx, config)
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted")}
	case err != nil:
		return err
	}
	report.Advice = advice(report)
	if c.Bool("json") {
		data, err := files.JSON(report, "  ")
		_, wrong := c.Root().Writer.Write(data)
		return errors.Join(err, wrong)
	}
	text, err := doctorText(report)
	_, wrong := io.WriteString(c.Root().Writer, text)
	return errors.Join(err, wrong)
}

// Beyond these bounds there is advice.
const (
	fewDescriptors = 20_000
	shortBacklog   = 4096
	muchSteal      = 0.02
	muchLag        = time.Millisecond // the default bound of a stage
)

// advice is what to change for more load, or for better figures.
func advice(r *doctor.Report) (all []string) {
	add := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	l := r.Limits
	few := r.FewDescriptors || l.Descriptors > 0 && l.Descriptors < fewDescriptors
	add(few && l.MostAllowed > l.Descriptors, "open files are the limit: raise it with 'ulimit -n %d'", l.MostAllowed)
	add(few && l.MostAllowed <= l.Descriptors, "open files are the limit: as root, run 'ulimit -n 200000' before onhold, or add a 'nofile' line to /etc/security/limits.conf")
	add(l.Ports > 0 && l.Ports < r.MaxClients, "%s local ports per address: on loopback onhold connects from several addresses; to another machine, widen the range (sysctl -w net.ipv4.ip_local_port_range='1024 65535')", units.Int(l.Ports))
	add(l.Backlog > 0 && l.Backlog < shortBacklog, "a server on this machine queues at most %d connections before it accepts them: for bursts, run sysctl -w net.core.somaxconn=%d", l.Backlog, shortBacklog)
	add(l.ClockSource != "" && l.ClockSource != "tsc" && l.ClockSource != "arch_sys_counter", "the clock source is %q, and a read takes %v: where the machine has it, tsc is faster (see /sys/devices/system/clocksource)", l.ClockSource, r.ClockRead)
	shared := r.TargetCPUs == ""
	add(shared, "targets and generator share one CPU: each slows the other, and no result describes the server alone")
	add(!shared && r.Loops > 1, "the generator may use CPUs %s: 'onhold run --threads %d' uses all of them", r.CPUs, r.Loops)
	add(!shared && r.Loops == 1, "the generator has one CPU: with more than two CPUs it would get half of them, each with its own loop (--threads)")
	add(r.Most.ServerFull, "the server was the limit at %s requests/s: the generator can send more", units.Int(int(r.Most.Rate)))
	const raise = "a stage in which a quota stops the generator for more than 0.1 % of the time is not valid; raise the quota, or run outside of that control group"
	q := r.CPUQuota
	add(q.Throttled.Any(), "a CPU quota stopped the generator %v during this examination, so the results above are too low: %s", q.Throttled, raise)
	add(q.CPUs > 0 && !q.Throttled.Any(), "a CPU quota allows targets and generator %.4g CPUs: %s", q.CPUs, raise)
	add(r.Steal > muchSteal, "the hypervisor took up to %s of the generator's CPU time: tail latencies include that, and disturbed stages are repeated (--retries)", units.Percent(r.Steal))
	for _, p := range r.Pacing {
		if p.LagP99 > muchLag {
			add(true, "at %s arrivals/s p99 of the generator's lag is %v: other work runs on its CPU, or its CPU sleeps deeply; '--spin 200µs' keeps it awake but uses more CPU", units.Int(p.Rate), units.Duration(p.LagP99))
			break
		}
	}
	return all
}

//go:embed doctor.tmpl
var doctorTemplate string

// doctorText is the report for people.
func doctorText(r *doctor.Report) (string, error) {
	parsed, err := template.New("doctor").Funcs(template.FuncMap{
		"duration": units.Duration, "count": units.Int[int], "percent": units.Percent,
		"rate": func(perSecond float64) string { return units.Int(int(perSecond)) },
		"wait": func() time.Duration { return doctor.Wait },
		"known": func(n int) string {
			if n == 0 {
				return "unknown"
			}
			return units.Int(n)
		},
	}).Parse(doctorTemplate)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 24, 0, 2, ' ', 0)
	err = errors.Join(parsed.Execute(columns, r), columns.Flush())
	for i, a := range r.Advice {
		if i == 0 {
			text.WriteString("\n")
		}
		text.WriteString("- " + words.Paragraph(a, ""))
	}
	return text.String(), err
}
