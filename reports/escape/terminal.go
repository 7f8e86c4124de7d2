package escape

import (
	"io"
	"sync"
	"unicode"
	"unicode/utf8"
)

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
