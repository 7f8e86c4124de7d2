// Package escape has one function for each format that text from outside is
// written into: names of targets and benchmarks, addresses, branches, labels,
// units, and what a server or a program said. Such text must not end what it
// stands in, begin something of its own, or hide what it says.
//
//   - a terminal or a log of a job: [Terminal], and [Writer] for all that a
//     command prints
//   - Markdown: [Markdown] within a line, [Fence] for a block of code
//   - HTML, also in attributes: [HTML]
//   - XML, before an encoder that escapes markup: [XML]
//   - commands to GitHub Actions: [Data], [Property]
//   - anything of a single line: [Line]
//
// All of them show a character that nobody sees (a control character, one that
// turns the direction of text) as \u and four digits, as in JSON.
package escape

import (
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// hidden reports whether a rune has an effect or no shape instead of a shape:
// control characters, format characters (the bidirectional ones among them), and
// separators of lines and paragraphs.
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r&0xFFFE == 0xFFFE
}

// visible appends the rune as \u and four digits, and as two of these beyond
// U+FFFF. In a JSON string that is the same rune.
func visible(b []byte, r rune) []byte {
	if hi, lo := utf16.EncodeRune(r); hi != unicode.ReplacementChar {
		return fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}

// shown replaces hidden runes but those in keep. Bytes that are no UTF-8 become
// U+FFFD.
func shown(s, keep string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return hidden(r) && !strings.ContainsRune(keep, r) }) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for _, r := range s {
		if hidden(r) && !strings.ContainsRune(keep, r) {
			b = visible(b, r)
			continue
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

// Line is s as one line: runs of blanks and line ends become one space.
func Line(s string) string { return shown(strings.Join(strings.Fields(s), " "), "") }

// markdown escapes what has a meaning within a line of Markdown.
var markdown = strings.NewReplacer(`\`, `\\`, "&", "&amp;", "<", "&lt;", "|", `\|`, "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`, "`", "\\`", "~", `\~`, "$", `\$`)

// Markdown is s for a line of GitHub's Markdown, a cell of a table, or the text of
// a link or a picture: it is shown as it is, in one line, and is no markup. It
// may stand at the start of a line.
func Markdown(s string) string {
	// Before what is hidden is shown: the backslash of that is no markup either.
	return lineStart(markdown.Replace(Line(s)))
}

// lineStart escapes what begins a heading, a list, a quotation or a line below
// a heading where it stands first.
func lineStart(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '#', '>', '=':
		return `\` + s
	case '-', '+':
		if len(s) == 1 || s[1] == ' ' || s[1] == '-' { // and not a number with its sign
			return `\` + s
		}
	}
	if digits := strings.TrimLeft(s, "0123456789"); len(digits) < len(s) && (strings.HasPrefix(digits, ". ") || strings.HasPrefix(digits, ") ") || digits == "." || digits == ")") {
		return s[:len(s)-len(digits)] + `\` + digits
	}
	return s
}

// Fence is a block of code of the given language in Markdown, without a line end
// behind it. Whatever text holds, it does not end the block.
func Fence(language, text string) string {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", max(3, longest+1))
	return fence + language + "\n" + shown(text, "\n\t") + "\n" + fence
}

// HTML is s as text of an HTML page, or as the value of an attribute in quotes.
func HTML(s string) string { return html.EscapeString(shown(s, "\n\t")) }

// XML is s without what XML 1.0 has no form for. It is for an encoder that
// escapes markup; the standard library's would put a replacement that some
// readers refuse.
func XML(s string) string { return shown(s, "\n\t") }

// Data is s as the message of a workflow command of GitHub Actions: it stays
// within the command, and comes out as it is. Lines stay lines.
func Data(s string) string {
	return strings.NewReplacer("%", "%25", "\n", "%0A").Replace(shown(strings.ReplaceAll(s, "\r\n", "\n"), "\n\t"))
}

// Property is s as a property of a workflow command, like its title.
func Property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(Data(s))
}
