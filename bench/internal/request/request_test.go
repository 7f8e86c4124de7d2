package request

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

var anything = Check{
	Method: func(m string) error { return field.Check(!strings.Contains(m, " "), "Method", m, "one like GET") },
	Line: func(line string) error {
		return field.Check(!strings.ContainsAny(line, "\r\n"), "Header", "A", "one line")
	},
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// set is requests by a template, with a table and rows where they are given.
func set(t testing.TB, target, lines, body, table, rows string) *Set {
	t.Helper()
	d := &Data{}
	if table != "" {
		d.Table = must(ReadTable(strings.NewReader(table)))(t)
	}
	if rows != "" {
		d.Rows = must(ReadRows(strings.NewReader(rows), d.Columns(), anything))(t)
	}
	s := &Set{Seed: 1, Data: d}
	s.Add(nil, 1)
	tmpl := Template{Method: "GET", Target: must(Compile(target, d.Columns(), EscapeTarget))(t), Body: must(Compile(body, d.Columns(), nil))(t)}
	for own := range tmpl.Lines {
		text := lines
		if own&1 == 0 {
			text = "Host: h\r\n" + lines
		}
		tmpl.Lines[own] = must(Compile(text, d.Columns(), nil))(t)
	}
	s.Templates = []Template{tmpl}
	return s
}

func TestRequestsFromData(t *testing.T) {
	users := "id,user name\n7,a b\n8,\"c&d/\"\"e\"\"\"\n"
	for name, c := range map[string]struct {
		s    *Set
		n    uint64
		want string
	}{
		"a column in each place":           {set(t, "/u/{id}?n={user name}", "X-User: {user name}\r\n", `{"id":{id}}`, users, ""), 0, "GET /u/7?n=a%20b HTTP/1.1\r\nHost: h\r\nX-User: a b\r\nContent-Length: 8\r\n\r\n{\"id\":7}"},
		"escaped in the address only":      {set(t, "/{user name}", "", "{user name}", users, ""), 1, "GET /c%26d/%22e%22 HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nc&d/\"e\""},
		"it begins again":                  {set(t, "/{id}", "", "", users, ""), 1_000_001, "GET /8 HTTP/1.1\r\nHost: h\r\n\r\n"},
		"the number of the arrival":        {set(t, "/{seq}", "", "", "", ""), 41, "GET /42 HTTP/1.1\r\nHost: h\r\n\r\n"},
		"one value":                        {set(t, "/{random -3 -3}", "", "", "", ""), 5, "GET /-3 HTTP/1.1\r\nHost: h\r\n\r\n"},
		"braces that are none":             {set(t, "/a", "", `{"a":{"b":"{{seq}}"},"c":{}}`, "", ""), 0, "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 26\r\n\r\n{\"a\":{\"b\":\"{seq}\"},\"c\":{}}"},
		"a row in the place of all":        {set(t, "/a", "A: 1\r\n", "b", "", `{"method":"PUT","path":"/ü x#f","headers":{"host":"other","B":"2"},"body":""}`), 0, "PUT /%C3%BC%20x HTTP/1.1\r\nA: 1\r\nB: 2\r\nhost: other\r\nContent-Length: 0\r\n\r\n"},
		"a row with nothing of its own":    {set(t, "/a", "", "b", "", "{}"), 3, "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nb"},
		"rows in their order":              {set(t, "/", "", "", "", "{\"path\":\"/0\"}\n\n{\"path\":\"/1\"}\r\n{\"path\":\"/2\"}"), 4, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"},
		"columns in a row":                 {set(t, "/", "", "", users, `{"path":"/{id}","headers":{"X":"{id}"},"body":"{id}{seq}"}`), 1, "GET /8 HTTP/1.1\r\nHost: h\r\nX: 8\r\nContent-Length: 2\r\n\r\n82"},
		"random values do not end a text":  {set(t, "/", "", "", users, `{"path":"/{random 300 300}{id}","body":"x"}`), 0, "GET /3007 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"},
		"bytes, in which nothing is put":   {set(t, "/", "", "", "", `{"method":"POST","body_base64":"AHtzZXF9/w=="}`), 0, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n\x00{seq}\xff"},
		"a log, in the order of its times": {set(t, "/", "", "", "", access), 1, "HEAD /a%22{seq}?b=1 HTTP/1.1\r\nHost: h\r\n\r\n"},
	} {
		p := c.s.Picker()
		got, head := p.Next(c.n)
		want := strings.ReplaceAll(c.want, "/a%22{seq}", "/a%22%7Bseq%7D")
		if string(got) != want || head != strings.HasPrefix(want, "HEAD") {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
}

// access is a log: line 1 came last, line 4 has a body, lines 3 and 5 are broken.
const access = `::1 - - [01/Jan/2025:00:00:02 +0000] "GET http://h/last HTTP/1.1" 200 5 "-" "curl/8"
1.2.3.4 - joe [01/Jan/2025:01:00:00 +0100] "GET / HTTP/1.0" 200 -
1.2.3.4 - - [01/Jan/2025:00:00:00 +0000] "\x16\x03\x01" 400 0 "-" "-"
1.2.3.4 - - [01/Jan/2025:00:00:00 +0000] "POST /b HTTP/1.1" 201 9 "-" "-"
torn
1.2.3.4 - - [01/Jan/2025:00:00:00 +0000] "HEAD /a\"{seq}?b=1 HTTP/1.1" 404 0 "http://x/" "a \"b\""
`

func TestAccessLog(t *testing.T) {
	rows := must(ReadRows(strings.NewReader(access), nil, anything))(t)
	if want := (Skipped{Unread: 2, First: 3, Bodies: 1}); rows.Skipped != want {
		t.Errorf("skipped %+v, want %+v", rows.Skipped, want)
	}
	// Two of the first second: at its beginning and in its middle.
	if want := []time.Duration{0, 500 * time.Millisecond, 2 * time.Second}; !slices.Equal(rows.Instants, want) {
		t.Errorf("instants %v, want %v", rows.Instants, want)
	}
}

func TestBadData(t *testing.T) {
	for name, c := range map[string]struct {
		table, rows, want string
	}{
		"an empty table":          {"", "", "want a first line with the names of the columns: the file is empty"},
		"a table without rows":    {"a\n", "", "want at least one row below the names of the columns"},
		"a name twice":            {"a,a\n1,2\n", "", `line 1, field 2: want each name once, and "a" is there twice`},
		"a name that is none":     {"a,{b}\n1,2\n", "", `line 1, field 2: want a name that begins with a letter, of letters, digits, blanks, dots, hyphens and underscores, not "{b}"`},
		"a field too many":        {"a\n1\n2,3\n", "", "line 3: want as many fields as line 1 has"},
		"a quote":                 {"a\nx\"y\n", "", "line 2, character 2: want a field with a quote in it to stand in quotes"},
		"a quote that ends":       {"a\n\"x\"y\n", "", "line 2, character 3: want a comma or the end of the line behind the closing quote"},
		"a quote without an end":  {"a\n\"x\n", "", "line 2, character 4: want a comma or the end of the line"},
		"no rows":                 {"a\n1\n", "\n", "want at least one request: the file is empty"},
		"no JSON":                 {"a\n1\n", "{}\n{", "line 2: want a JSON object: unexpected EOF"},
		"no object":               {"a\n1\n", "{}\n[1]", "line 2: want an object, not the JSON type array"},
		"two objects":             {"a\n1\n", "{} {}", "line 1: want one JSON object and nothing behind it"},
		"an unknown field":        {"a\n1\n", `{"url":"/"}`, `line 1, field "url": want one of method, path, headers,`},
		"a field of another type": {"a\n1\n", `{"body":{}}`, `line 1, field "body": want a string, not the JSON type object`},
		"a weight of half":        {"a\n1\n", `{"weight":0.5}`, `line 1, field "weight": want a whole number, not the JSON type number`},
		"headers that are none":   {"a\n1\n", `{"headers":"A: b"}`, `line 1, field "headers": want an object of strings, not the JSON type string`},
		"a header of a number":    {"a\n1\n", `{"headers":{"A":1}}`, `line 1, field "headers": want a string, not the JSON type number`},
		"a method":                {"a\n1\n", `{"method":"a b"}`, `line 1, field "method": want one like GET`},
		"a path":                  {"a\n1\n", "{}\n{\"path\":\"x\"}", `line 2, field "path": want a path that begins with /`},
		"two bodies":              {"a\n1\n", `{"body":"","body_base64":""}`, `line 1, field "body_base64": want one of body`},
		"base64":                  {"a\n1\n", `{"body_base64":"hush!"}`, `line 1, field "body_base64": want base64: illegal base64`},
		"a weight":                {"a\n1\n", `{"weight":0}`, `line 1, field "weight": want 1 to 1000000, not 0`},
		"a time before the first": {"a\n1\n", `{"at_ns":-1}`, `line 1, field "at_ns": want 0 to 4611686018427387904, not -1`},
		"a time missing":          {"a\n1\n", "{\"at_ns\":1}\n{}", `line 2, field "at_ns": want it in each line, or in none`},
		"a header line":           {"a\n1\n", `{"headers":{"A":"hush!\n"}}`, `line 1, field "headers", A: want one line`},
		"an expectation":          {"a\n1\n", `{"headers":{"expect":"100-continue"}}`, `line 1, field "headers", expect: want a body in the same line`},
		"a placeholder":           {"id,user\n1,2\n", `{"path":"/{usr}"}`, `line 1, field "path": want a known placeholder, not {usr}: the columns are id, user; {seq}, {uuid} and {random 1 100} need none; {{usr}} sends {usr}`},
		"a random that is none":   {"id\n1\n", `{"body":"{random 2 1}"}`, `line 1, field "body": want two whole numbers, the lower first, as in {random 1 100}, not {random 2 1}`},
		"a log without requests":  {"a\n1\n", "x", "want a request that can be sent, in JSON lines or an access log: 1 lines are in neither form, the first is line 1"},
	} {
		table, err := ReadTable(strings.NewReader(c.table))
		if err == nil {
			_, err = ReadRows(strings.NewReader(c.rows), table.Columns, anything)
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hush!") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// What is random follows from the seed and the number, is even, and is drawn again for
// each placeholder.
func TestRandomValues(t *testing.T) {
	s := set(t, "/{random 1 10}/{random 1 10}/{uuid}/{uuid}", "", "", "", "")
	p, q := s.Picker(), s.Picker()
	var counts [11][11]float64
	uuids := map[string]bool{}
	form := regexp.MustCompile(`^/(\d+)/(\d+)/([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})/([^ /]+)$`)
	const n = 20_000
	for i := range uint64(n) {
		raw, _ := p.Next(n - i)
		first := string(raw)
		again, _ := q.Next(n - i)
		m := form.FindStringSubmatch(strings.Fields(first)[1])
		if first != string(again) || m == nil || m[3] != m[4] {
			t.Fatalf("%q and %q", first, again)
		}
		var a, b int
		fmt.Sscan(m[1], &a)
		fmt.Sscan(m[2], &b)
		counts[a][b]++
		uuids[m[3]] = true
	}
	chi := 0.0
	for a := 1; a <= 10; a++ {
		for b := 1; b <= 10; b++ {
			chi += math.Pow(counts[a][b]-n/100, 2) / (n / 100)
		}
	}
	if math.Abs(chi-99) > 5*math.Sqrt(2*99) {
		t.Errorf("the pairs are not even: chi² %.1f of 99 degrees of freedom", chi)
	}
	if len(uuids) != n {
		t.Errorf("%d different UUIDs of %d", len(uuids), n)
	}
	s.Seed = 2
	one, _ := p.Next(1)
	other, _ := set(t, "/{random 1 10}/{random 1 10}/{uuid}/{uuid}", "", "", "", "").pick(1)
	if string(one) == string(other) {
		t.Error("two seeds gave the same request")
	}
}

func (s *Set) pick(n uint64) ([]byte, bool) { p := s.Picker(); return p.Next(n) }

func TestWeights(t *testing.T) {
	s := set(t, "/", "", "", "", "{\"path\":\"/a\",\"weight\":3}\n{\"path\":\"/b\"}")
	p, n := s.Picker(), 0
	for i := range uint64(8000) {
		if raw, _ := p.Next(i); bytes.HasPrefix(raw, []byte("GET /a ")) {
			n++
		}
	}
	if math.Abs(float64(n)-6000) > 5*math.Sqrt(8000*0.75*0.25) {
		t.Errorf("%d of 8000 requests, want three in four", n)
	}
}

func TestDataEnds(t *testing.T) {
	for _, c := range []struct {
		table, rows string
		stop        bool
		want        uint64
	}{
		{"a\n1\n2\n", "{}\n{}\n{}", false, math.MaxUint64},
		{"a\n1\n2\n", "{}\n{}\n{}", true, 2},
		{"", "{}\n{}\n{}", true, 3},
		{"a\n1\n2\n3\n4\n", "{\"weight\":2}\n{}", true, 4},
	} {
		s := set(t, "/", "", "", c.table, c.rows)
		if s.Data.Stop = c.stop; s.Most() != c.want {
			t.Errorf("%+v: %d requests", c, s.Most())
		}
	}
}

// table is a file of so many rows.
func table(rows int) io.Reader {
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriter(w)
		fmt.Fprintln(b, "user,token,city")
		for i := range rows {
			fmt.Fprintf(b, "user%07d,tok-%032d,Springfield\n", i, i)
		}
		b.Flush()
		w.Close()
	}()
	return r
}

func requests(rows int) io.Reader {
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriter(w)
		for i := range rows {
			fmt.Fprintf(b, "{\"method\":\"POST\",\"path\":\"/orders/%d?a=b\",\"headers\":{\"X-User\":\"u%d\"},\"body\":\"{\\\"id\\\":%d,\\\"name\\\":\\\"somebody somewhere\\\"}\"}\n", i, i, i)
		}
		b.Flush()
		w.Close()
	}()
	return r
}

// What data takes follows the size of its file, so that a million rows fit.
func TestDataTakesLittleMemory(t *testing.T) {
	const rows, most = 100_000, 250 // bytes per row; 500 MB for a million of both
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	d := &Data{Table: must(ReadTable(table(rows)))(t)}
	d.Rows = must(ReadRows(requests(rows), nil, anything))(t)
	if took := (heap() - before) / rows; took > most {
		t.Errorf("%d bytes per row of both, want at most %d", took, most)
	}
	runtime.KeepAlive(d)
}

func TestMakingRequestsDoesNotAllocate(t *testing.T) {
	s := set(t, "/u/{user}?r={random 1 100}", "Authorization: {token}\r\n", `{"city":"{city}","id":"{uuid}","n":{seq}}`, "user,token,city\na,b,c\nlonger,longer,longer\n", "")
	p, n := s.Picker(), uint64(0)
	if allocs := testing.AllocsPerRun(1000, func() { p.Next(n); n++ }); allocs > 0 {
		t.Errorf("%v allocations per request", allocs)
	}
}

func BenchmarkNext(b *testing.B) {
	fixed := &Set{}
	fixed.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 1)
	for _, c := range []struct {
		name string
		s    *Set
	}{
		{"fixed", fixed},
		{"columns", set(b, "/u/{user}", "Authorization: Bearer {token}\r\n", "", "user,token\nsomebody,0123456789abcdef0123456789abcdef\n", "")},
		{"body", set(b, "/u/{user}?r={random 1 100}", "Content-Type: application/json\r\n", `{"city":"{city}","id":"{uuid}","n":{seq}}`, "user,city\nsomebody,Springfield\n", "")},
		{"rows", set(b, "/", "", "", "", `{"method":"POST","path":"/orders/17?a=b","headers":{"X-User":"u17"},"body":"{\"id\":17,\"name\":\"somebody somewhere\"}"}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			p, n := c.s.Picker(), uint64(0)
			for b.Loop() {
				p.Next(n)
				n++
			}
		})
	}
}

// FuzzReadRows: whatever the file, it is read or refused, and what was read is sent as a
// request that a server reads.
func FuzzReadRows(f *testing.F) {
	for _, seed := range []string{access, `{"method":"PUT","path":"/{a}?{random 1 9}","headers":{"X":"{b}"},"body":"{uuid}","weight":3}`, `{"body_base64":"AHtzZXF9/w==","at_ns":5}`, "{}\n{}", `{"path":"/{{a}}"}`} {
		f.Add(seed)
	}
	check := Check{
		Method: func(m string) error {
			if strings.ContainsFunc(m, func(c rune) bool { return c < 'A' || c > 'Z' }) || m == "CONNECT" {
				return errors.New("want a method")
			}
			return nil
		},
		Line: func(line string) error {
			if name, value, _ := strings.Cut(line, ": "); name != "X" || strings.ContainsFunc(value, control) {
				return errors.New("want X")
			}
			return nil
		},
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := ReadRows(strings.NewReader(text), []string{"a", "b"}, check)
		if err != nil {
			return
		}
		s := set(t, "/", "", "", "a,b\n1,2\n", "")
		s.Data.Rows = rows
		if rows.Instants != nil && (rows.Instants[0] != 0 || !slices.IsSorted(rows.Instants)) {
			t.Fatalf("instants %v", rows.Instants)
		}
		p := s.Picker()
		for n := range min(uint64(rows.Len()), 10) {
			raw, _ := p.Next(n)
			in := bufio.NewReader(bytes.NewReader(raw))
			r, err := http.ReadRequest(in)
			if err != nil {
				if strings.Contains(err.Error(), "invalid URI") || strings.Contains(err.Error(), "invalid URL") { // %zz, which is sent as it is given
					continue
				}
				t.Fatalf("%q: %v", raw, err)
			}
			if body, err := io.ReadAll(r.Body); err != nil || int64(len(body)) != r.ContentLength || in.Buffered() > 0 {
				t.Fatalf("%q: a body of %d, %d are left: %v", raw, len(body), in.Buffered(), err)
			}
		}
	})
}

// FuzzReadTable: whatever the file, it is read or refused, and each cell is put in.
func FuzzReadTable(f *testing.F) {
	f.Add("id,user name\n7,a b\n8,\"c&d/\"\"e\"\"\"\n", "/{id}")
	f.Add("a\n1\n", "{{a}}{a}{random 1 2}{uuid}")
	f.Fuzz(func(t *testing.T, text, template string) {
		table, err := ReadTable(strings.NewReader(text))
		if err != nil {
			return
		}
		a := arrival{cells: table.record(table.Len() - 1)}
		for i, name := range table.Columns {
			code := must(Compile("{"+name+"}", table.Columns, nil))(t)
			got, rest := a.render(nil, code, false)
			if string(got) != table.Cell(table.Len()-1, i) || len(rest) > 0 {
				t.Fatalf("column %q: %q, want %q", name, got, table.Cell(table.Len()-1, i))
			}
		}
		if code, err := Compile(template, table.Columns, EscapeTarget); err == nil {
			if _, rest := a.render(nil, code, true); len(rest) > 0 || len(code.after()) > 0 {
				t.Fatalf("%q leaves %q", template, rest)
			}
		}
	})
}

// FuzzAccessLog: a line is read or not; what is read can be a request line.
func FuzzAccessLog(f *testing.F) {
	for line := range strings.Lines(access) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, at, ok := parseLog(text)
		if ok && (!strings.HasPrefix(l.Path, "/") || at < 0 || strings.ContainsFunc(EscapeTarget(l.Path), func(c rune) bool { return c <= ' ' || c >= 0x7f })) {
			t.Fatalf("%q is read as %+v at %v", text, l, at)
		}
	})
}
