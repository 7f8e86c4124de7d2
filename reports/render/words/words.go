// Package words has what the sentences of reports are put together from, beside
// the numbers of package units.
package words

import (
	"strings"
	"unicode/utf8"
)

// Width is how many columns a text uses at most: what a terminal beside an editor
// has.
const Width = 120

// Paragraph is text in lines of at most Width, the first indented by indent, those
// behind it by two more. A percent sign stays with its number.
func Paragraph(text, indent string) string {
	var b strings.Builder
	line, empty := indent, true
	for part := range strings.SplitSeq(strings.ReplaceAll(strings.Join(strings.Fields(text), " "), " %", "\u00a0%"), " ") {
		part = strings.ReplaceAll(part, "\u00a0", " ")
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(part) > Width {
			b.WriteString(line + "\n")
			line, empty = indent+"  ", true
		}
		if !empty {
			line += " "
		}
		line += part
		empty = false
	}
	return b.String() + line + "\n"
}

// Shorten cuts the middle out of s where it has more than most characters: of a
// URL, the host and the end of the path both matter.
func Shorten(s string, most int) string {
	if len(s) <= most || most < 3 {
		return s
	}
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	head := (most - 1) / 2
	return string(r[:head]) + "…" + string(r[len(r)-(most-1-head):])
}

// Sentence ends s with a full stop, unless it has its end.
func Sentence(s string) string {
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// UpperFirst is s with its first letter in upper case.
func UpperFirst(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}
