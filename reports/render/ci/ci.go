// Package ci writes what systems of continuous integration read: JUnit reports, and
// workflow commands of GitHub.
package ci

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/words"
)

//go:embed junit.xml.tmpl
var files embed.FS

var templates = words.Templates(files, nil)

// Suite is a JUnit report of one suite.
type Suite struct {
	Name       string
	Cases      []Case
	Took       time.Duration
	Time       time.Time // when it ended; zero where that is not known
	Properties [][2]string
}

// Case is a test case. Outcome is the name of its element: failure, error or skipped; ""
// where it passes. Text is the reason. Skipped is plain text in strict schemas: a message
// attribute would not be valid.
type Case struct {
	Class, Name, Outcome, Message, Type, Text, Out string
}

// JUnit is the report as XML.
func (s Suite) JUnit() string {
	counts := map[string]int{"failure": 0, "error": 0, "skipped": 0}
	for _, k := range s.Cases {
		counts[k.Outcome]++
	}
	timestamp := ""
	if !s.Time.IsZero() {
		timestamp = s.Time.UTC().Format("2006-01-02T15:04:05")
	}
	return words.Fill(templates, "junit.xml.tmpl", map[string]any{
		"Name": s.Name, "Cases": s.Cases, "Counts": counts, "Properties": s.Properties,
		"Time": strconv.FormatFloat(s.Took.Seconds(), 'f', 3, 64), "Timestamp": timestamp,
	})
}

// Annotation is a workflow command of GitHub: kind is error, warning or notice.
func Annotation(kind, title string, lines ...string) string {
	for i := range lines {
		lines[i] = escape.Line(lines[i])
	}
	return fmt.Sprintf("::%s title=%s::%s\n", kind, escape.Property("onhold: "+title), escape.Data(strings.Join(lines, "\n")))
}
