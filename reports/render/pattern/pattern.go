// Package pattern shows experiments: a figure, a sentence and a page for each pattern of
// communication that was measured.
//
// A [Pattern] has up to four panels of lines, bars, timelines or dots. [Write] draws
// them and writes the page; [Read] reads them back.
package pattern

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Pattern is one experiment: a figure, a sentence, and what was run.
type Pattern struct {
	Name     string   `json:"name"`           // file name without .png: "phone-calls"
	Question string   `json:"question"`       // heading: "Phone calls, or one group text?"
	Finding  string   `json:"finding"`        // title of the figure and sentence in the page, made from the data; "" where they do not support one
	Text     string   `json:"text"`           // a paragraph: what was done, and why it comes out so
	Command  string   `json:"command"`        // that shows it alone
	Caption  string   `json:"caption"`        // setup, under the figure
	Limit    string   `json:"limit,omitzero"` // who was the limit at the highest level; "" where nothing was
	Warnings []string `json:"warnings,omitempty"`
	Panels   []Panel  `json:"panels"` // left to right, at most four; four are two rows of two
}

// Panel is one part of a figure. It shows one kind of data: lines, bars, spans or dots.
type Panel struct {
	Title string `json:"title"` // bold up to the first colon
	X     Axis   `json:"x"`     // of Lines; of Spans its label
	Y     Axis   `json:"y"`     // of Lines
	Lines []Line `json:"lines,omitempty"`
	Bars  []Bar  `json:"bars,omitempty"`
	Spans []Span `json:"spans,omitempty"`
	Dots  []Dot  `json:"dots,omitempty"`
	Note  string `json:"note,omitempty"` // small, below the panel
}

// Axis is one axis of a panel of lines. Panels whose axes are equal, and have a label,
// have one scale, so that they can be compared.
//
// A log x needs a log y, or a straight line would look like an elbow: where y is linear,
// and no share, x is drawn linear too.
type Axis struct {
	Label string      `json:"label,omitempty"`
	Unit  units.Unit  `json:"unit,omitempty"`
	Log   bool        `json:"log,omitempty"`
	Max   units.Value `json:"max,omitempty"` // 0: that of the data
}

// Line is one curve. What is not a number is a gap in it, and so is what a log axis
// cannot show: zero and less.
type Line struct {
	Name   string        `json:"name"`            // labelled at the right end
	Style  string        `json:"style,omitempty"` // of a target, for its hue; else ""
	X      []units.Value `json:"x"`
	Y      []units.Value `json:"y"`
	Dashed bool          `json:"dashed,omitempty"` // theory: dark grey, dashed
	Step   bool          `json:"step,omitempty"`   // each value holds up to the next point
	Fill   bool          `json:"fill,omitempty"`   // the area below is tinted
	Hollow []bool        `json:"hollow,omitempty"` // points that are not valid; nil: none
}

// Add adds a point.
func (l *Line) Add(x, y float64) {
	l.X, l.Y = append(l.X, units.Value(x)), append(l.Y, units.Value(y))
}

// Bar is one horizontal bar, from zero.
type Bar struct {
	Label string      `json:"label"`
	Group string      `json:"group,omitempty"` // heading above the bars that have it
	Style string      `json:"style,omitempty"`
	Value units.Value `json:"value"`
	Unit  units.Unit  `json:"unit"`
	Text  string      `json:"text,omitempty"` // beside the bar; "": the value
	Low   units.Value `json:"low,omitempty"`  // a line over the bar: the spread of the value; none where both are 0
	High  units.Value `json:"high,omitempty"`
}

// Span is one bar of a timeline. Lanes go from top to bottom in the order in which they
// first appear.
type Span struct {
	Lane  string        `json:"lane"`
	Label string        `json:"label,omitempty"`
	Style string        `json:"style,omitempty"`
	From  time.Duration `json:"from_ns"`
	To    time.Duration `json:"to_ns"`
	Wait  bool          `json:"wait,omitempty"` // pale: nothing is done, somebody waits
}

// Dot is one caller.
type Dot struct {
	Outcome result.Outcome `json:"outcome"`
	Latency time.Duration  `json:"latency_ns"`
}

// File is the file that holds patterns with all of their data, from which everything
// else that is written of them can be written again.
const File = "patterns.json"

const (
	schema  = 1         // the form of File
	maxRead = 256 << 20 // bytes
)

type stored struct {
	Schema   int        `json:"schema"`
	Run      result.Run `json:"run"`
	Patterns []Pattern  `json:"patterns"`
}

