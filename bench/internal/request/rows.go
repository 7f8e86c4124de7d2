package request

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxWeight is the largest weight of a request.
	MaxWeight = 1_000_000
	// maxLine bounds one line, in bytes: a body of 64 MB in base64, and some.
	maxLine = 96 << 20
	// maxInstant bounds an instant, so that no sum of two overflows.
	maxInstant = 1 << 62
)

// Check reports what is allowed for a method, or for a header line, that is to be sent. Of
// a line a [*field.Error] has the name as its value, and never the line's value.
type Check struct{ Method, Line func(string) error }

// ReadRows reads requests: JSON lines, or an access log in combined format where the
// first character is no brace. The placeholders of JSON lines are of those columns.
func ReadRows(in io.Reader, columns []string, check Check) (*Rows, error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxLine)
	r := &reading{Rows: &Rows{}, columns: columns, check: check, weight: 1}
	read := r.json
	number := 0
	for scanner.Scan() {
		number++
		line := bytes.TrimSpace(scanner.Bytes())
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
			if len(line) > 0 && line[0] != '{' {
				read = r.log
			}
		}
		if len(line) == 0 {
			continue
		}
		if err := read(line, number); err != nil {
			return nil, err
		}
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, wrong(number+1, "", "at most %d MB", maxLine>>20)
	case err != nil:
		return nil, err
	case r.Len() == 0 && r.Skipped != Skipped{}:
		return nil, &Wrong{"", fmt.Sprintf("a request that can be sent, in JSON lines or an access log: %d lines are in neither form, the first is line %d; %d have a method with a body", r.Skipped.Unread, r.Skipped.First, r.Skipped.Bodies)}
	case r.Len() == 0:
		return nil, &Wrong{"", "at least one request: the file is empty"}
	}
	if !r.weighted {
		r.weigh = nil
	}
	if r.Instants != nil {
		r.spread()
		r.order()
	}
	return r.Rows, nil
}

// reading is rows being read.
type reading struct {
	*Rows
	columns  []string
	check    Check
	weight   int
	weighted bool
	seconds  bool // the instants are whole seconds
	record   []byte
}

// line is a request as JSON.
type line struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    *string           `json:"body"`
	Base64  *string           `json:"body_base64"`
	Weight  *int              `json:"weight"`
	At      *int64            `json:"at_ns"`
}

// json reads a line of JSON.
func (r *reading) json(text []byte, number int) error {
	var l line
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return inJSON(number, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return wrong(number, "", "one JSON object and nothing behind it")
	}
	if l.Method != "" {
		if err := r.check.Method(l.Method); err != nil {
			return checked(number, "method", err)
		}
	}
	if l.Path != "" && !strings.HasPrefix(l.Path, "/") {
		return wrong(number, "path", "a path that begins with /")
	}
	if l.Body != nil && l.Base64 != nil {
		return wrong(number, "body_base64", "one of body and body_base64")
	}
	if l.Base64 != nil {
		decoded, err := base64.StdEncoding.DecodeString(*l.Base64)
		if err != nil {
			return wrong(number, "body_base64", "base64: %v", err)
		}
		text := string(decoded)
		l.Base64, l.Body = &text, &text
	}
	weight := 1
	if l.Weight != nil {
		weight = *l.Weight
		if weight < 1 || weight > MaxWeight {
			return wrong(number, "weight", "1 to %d, not %d", MaxWeight, weight)
		}
	}
	if (l.At != nil) != (r.Instants != nil) && r.Len() > 0 {
		return wrong(number, "at_ns", "it in each line, or in none")
	}
	if l.At != nil {
		if *l.At < 0 || *l.At > maxInstant {
			return wrong(number, "at_ns", "0 to %d, not %d", int64(maxInstant), *l.At)
		}
		r.Instants = append(r.Instants, time.Duration(*l.At))
	}
	return r.keep(&l, number, weight)
}

