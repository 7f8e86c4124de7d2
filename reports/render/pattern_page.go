package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/result"
)

// page is patterns.md: what was found, in one line each, and then each with
// its figure, what was done, and how to see it alone.
func (ps *patterns) page() []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Patterns of communication, measured\n")
	if ps.run.Partial {
		line("**PARTIAL: the run did not come to its end**\n")
	}
	line("%s\n", escape.Markdown(introduction(ps.run, len(ps.all))))
	for _, p := range ps.all {
		line("- [%s](#%s) %s", escape.Markdown(p.heading()), anchor(p), escape.Markdown(p.Finding))
	}
	for _, p := range ps.all {
		line("\n<a id=\"%s\"></a>\n\n## %s\n", anchor(p), escape.Markdown(p.heading()))
		if alt, ok := ps.made[p.Name]; ok {
			line("![%s](%s.png)\n", escape.Markdown(alt), p.Name)
		} else {
			line("There is no figure of it.\n")
		}
		if p.Finding != "" {
			line("**%s**\n", escape.Markdown(sentence(p.Finding)))
		}
		if p.Text != "" {
			line("%s\n", escape.Markdown(p.Text))
		}
		if p.Command != "" {
			line("%s", escape.Fence("sh", p.Command))
		}
		for i, w := range p.Warnings {
			if i == 0 {
				line("")
			}
			line("- %s", escape.Markdown(w))
		}
	}
	b.WriteString("\n" + page.WhatWasRun(ps.run, nil))
	return []byte(b.String())
}

func introduction(run result.Run, n int) string {
	if n == 0 {
		return "No experiment was finished."
	}
	s := "What happens to those who call, and to those who are called: measured"
	e := run.Environment
	if e.Host != "" {
		s += " on " + e.Host
	}
	var machine []string
	if e.Cores > 0 {
		machine = append(machine, fmt.Sprintf("%d cores", e.Cores))
	}
	for _, m := range []string{e.CPU, e.OS} {
		if m != "" {
			machine = append(machine, m)
		}
	}
	if len(machine) > 0 {
		s += " (" + strings.Join(machine, ", ") + ")"
	}
	if run.ID != "" {
		s += ", run " + run.ID
	}
	return s + ". The sentences in bold are made from what was measured."
}

// heading is the question, or what there is instead.
func (p Pattern) heading() string {
	if p.Question != "" {
		return p.Question
	}
	return p.Name
}

// anchor is a name that a link can have.
func anchor(p Pattern) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && fileName.MatchString(string(r)) || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, p.Name)
}

// PatternText writes what was found to w: of each pattern the question, the
// finding, what a reader should know, and the command that shows it alone. It
// fails where w does.
func PatternText(w io.Writer, all []Pattern) error {
	var b strings.Builder
	for i, p := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		paragraph(&b, p.heading(), "")
		if p.Finding != "" {
			paragraph(&b, sentence(p.Finding), "  ")
		}
		for _, warning := range p.Warnings {
			paragraph(&b, "! "+warning, "  ")
		}
		if p.Command != "" {
			b.WriteString("  $ " + strings.ReplaceAll(p.Command, "\n", "\n    ") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
