package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const done = "[DONE]"

// heard is the events of a text, each with whether it is the end mark, read in pieces
// of the sizes given, over again.
func heard(kind Kind, text []byte, sizes []byte) (marks []bool) {
	s := scanner{kind: kind}
	for i := 0; len(text) > 0; i++ {
		n := len(text)
		if len(sizes) > 0 {
			n = min(n, 1+int(sizes[i%len(sizes)]))
		}
		piece := slices.Clone(text[:n])
		text = text[n:]
		for len(piece) > 0 {
			n, event := s.next(done, piece)
			if n == 0 {
				panic("it does not go on")
			}
			clear(piece[:n]) // it keeps nothing
			piece = piece[n:]
			if event {
				marks = append(marks, s.end(done))
			}
		}
	}
	if s.ended(true) {
		marks = append(marks, s.end(done))
	}
	return marks
}

// expected is the same by the letter of the standard, of a text that is all there.
func expected(kind Kind, text string) (marks []bool) {
	if kind == Lines {
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				marks = append(marks, line == done)
			}
		}
		return marks
	}
	text = strings.TrimPrefix(text, bom)
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	data, any := "", false
	for {
		line, rest, ended := strings.Cut(text, "\n")
		if !ended {
			return marks // and what there is of an event is dropped
		}
		text = rest
		field, value, _ := strings.Cut(line, ":")
		switch {
		case line == "" && any:
			marks = append(marks, strings.TrimSuffix(data, "\n") == done)
			data, any = "", false
		case field == "data":
			data, any = data+strings.TrimPrefix(value, " ")+"\n", true
		}
	}
}

func TestEvents(t *testing.T) {
	const event, mark = false, true
	for _, c := range []struct {
		kind Kind
		text string
		want []bool
	}{
		{SSE, "data: a\n\ndata:b\n\n", []bool{event, event}},
		{SSE, "data: a\r\n\r\ndata: b\r\rdata: c\n\n", []bool{event, event, event}},
		{SSE, "\ufeffdata: a\n\n", []bool{event}},
		{SSE, "\xef\xbbdata: a\n\ndata: b\n\n", []bool{event}},
		{SSE, ": keep-alive\n\n:\n\n\n\n", nil},
		{SSE, ": comment\ndata: a\n: comment\n\n", []bool{event}},
		{SSE, "event: x\nid: 1\nretry: 5\n\n", nil},
		{SSE, "event: x\ndata: a\nid: 1\n\n", []bool{event}},
		{SSE, "data\n\ndata:\n\n", []bool{event, event}},
		{SSE, "data: a\ndata: b\n\n", []bool{event}},
		{SSE, "dat: a\n\ndatas: a\n\nDATA: a\n\n data: a\n\n", nil},
		{SSE, "data: a\n", nil},
		{SSE, "data: [DONE]\n\n", []bool{mark}},
		{SSE, "data:[DONE]\r\n\r\n", []bool{mark}},
		{SSE, "data:  [DONE]\n\ndata: [DONE] \n\ndata: [DON\n\ndata: [DONE]\ndata\n\n", []bool{event, event, event, event}},
		{SSE, "id: 7\ndata: [DONE]\nevent: end\n\n", []bool{mark}},
		{Lines, "a\nb\r\n[DONE]\r\n", []bool{event, event, mark}},
		{Lines, "a\n\n\r\nb", []bool{event, event}},
		{Lines, "\r\r\na\rb\n\r", []bool{event, event}},
		{Lines, "[DONE]", []bool{mark}},
		{Lines, "[DONE]x\nx[DONE]\n", []bool{event, event}},
	} {
		for _, sizes := range [][]byte{nil, {0}, {1}, {2, 0}} {
			if got := heard(c.kind, []byte(c.text), sizes); !slices.Equal(got, c.want) {
				t.Errorf("%v of %q in pieces of %v: %v, want %v", c.kind, c.text, sizes, got, c.want)
			}
		}
		if got := expected(c.kind, c.text); !slices.Equal(got, c.want) && !strings.HasPrefix(c.text, "\xef\xbbd") {
			t.Errorf("%v of %q: the letter says %v, want %v", c.kind, c.text, got, c.want)
		}
	}
}

// Several lines are joined by line feeds, also where the end mark has some.
func TestMarkOfSeveralLines(t *testing.T) {
	const twoLines = "the\nend"
	for text, want := range map[string]bool{"data: the\ndata: end\n\n": true, "data: the\n\n": false, "data: theend\n\n": false, "data: the\ndata\ndata: end\n\n": false} {
		s := scanner{kind: SSE}
		if n, event := s.next(twoLines, []byte(text)); n != len(text) || !event || s.end(twoLines) != want {
			t.Errorf("%q: read to %d, an event: %v; want it to be the mark: %v", text, n, event, want)
		}
	}
}

// words are what texts are made of, so that every step is met often.
var words = []string{"\n", "\r", "\r\n", "\n\n", "data", "data:", "data: ", "data: [DONE]", "[DONE]", ":", " ", "id: 1", "event", "\ufeff", "x", "dat", "\x00"}

func TestEventsDoNotDependOnHowTheyArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{SSE, Lines}).Draw(t, "kind")
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 60).Draw(t, "words"), "")
		sizes := rapid.SliceOfN(rapid.ByteRange(0, 9), 0, 8).Draw(t, "sizes")
		if got, want := heard(kind, []byte(text), sizes), expected(kind, text); !slices.Equal(got, want) {
			t.Fatalf("%v of %q in pieces of %v: %v, want %v", kind, text, sizes, got, want)
		}
	})
}

func FuzzEvents(f *testing.F) {
	for _, text := range []string{"data: a\n\n: x\r\n\r\ndata:[DONE]\r\rdata", "\ufeffdata\n\ndata: [DONE]\ndata:\n\n", "a\r\n[DONE]\n\n\r\nb"} {
		f.Add([]byte(text), []byte{0})
		f.Add([]byte(text), []byte{3, 0, 40})
	}
	f.Fuzz(func(t *testing.T, text, sizes []byte) {
		for _, kind := range []Kind{SSE, Lines, Chunks} {
			got, want := heard(kind, text, sizes), heard(kind, text, nil)
			if !slices.Equal(got, want) {
				t.Errorf("%v of %q in pieces of %v: %v; in one: %v", kind, text, sizes, got, want)
			}
			broken := strings.HasPrefix(string(text), bom[:1]) && !strings.HasPrefix(string(text), bom)
			if by := expected(kind, string(text)); kind != Chunks && !broken && !slices.Equal(got, by) {
				t.Errorf("%v of %q: %v, the letter says %v", kind, text, got, by)
			}
		}
	})
}

// BenchmarkScan is what it costs to find an event as a server of a language model
// sends it.
func BenchmarkScan(b *testing.B) {
	event := fmt.Sprintf("data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" a token\"}}],\"pad\":\"%s\"}\n\n", strings.Repeat("x", 100))
	for kind, text := range map[Kind][]byte{SSE: []byte(event), Lines: []byte(event[:len(event)-1])} {
		b.Run(kind.String(), func(b *testing.B) {
			s := scanner{kind: kind}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if n, event := s.next(done, text); n != len(text) || !event || s.end(done) {
					b.Fatal(n, event)
				}
			}
		})
	}
}
