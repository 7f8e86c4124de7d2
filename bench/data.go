package bench

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/bench/internal/arrivals"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
)

// What happens when the rows of a file have been sent once.
const (
	DataCycle = "cycle" // they are sent again, from the first on
	DataStop  = "stop"  // nothing more is sent, and the stage ends
)

// DataFiles are files that make requests differ from arrival to arrival. A file that is
// not named is not used.
type DataFiles struct {
	Requests string // requests as JSON lines, or an access log in combined format
	Data     string // a CSV file: its first line names the columns
	DataEnd  string // DataCycle, which is the default, or DataStop
}

// Data is the requests and rows that files have, in memory.
type Data struct {
	data     *request.Data
	settings result.Settings
	sum      []byte // of the files
	table    string // the name of the CSV file
	skipped  string // of the requests, for a person
}

// mostLearned is of how many rows the secrets are remembered, so that they are masked
// where a server repeats them.
const mostLearned = 100

// Read reads the files. Placeholders in addresses, header lines and bodies stand for the
// columns of Data, and for {seq}, {uuid} and {random LOW HIGH}, also where there is no
// file. A bad row is a [*field.Error] with file, line and field.
func (f DataFiles) Read() (*Data, error) {
	end := cmp.Or(f.DataEnd, DataCycle)
	if err := field.First(
		field.Check(end == DataCycle || end == DataStop, "DataEnd", f.DataEnd, DataCycle+" or "+DataStop),
		field.Check(end == DataCycle || f.Requests != "" || f.Data != "", "DataEnd", f.DataEnd, DataCycle+", as there is no file that ends"),
	); err != nil {
		return nil, err
	}
	d := &Data{data: &request.Data{Stop: end == DataStop}, table: f.Data}
	hash := sha256.New()
	read := func(name, path string, parse func(io.Reader) error) error {
		if path == "" {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return &field.Error{Field: name, Value: path, Want: fmt.Sprintf("a file that can be read: %v", errors.Unwrap(err))}
		}
		defer file.Close()
		if err := parse(io.TeeReader(file, hash)); err != nil {
			if w, ok := errors.AsType[*request.Wrong](err); ok {
				return wrongIn(name, path, w)
			}
			return &field.Error{Field: name, Value: path, Want: fmt.Sprintf("a file that can be read: %v", err)}
		}
		fmt.Fprintf(hash, "\x00%s\x00", name)
		return nil
	}
	rowLines := 0
	checkLine := func(line string) error {
		if rowLines++; rowLines <= mostLearned {
			redact.LearnHeader(line)
		}
		return checkRowLine(line)
	}
	in, set := d.data, func(key string, value any) { d.settings = d.settings.With(key, fmt.Sprint(value)) }
	if err := read("Data", f.Data, func(r io.Reader) (err error) { in.Table, err = request.ReadTable(r); return err }); err != nil {
		return nil, err
	}
	if err := read("Requests", f.Requests, func(r io.Reader) (err error) {
		in.Rows, err = request.ReadRows(r, in.Columns(), request.Check{Method: checkMethod, Line: checkLine})
		return err
	}); err != nil {
		return nil, err
	}
	if in.Rows != nil {
		set(result.KeyRequestRows, in.Rows.Len())
		if s := in.Rows.Skipped; s != (request.Skipped{}) {
			set(result.KeyRequestsSkipped, s.Unread+s.Bodies)
			d.skipped = fmt.Sprintf("%s: %d requests are sent", filepath.Base(f.Requests), in.Rows.Len())
			if s.Unread > 0 {
				d.skipped += fmt.Sprintf("; %d lines are not in the combined format, the first is line %d", s.Unread, s.First)
			}
			if s.Bodies > 0 {
				d.skipped += fmt.Sprintf("; %d requests with a method such as POST are left out, as a log does not hold bodies", s.Bodies)
			}
		}
	}
	if in.Table != nil {
		set(result.KeyDataRows, in.Table.Len())
		for i, column := range in.Table.Columns {
			for row := 0; redact.Secret(column) && row < min(in.Table.Len(), mostLearned); row++ {
				redact.Learn(in.Table.Cell(row, i))
			}
		}
	}
	if f.Requests != "" || f.Data != "" {
		set(result.KeyDataEnd, end)
	}
	d.sum = hash.Sum(nil)
	return d, nil
}

