// Package html writes report.html: one file that holds its figures, its data and its
// scripts, and that loads nothing. Begin with [Report].
//
// What does not change is drawn before: the SVG figures of the run, visible without
// scripts, in print and to screen readers, each with the table behind it. What redraws
// (percentiles, requirement, crosshair) is page.js on uPlot, which is embedded with its
// licence. Names from outside are escaped by html/template.
package html

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
)

// Name is the name of the file.
const Name = "report.html"

// mostPictures bounds the figures in a page, in bytes: the page is to stay below 2 MB.
// Those beyond it are named, and lie beside the page.
const mostPictures = 1200 << 10

//go:embed page.html page.css page.js uplot
var parts embed.FS

var page = template.Must(template.New("page.html").ParseFS(parts, "page.html"))

// content is what the page shows.
type content struct {
	Title, Limits, Stamp, Validity string
	CSS                            template.CSS
	JS                             []template.JS
	Licence                        string
	Data                           template.JS // charts, as JSON
	Tables                         sweep.Tables
	Sections                       []section
	Live                           bool // there is something to draw
	Missing, Notes                 []string
	Environment                    []string
	Command                        string
	Downloads                      []download
}

// section is figures of one kind.
type section struct {
	ID, Heading, Text string
	Pictures          []picture
	Elsewhere         []string // files of figures for which the page has no room
}

type picture struct {
	Name  string
	Note  string
	SVG   template.HTML
	Table *table.Table
}

type download struct {
	Name string
	Data template.URL
}

// sections are the kinds of figures in the order of the page, by the beginnings of the
// names of their files.
var sections = []section{
	{ID: "find", Heading: "The search", Text: "The share of bad arrivals at every level that was tried, with its bounds. The dashed line is what the requirement allows; the capacity lies in the grey area."},
	{ID: "differences", Heading: "The two runs", Text: "How latency differs between the two runs at each level that both have. Above the line at 1, the second run is slower."},
	{ID: "steps", Heading: "Steps of a session", Text: "How long each step takes, and which share of a session's time it is. The slowest step is blue."},
	{ID: "capacity", Heading: "Capacity", Text: "Latency of the requests that were served, how all requests ended, and how many were served per second, over load."},
	{ID: "streams", Heading: "Streams", Text: "How long streams waited for their first event, and how much time lay between two events: over load, or of one level the complete distribution. Where the medians of streams stay low and the gaps rise, some events are late; where both rise, all are."},
	{ID: "percentiles", Heading: "Percentiles", Text: "The complete distribution of latency. Each nine has the same room."},
	{ID: "heatmap", Heading: "Latency over time", Text: "Time runs to the right, stage after stage. The darker a cell, the more requests took that long. " +
		"Below: the share that was rejected or failed. Hatched: the machine interfered, and figures leave that time out."},
	{ID: "time", Heading: "Figures over time", Text: "Long stages and ramps, slice by slice."},
	{ID: "saturation", Heading: "Who was the limit", Text: "Above: what the target used. Below: what the load generator used, and how late it was. Lines across: what each may use."},
	{ID: "stall", Heading: "A stall of the backend"},
}

// Report is report.html of a run. It is written for partial and for failed runs too.
func Report(r *sweep.Report, tables sweep.Tables) ([]sweep.File, error) {
	title, _ := finding.Of(r.Sweeps)
	c := content{
		Title: title, Limits: finding.Limits(r.Sweeps), Stamp: sweep.Stamp(r.Run, len(r.Stages)), Validity: sweep.Validity(r.Stages), Tables: tables,
		Missing: r.Missing, Notes: notes(r.Sweeps), Command: sweep.Command(r.Run),
		Sections: pictures(r.Made),
	}
	for _, line := range []string{sweep.Caption(r.Run, r.Sweeps), sweep.Environment(r.Run.Environment), strings.Join(r.Run.Notes, "; "), sweep.Period(r.Run)} {
		if line != "" {
			c.Environment = append(c.Environment, line)
		}
	}
	if len(r.Found) > 0 {
		c.Title, c.Limits = r.Found[0], words.Sentence(words.Join(". ", r.Found[1:]...))
	}
	charts := chartsOf(r.Sweeps)
	if a := r.Asked; a != nil {
		charts.Ask = &ask{a.Percentile, a.Adjusted, ms(a.Most)}
	}
	c.Live = len(charts.Groups) > 0
	data, err := json.Marshal(charts)
	if err != nil {
		return nil, err
	}
	c.Data = template.JS(data) // json.Marshal escapes <, > and &
	for _, of := range []struct {
		name  string
		table *table.Table
	}{{"levels.csv", tables.Levels}, {"streams.csv", tables.Streams}} {
		if of.table != nil {
			c.Downloads = append(c.Downloads, download{of.name, "data:text/csv;charset=utf-8;base64," + template.URL(base64.StdEncoding.EncodeToString([]byte(of.table.CSV())))})
		}
	}
	c.CSS = template.CSS(part("uplot/uPlot.min.css") + part("page.css"))
	c.JS = []template.JS{template.JS(part("uplot/uPlot.iife.min.js")), template.JS(part("page.js"))}
	c.Licence = part("uplot/LICENSE")
	var b bytes.Buffer
	if err := page.Execute(&b, c); err != nil {
		return nil, err
	}
	return []sweep.File{{Name: Name, Data: b.Bytes()}}, nil
}

func part(name string) string {
	b, err := parts.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(b)
}

// mostNotes bounds the notes of a page.
const mostNotes = 100

func notes(sweeps []sweep.Sweep) (out []string) {
	for i := range sweeps {
		for _, n := range finding.Notes(&sweeps[i]) {
			out = append(out, fmt.Sprintf("%s: %s", sweeps[i].ShortName(60), n))
		}
	}
	if n := len(out); n > mostNotes {
		out = append(out[:mostNotes], fmt.Sprintf("and %d more", n-mostNotes))
	}
	return out
}

var xmlHead = regexp.MustCompile(`(?s)^<\?xml.*?(<svg)`)

// pictures puts the SVG files among made into sections, as long as there is room.
func pictures(made []sweep.File) []section {
	out, room := slices.Clone(sections), mostPictures
	for _, f := range made {
		name, isSVG := strings.CutSuffix(f.Name, ".svg")
		i := slices.IndexFunc(out, func(s section) bool { return strings.HasPrefix(name, s.ID) })
		if !isSVG || i < 0 {
			continue
		}
		if room -= len(f.Data); room < 0 {
			out[i].Elsewhere = append(out[i].Elsewhere, f.Name)
			continue
		}
		svg := xmlHead.ReplaceAllString(string(f.Data), `<svg role="img"`)
		out[i].Pictures = append(out[i].Pictures, picture{f.Name, f.Note, template.HTML(svg), f.Table})
	}
	return slices.DeleteFunc(out, func(s section) bool { return len(s.Pictures)+len(s.Elsewhere) == 0 })
}
