package pattern

import (
	"fmt"
	"io"
	"strings"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
)

// markdown is patterns.md: what was found, in one line each, and then each with its
// figure, what was done, and how to see it alone. alts are the descriptions of the
// figures that there are.
func markdown(run result.Run, all []Pattern, alts map[string]string) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Patterns of communication, measured\n")
	if run.Partial {
		line("**PARTIAL: the run was interrupted**\n")
	}
	line("%s\n", escape.Markdown(introduction(run, len(all))))
	for _, p := range all {
		line("- [%s](#%s) %s", escape.Markdown(p.heading()), anchor(p), escape.Markdown(p.Finding))
	}
	for _, p := range all {
		line("\n<a id=\"%s\"></a>\n\n## %s\n", anchor(p), escape.Markdown(p.heading()))
		if alt, ok := alts[p.Name]; ok {
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
	b.WriteString("\n" + sweep.WhatWasRun(run, nil))
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

// anchor is a name that a link can have.
func anchor(p Pattern) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && fileName.MatchString(string(r)) || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, p.Name)
}

// Text writes what was found to w: of each pattern the question, the finding, what a
// reader should know, and the command that shows it alone. It fails where w does.
func Text(w io.Writer, all []Pattern) error {
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
