package sweep

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// WhatWasRun is the last section of a page in Markdown: what was run, where, and the
// command.
func WhatWasRun(run result.Run, sweeps []Sweep) string {
	var text strings.Builder
	text.WriteString("## What was run\n\n" + escape.Markdown(Caption(run, sweeps)) + "\n")
	for _, s := range []string{Environment(run.Environment), strings.Join(run.Notes, "; "), period(run)} {
		if s != "" {
			text.WriteString("\n" + escape.Markdown(s) + "\n")
		}
	}
	if len(run.Command) > 0 {
		text.WriteString("\n" + escape.Fence("sh", shell(run.Command)) + "\n")
	}
	return text.String()
}

// Environment describes the machine in one line.
func Environment(e result.Environment) string {
	var parts []string
	for _, s := range []string{e.CPU, e.OS, e.Arch, e.Kernel, e.Go} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Cores > 0 {
		parts = append(parts, units.Plural(e.Cores, "core"))
	}
	if e.Memory > 0 {
		parts = append(parts, units.Size(e.Memory)+" of memory")
	}
	if e.Onhold != "" {
		parts = append(parts, "onhold "+e.Onhold)
	}
	return strings.Join(parts, ", ")
}

func period(run result.Run) string {
	if run.Started.IsZero() {
		return ""
	}
	s := "Started " + run.Started.UTC().Format(time.RFC3339)
	if d := run.Finished.Sub(run.Started); !run.Finished.IsZero() && d > 0 {
		s += fmt.Sprintf(", took %s", d.Round(time.Second))
	}
	return s + "."
}

var plainArg = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shell quotes a command for a shell.
func shell(command []string) string {
	var quoted []string
	for _, w := range command {
		if !plainArg.MatchString(w) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " ")
}
