package escape

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"html"
	"io"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostile are names that somebody may give to a target, a branch or a benchmark,
// or that a server may say.
var hostile = []string{
	"", "plain", "naïve ☃", "a\nb", "a\r\nb", "::error::x", "  ::error file=a::x", "a\n::set-output name=x::y", "::group::\r::endgroup::", "\u00a0::error::x", "a\n\u3000 \u2003::warning::x",
	"##[error]x", "a ##[group]b", "##vso[task.setvariable]x", "##teamcity[testFailed]", "\x1b[31mred\x1b[0m", "\x1b]0;title\a", "\x1b]8;;http://x\x1b\\y",
	"\u009b31m", "\u202eturned", "\u2066isolated\u2069", "zero\u200bwidth", "\U000e0041tag", "a\u2028b", "nul\x00", "\xff\xfe", "\xf0\x9f", "del\x7f", "\ufffe\uffff",
	"```\n# heading", "````", "~~~", "# heading", "- item", "1. item", "2) item", "> quote", "===", "---", "+ item", "* item", "| cell |", "[a](javascript:b)", "![a](b)",
	"<script>alert(1)</script>", "<!-- x", "&lt;", "*bold* _it_ `code` ~gone~ $x$", `back\slash`, `"quoted" 'too'`, "]]>", "<![CDATA[", "%0A::error::", "a:b,c", "tab\there",
}

func FuzzTerminal(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, s string, cut int) {
		got := Terminal(s)
		harmlessLog(t, got)
		// Cut anywhere it comes to the same.
		var b bytes.Buffer
		w := NewWriter(&b)
		cut = max(0, min(cut, len(s)))
		for _, part := range []string{s[:cut], s[cut:]} {
			if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatalf("wrote %d of %d, %v", n, len(part), err)
			}
		}
		if b.String() != got && utf8.ValidString(s) {
			t.Errorf("in two parts %q, in one %q", b.String(), got)
		}
		// JSON comes out as the same value, and its lines are no commands.
		if !utf8.ValidString(s) {
			return
		}
		line, err := json.Marshal([]string{s})
		if err != nil {
			t.Fatal(err)
		}
		var back []string
		if err := json.Unmarshal([]byte(Terminal(string(line))), &back); err != nil || back[0] != s {
			t.Errorf("as JSON %q comes back as %q, %v", s, back, err)
		}
	})
}

// harmlessLog fails where a terminal or the runner of a job would do something.
func harmlessLog(t *testing.T, got string) {
	t.Helper()
	if !utf8.ValidString(got) {
		t.Errorf("%q is not UTF-8", got)
	}
	for _, r := range got {
		if hidden(r) && r != '\n' && r != '\t' {
			t.Errorf("%q has the hidden %U", got, r)
		}
	}
	for line := range strings.SplitSeq(got, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "::") {
			t.Errorf("%q has a line that begins with ::", got)
		}
	}
	for _, command := range []string{"##[", "##vso[", "##teamcity["} {
		if strings.Contains(got, command) {
			t.Errorf("%q has %s", got, command)
		}
	}
}

func TestTerminalKeepsWhatIsHarmless(t *testing.T) {
	for _, s := range []string{"", "plain\n\ttext\n", "naïve ☃ 中文 µs → ±", "a::b [::1]:80", "# heading", "## a [link]", "key: value"} {
		if got := Terminal(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for s, want := range map[string]string{
		"::error::x":       `:\u003aerror::x`,
		"a\n  ::error::x":  "a\n" + `  :\u003aerror::x`,
		"##[error]":        `##\u005berror]`,
		"\x1b[31m":         `\u001b[31m`,
		"\u202e":           `\u202e`,
		"\U000e0041":       `\udb40\udc41`,
		"a\rb":             `a\u000db`,
		"\xff":             "\ufffd",
		"x ##vso[task.x]y": `x ##vso\u005btask.x]y`,
	} {
		if got := Terminal(s); got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Markdown(s)
		if strings.ContainsAny(got, "\n\r") || strings.Contains(got, "<") {
			t.Errorf("%q became %q", s, got)
		}
		// Each rune with a meaning has a backslash before it.
		rest := got
		for i := 0; i < len(rest); i++ {
			switch c := rest[i]; {
			case c == '\\':
				i++
			case strings.IndexByte("|[]*_`~$", c) >= 0:
				t.Fatalf("%q became %q, where %q is bare", s, got, c)
			}
		}
		if len(got) > 0 && (strings.IndexByte("#>=", got[0]) >= 0 || strings.HasPrefix(got, "- ") || strings.HasPrefix(got, "+ ") || strings.HasPrefix(got, "---")) {
			t.Errorf("%q became %q, which begins something", s, got)
		}
		block := Fence("sh", s)
		fence := block[:strings.IndexByte(block, 's')]
		inner := strings.TrimSuffix(strings.TrimPrefix(block, fence+"sh\n"), "\n"+fence)
		if len(fence) < 3 || strings.Contains(inner, fence) {
			t.Errorf("%q is in a fence of %q: %q", s, fence, block)
		}
	})
}

func FuzzMarkup(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		page := HTML(s)
		if strings.ContainsAny(page, `<>"'`) {
			t.Errorf("%q became %q", s, page)
		}
		if clean := strings.ToValidUTF8(s, "\ufffd"); !strings.ContainsFunc(clean, hidden) && html.UnescapeString(page) != clean && utf8.ValidString(s) {
			t.Errorf("%q comes back as %q", s, html.UnescapeString(page))
		}
		type element struct {
			Name string `xml:"name,attr"`
			Text string `xml:",chardata"`
			Out  struct {
				Text string `xml:",cdata"`
			} `xml:"out"`
		}
		in := element{Name: XML(s), Text: XML(s)}
		in.Out.Text = XML(s)
		data, err := xml.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var back element
		if err := xml.Unmarshal(data, &back); err != nil {
			t.Fatalf("%q is no XML any more: %v", s, err)
		}
		if back.Name != in.Name || back.Text != in.Text || back.Out.Text != in.Out.Text {
			t.Errorf("%q came back as %q", in, back)
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Data(s), Property(s)} {
			if strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
				t.Errorf("%q became %q, which leaves its line", s, got)
			}
		}
		if strings.ContainsAny(Property(s), ":,") {
			t.Errorf("%q became %q, which leaves its property", s, Property(s))
		}
		if utf8.ValidString(s) && !strings.ContainsFunc(s, hidden) {
			if back := strings.NewReplacer("%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(Property(s)); back != s {
				t.Errorf("%q comes back as %q", s, back)
			}
		}
	})
}

// What several goroutines write at once arrives whole.
func TestWriterIsSharedByGoroutines(t *testing.T) {
	var b strings.Builder
	w := NewWriter(&b)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				io.WriteString(w, "::ä ##[x]\n")
			}
		})
	}
	all.Wait()
	if want := strings.Repeat(Terminal("::ä ##[x]\n"), 400); b.String() != want {
		t.Errorf("got %d bytes, want %d: %.100q", b.Len(), len(want), b.String())
	}
}