// wrongIn is the error of a file.
func wrongIn(name, path string, w *request.Wrong) error {
	if w.At != "" {
		path += ", " + w.At
	}
	return &field.Error{Field: name, Value: path, Want: w.Want}
}

// Skipped says, for a person, what of the requests is not sent; empty where all is.
func (d *Data) Skipped() string { return d.skipped }

// Endless is a [*field.Error] where nothing more is sent once the rows of a file have been:
// then a search or a comparison could not measure for as long as it needs to.
func (h HTTP) Endless() error {
	return field.Check(h.Data == nil || !h.Data.data.Stop, "DataEnd", DataStop, DataCycle+", as this measures for as long as it needs to, and each stage begins with the first row")
}

// HasPlaceholders reports whether one of the texts has a placeholder that needs no file.
func HasPlaceholders(texts ...string) bool {
	return slices.ContainsFunc(texts, request.BuiltIn)
}

// Replay is the plan with arrivals at the instants at which the requests were recorded,
// speed times as fast, all of them in a window without a warm-up. Its load is their mean
// rate.
func (d *Data) Replay(p Plan, speed float64) (Plan, error) {
	rows := d.data.Rows
	if rows == nil || rows.Instants == nil {
		return p, &field.Error{Field: "Requests", Value: "", Want: "a file whose lines have at_ns, or an access log: a replay needs the instant of each request"}
	}
	if !(speed > 0 && speed <= maxSpeed) {
		return p, &field.Error{Field: "Speed", Value: speed, Want: fmt.Sprintf("above 0, up to %d", maxSpeed)}
	}
	r := arrivals.Replay{Instants: rows.Instants, Speed: speed}
	p.Pattern, p.Warmup, p.Duration = replay{r}, 0, r.Length()
	p.Load = Load{Rate: max(1, math.Round(float64(rows.Len())/p.Duration.Seconds())), Arrivals: load.Replay}
	return p, nil
}

// maxSpeed is how many times as fast a replay may be.
const maxSpeed = 1_000_000

// replay is a pattern of its own.
type replay struct{ arrivals.Replay }

// Name implements [Arrivals].
func (r replay) Name() string { return "recorded, x" + strconv.FormatFloat(r.Speed, 'g', -1, 64) }

// template is one request with its placeholders found.
func (h HTTP) template(u *url.URL, address string, l lines) (t request.Template, err error) {
	compile := func(name string, value any, text string, literal func(string) string) (code request.Code) {
		if err == nil {
			if code, err = request.Compile(text, h.Data.data.Columns(), literal); err != nil {
				err = &field.Error{Field: name, Value: value, Want: err.Error()}
			}
		}
		return code
	}
	t.Method = h.method()
	t.Target = compile("URL", shown(redact.URL(address)), target(address), request.EscapeTarget)
	for _, line := range h.Header {
		if wrong := h.Data.data.InHeader(line); wrong != nil {
			return t, wrongIn("Data", h.Data.table, wrong)
		}
		name, _, _ := strings.Cut(line, ":")
		compile("Header", name, line, nil) // to name the one that is wrong
	}
	for own := range t.Lines {
		without := map[string]bool{}
		for i, name := range request.Own {
			without[name] = own>>i&1 == 1
		}
		t.Lines[own] = compile("Header", "", h.headerLines(u, l, without), nil)
	}
	t.Body = compile("Body", redact.Body(string(h.Body)), string(h.Body), nil)
	return t, err
}

// checkMethod and checkRowLine check what a row has.
func checkMethod(method string) error {
	return field.Check(isToken(method) && method != "CONNECT", "Method", strconv.Quote(method), "one like GET, HEAD, POST or PUT")
}

func checkRowLine(line string) error {
	name, _, err := checkLine(line)
	if err != nil {
		return err
	}
	return field.Check(!strings.EqualFold(name, "connection"), "Header", name, "it left out")
}
