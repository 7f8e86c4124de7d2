// Package words has what the sentences of reports are put together from, beside
// the numbers of package units.
package words

import (
	"encoding/xml"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/escape"
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

// Distinct are the names of things that are compared, in at most most characters where
// that can be: without what all begin and end with, or else letters, with keys that
// say what they stand for.
func Distinct(names []string, most int) (short, keys []string) {
	long := func(all []string) bool {
		return slices.ContainsFunc(all, func(s string) bool { return utf8.RuneCountInString(s) > most })
	}
	if len(names) < 2 || !long(names) {
		return names, nil
	}
	first := names[0]
	head, tail := len(first), len(first)
	for _, n := range names[1:] {
		h, t := 0, 0
		for h < min(head, len(n)) && n[h] == first[h] {
			h++
		}
		for t < min(tail, len(n)) && n[len(n)-1-t] == first[len(first)-1-t] {
			t++
		}
		head, tail = h, t
	}
	const parts = "/?&=. ,"
	head = strings.LastIndexAny(first[:head], parts) + 1
	end := first[len(first)-tail:]
	if tail = strings.IndexAny(end, parts); tail >= 0 {
		tail = len(end) - tail
	}
	tail = max(tail, 0)
	for _, n := range names {
		middle := n[head:max(head, len(n)-tail)]
		short = append(short, If(head > 0, "…")+middle+If(tail > 0, "…"))
	}
	if !long(short) && !slices.ContainsFunc(short, func(s string) bool { return strings.Trim(s, "…") == "" }) {
		return short, nil
	}
	for i, n := range names {
		short[i] = string(rune('A'+i%26)) + If(i >= 26, fmt.Sprint(i/26))
		keys = append(keys, short[i]+": "+n)
	}
	return short, keys
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

// If is text where it is to be, else "".
func If(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

// Join puts the parts that are not empty together.
func Join(between string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" }), between)
}

// AtMost is the first most texts of all, and how many more there are in format; all
// where that would save no line.
func AtMost(all []string, most int, format string) []string {
	if len(all) <= most+1 {
		return all
	}
	return append(slices.Clone(all[:most]), fmt.Sprintf(format, len(all)-most))
}

// Groups are values by key, with the keys in the order in which they first appeared.
type Groups[K comparable, V any] struct {
	Keys []K
	Of   map[K][]V
}

// Add adds a value to the group of its key.
func (g *Groups[K, V]) Add(key K, value V) {
	if g.Of == nil {
		g.Of = map[K][]V{}
	}
	if g.Of[key] == nil {
		g.Keys = append(g.Keys, key)
	}
	g.Of[key] = append(g.Of[key], value)
}

// Templates are the texts in files that end in .tmpl, with the functions that texts
// need: escaping for a format, paragraphs and sentences of this package, and others.
func Templates(files fs.FS, others template.FuncMap) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"md": escape.Markdown, "fence": escape.Fence, "xml": markup, "cdata": characters,
		"paragraph": Paragraph, "sentence": Sentence, "upper": UpperFirst,
	}).Funcs(others).ParseFS(files, "*.tmpl"))
}

// Fill is a template with its data. One that does not fit its data is a fault of the
// program.
func Fill(t *template.Template, name string, data any) string {
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		panic(err)
	}
	return b.String()
}

// markup is s as text of an XML element, or as the value of an attribute.
func markup(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(escape.XML(s))) // to memory
	return b.String()
}

// characters is s as character data of an XML element, in which lines stay lines.
func characters(s string) string {
	return "<![CDATA[" + strings.ReplaceAll(escape.XML(s), "]]>", "]]]]><![CDATA[>") + "]]>"
}