// keep adds a request.
func (r *reading) keep(l *line, number, weight int) (err error) {
	r.weigh.add(weight)
	r.weighted = r.weighted || weight != 1
	code := append(Code(r.record[:0]), 0)
	if l.Method != "" {
		code[0] |= hasMethod
		m := slices.Index(r.methods, l.Method)
		if m < 0 {
			m = len(r.methods)
			r.methods = append(r.methods, l.Method)
		}
		code = binary.AppendUvarint(code, uint64(m))
	}
	if l.Path != "" {
		code[0] |= hasTarget
		path, _, _ := strings.Cut(l.Path, "#")
		if r.seconds { // a log has no placeholders
			code = code.plain(EscapeTarget(path))
		} else if code, err = compile(code, path, r.columns, EscapeTarget); err != nil {
			return checked(number, "path", err)
		}
	}
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(l.Headers)) {
		header := name + ": " + l.Headers[name]
		if err := r.check.Line(header); err != nil {
			return checked(number, "headers", err)
		}
		if strings.EqualFold(name, "expect") && l.Body == nil {
			return &Wrong{fmt.Sprintf("line %d, field %q, %s", number, "headers", name), "a body in the same line"}
		}
		if i := slices.Index(Own[:], strings.ToLower(name)); i >= 0 {
			code[0] |= 1 << i
		}
		lines.WriteString(header + "\r\n")
	}
	if code, err = compile(code, lines.String(), r.columns, nil); err != nil {
		return checked(number, "headers", err)
	}
	switch {
	case l.Base64 != nil: // bytes, in which nothing is put
		code[0] |= hasBody
		code = code.plain(*l.Body)
	case l.Body != nil:
		code[0] |= hasBody
		if code, err = compile(code, *l.Body, r.columns, nil); err != nil {
			return checked(number, "body", err)
		}
	}
	r.record = code
	if err := r.add(code); err != nil {
		return wrong(number, "", "%v", err)
	}
	return nil
}

// log reads a line of an access log. One that cannot be sent is counted.
func (r *reading) log(text []byte, number int) error {
	l, at, ok := parseLog(string(text))
	if !ok || r.check.Method(l.Method) != nil {
		if r.Skipped.Unread++; r.Skipped.First == 0 {
			r.Skipped.First = number
		}
		return nil
	}
	if framed(l.Method) {
		r.Skipped.Bodies++
		return nil
	}
	r.seconds = true
	r.Instants = append(r.Instants, at)
	return r.keep(l, number, 1)
}

// parseLog reads a line of an access log in the combined or the common format of Apache
// and nginx.
func parseLog(text string) (l *line, at time.Duration, ok bool) {
	_, rest, ok := strings.Cut(text, " [")
	when, rest, closed := strings.Cut(rest, `] "`)
	instant, err := time.Parse("02/Jan/2006:15:04:05 -0700", when)
	if !ok || !closed || err != nil {
		return nil, 0, false
	}
	end := 0 // of the request line: a quote in it is escaped
	for end < len(rest) && rest[end] != '"' {
		if rest[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(rest) || !status(rest[end+1:]) {
		return nil, 0, false
	}
	request, err := strconv.Unquote(`"` + rest[:end] + `"`)
	parts := strings.Split(request, " ")
	if err != nil || len(parts) != 3 || !strings.HasPrefix(parts[2], "HTTP/") {
		return nil, 0, false
	}
	path := parts[1]
	if _, absolute, ok := strings.Cut(path, "://"); ok && !strings.HasPrefix(path, "/") {
		slash := max(strings.IndexByte(absolute, '/'), 0)
		path = absolute[slash:]
	}
	if !strings.HasPrefix(path, "/") || instant.Unix() < 0 || parts[0] == http.MethodConnect {
		return nil, 0, false
	}
	return &line{Method: parts[0], Path: path}, time.Duration(instant.Unix()) * time.Second, true
}

// status reports whether a text begins with the status and the length of a reply.
func status(text string) bool {
	words := strings.Fields(text)
	if len(words) < 2 || len(words[0]) != 3 {
		return false
	}
	_, err := strconv.ParseUint(words[0], 10, 16)
	_, wrong := strconv.ParseUint(words[1], 10, 64)
	return err == nil && (wrong == nil || words[1] == "-")
}

// spread puts requests that a log has in the same second at even distances within it, in
// their order there: all at its beginning would be a burst that there never was.
func (r *reading) spread() {
	if !r.seconds {
		return
	}
	n := map[time.Duration]int{}
	for _, at := range r.Instants {
		n[at]++
	}
	seen := make(map[time.Duration]int, len(n))
	for i, at := range r.Instants {
		r.Instants[i] = at + time.Second*time.Duration(seen[at])/time.Duration(n[at])
		seen[at]++
	}
}