// Read reads the patterns that [Write] left in the folder dir.
func Read(dir string) (result.Run, []Pattern, error) {
	var s stored
	err := files.ReadJSON(filepath.Join(dir, File), maxRead, schema, &s)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%s holds no patterns: %w", dir, err)
	}
	return s.Run, s.Patterns, err
}

const mostPanels = 4

// Write writes one figure for each pattern, patterns.md and [File] into the folder dir,
// which must exist, and returns the paths of the files, in order. A pattern without
// panels has no figure. The error joins all that went wrong; what could be written is
// written all the same.
func Write(dir string, run result.Run, all []Pattern) (paths []string, err error) {
	return write(dir, run, all, canvas.DPI)
}

func write(dir string, run result.Run, all []Pattern, resolution int) (paths []string, err error) {
	alts := map[string]string{} // of the figures that were written, by the pattern's name
	var names []string
	for _, p := range all {
		if fault := p.check(names); fault != nil {
			err = errors.Join(err, fmt.Errorf("pattern %q: %w", p.Name, fault))
		}
		if !fileName.MatchString(p.Name) || slices.Contains(names, p.Name) {
			continue
		}
		names = append(names, p.Name)
		if len(p.Panels) == 0 {
			continue
		}
		f := figureOf(run, p)
		made, drawErr := figure.Files(f, p.Name, resolution)
		written, writeErr := sweep.Save(dir, made...)
		if err = errors.Join(err, drawErr, writeErr); len(written) > 0 {
			alts[p.Name] = f.Alt
		}
		paths = append(paths, written...)
	}
	data, encodeErr := files.JSON(stored{schema, run, all}, "")
	written, writeErr := sweep.Save(dir, sweep.File{Name: "patterns.md", Data: markdown(run, all, alts)}, sweep.File{Name: File, Data: data})
	return append(paths, written...), errors.Join(err, encodeErr, writeErr)
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// check returns what of a pattern cannot be shown as it is. names are those that are
// taken.
func (p Pattern) check(names []string) error {
	var err error
	fault := func(is bool, format string, args ...any) {
		if is {
			err = errors.Join(err, fmt.Errorf(format, args...))
		}
	}
	fault(!fileName.MatchString(p.Name), "the name cannot be that of a file")
	fault(slices.Contains(names, p.Name), "another has the same name")
	fault(len(p.Panels) > mostPanels, "%d panels, and a figure has room for %d: the rest is left out", len(p.Panels), mostPanels)
	for i, c := range p.Panels {
		kinds := 0
		for _, n := range []int{len(c.Lines), len(c.Bars), len(c.Spans), len(c.Dots)} {
			kinds += min(n, 1)
		}
		fault(kinds > 1, "panel %d has data of %d kinds, and shows one", i+1, kinds)
		for _, l := range c.Lines {
			fault(len(l.X) != len(l.Y), "panel %d: line %q has %d x and %d y", i+1, l.Name, len(l.X), len(l.Y))
		}
		for _, s := range c.Spans {
			fault(s.To < s.From, "panel %d: a span of %q ends before it begins", i+1, s.Lane)
		}
	}
	return err
}

// title is the finding, or the question where there is none.
func (p Pattern) title() string { return cmp.Or(p.Finding, p.Question, p.Name) }

// heading is the question, or the name where there is none.
func (p Pattern) heading() string { return cmp.Or(p.Question, p.Name) }

//go:embed *.tmpl
var texts embed.FS

var templates = words.Templates(texts, template.FuncMap{
	"heading": Pattern.heading, "anchor": anchor,
	"indent": func(s string) string { return strings.ReplaceAll(s, "\n", "\n    ") },
})

// markdown is patterns.md: what was found, in one line each, and then each with its
// figure, what was done, and how to see it alone. alts are the descriptions of the
// figures that there are.
func markdown(run result.Run, all []Pattern, alts map[string]string) []byte {
	return []byte(words.Fill(templates, "patterns.md.tmpl", map[string]any{
		"Run": run, "Introduction": introduction(run, len(all)), "Patterns": all, "Alts": alts, "WhatWasRun": sweep.WhatWasRun(run, nil),
	}))
}

func introduction(run result.Run, n int) string {
	if n == 0 {
		return "No experiment was completed."
	}
	return "What happens to clients and servers, measured" + words.If(run.Environment.Host != "", " on "+run.Environment.Host) +
		words.If(run.ID != "", ", run "+run.ID) + ". Sentences in bold are generated from the measurements."
}

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
	_, err := io.WriteString(w, words.Fill(templates, "patterns.txt.tmpl", all))
	return err
}
