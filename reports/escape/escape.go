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
	"io"
	"strings"
	"sync"
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

// Terminal is s for a terminal or for the log of a job. Lines and tabs stay. It
// moves no cursor, sets no colour or title and turns no text round, and none of
// its lines is a command to whoever runs the job: GitHub's ::error:: at the start
// of a line, ##[group] anywhere, and the like of other systems.
func Terminal(s string) string {
	var g guard
	return string(g.add(nil, []byte(s), true))
}

// Writer hands on what is written to it as Terminal has it. What a command
// prints goes through one: then no name and no message can be forgotten. Several
// goroutines may use it.
type Writer struct {
	w  io.Writer
	mu sync.Mutex // guards g, and keeps what is written at once together
	g  guard
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write hands on p. Of a rune that is cut off at its end it waits for the rest.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.w.Write(w.g.add(make([]byte, 0, len(p)+16), p, false)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Unwrap is the writer below: for what is meant to be a command, and for a
// progress bar.
func (w *Writer) Unwrap() io.Writer { return w.w }

// guard is where in a line the text is.
type guard struct {
	rest   []byte // the begin of a rune
	lead   int    // of the line so far: leadBlank, leadColon, leadText
	marked int    // of ##, ##[ and ##vso[ so far: how many number signs, letters behind them aside
}

const (
	leadBlank = iota // nothing but blanks
	leadColon        // and one colon
	leadText
)

// add appends text to b. With all there is no more to come.
func (g *guard) add(b, text []byte, all bool) []byte {
	if len(g.rest) > 0 {
		text = append(g.rest, text...)
		g.rest = nil
	}
	for len(text) > 0 {
		if !all && !utf8.FullRune(text) {
			g.rest = append([]byte(nil), text...)
			break
		}
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		b = g.one(b, r)
	}
	return b
}

func (g *guard) one(b []byte, r rune) []byte {
	switch {
	case r == '\n':
		g.lead, g.marked = leadBlank, 0
		return append(b, '\n')
	case unicode.IsSpace(r) && !hidden(r) || r == '\t': // also U+00A0 and its like: GitHub's runner trims all of them
		g.marked = 0
		return utf8.AppendRune(b, r)
	case hidden(r):
		g.lead, g.marked = leadText, 0
		return visible(b, r)
	}
	escaped := r == ':' && g.lead == leadColon || r == '[' && g.marked >= 2
	switch {
	case r == ':' && g.lead == leadBlank:
		g.lead = leadColon
	default:
		g.lead = leadText
	}
	switch {
	case r == '#':
		g.marked++
	case g.marked >= 2 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'):
	default:
		g.marked = 0
	}
	if escaped {
		return visible(b, r)
	}
	return utf8.AppendRune(b, r)
}
