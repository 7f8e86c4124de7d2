package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
)

// page is patterns.md: the findings in one line each, and then each pattern with its
// figure, what was done, and the command that shows it alone.
func (ps *patterns) page() []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Patterns of communication, measured\n")
	if ps.run.Partial {
		line("**PARTIAL: the run was interrupted**\n")
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
			line("There is no figure.\n")
		}
		if p.Finding != "" {
			line("**%s**\n", escape.Markdown(words.Sentence(p.Finding)))
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
		return "No experiment was completed."
	}
	s := "What happens to clients and servers, measured"
	if run.Environment.Host != "" {
		s += " on " + run.Environment.Host
	}
	if run.ID != "" {
		s += ", run " + run.ID
	}
	return s + ". Sentences in bold are generated from the measurements."
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
		b.WriteString(words.Paragraph(p.heading(), ""))
		if p.Finding != "" {
			b.WriteString(words.Paragraph(words.Sentence(p.Finding), "  "))
		}
		for _, warning := range p.Warnings {
			b.WriteString(words.Paragraph("! "+warning, "  "))
		}
		if p.Command != "" {
			b.WriteString("  $ " + strings.ReplaceAll(p.Command, "\n", "\n    ") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
