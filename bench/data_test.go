package bench_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// files writes files of that text, where there is any, and reads them.
func files(t *testing.T, requests, table, end string) *bench.Data {
	t.Helper()
	f := bench.DataFiles{DataEnd: end}
	for path, text := range map[*string]string{&f.Requests: requests, &f.Data: table} {
		if text == "" {
			continue
		}
		*path = filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(*path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// column is a table of so many rows, from 0.
func column(name string, rows int) string {
	var b strings.Builder
	fmt.Fprintln(&b, name)
	for i := range rows {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

// asked are the paths that a server saw, in order of their names.
func asked(s *scripted) (paths []string) {
	for _, r := range s.log() {
		paths = append(paths, r.resource)
	}
	slices.Sort(paths)
	return paths
}

// Each row of finite data is sent once, by whatever driver and load, and then the
// window ends.
func TestDataThatStopsIsSentOnce(t *testing.T) {
	t.Parallel()
	const rows = 57
	var want []string
	for i := range rows {
		want = append(want, fmt.Sprintf("/%d?n=%d", i, i+1))
	}
	slices.Sort(want)
	for name, l := range map[string]bench.Load{
		"closed": {Clients: 5}, "more clients than rows": {Clients: 70}, "rate": {Rate: 400, Arrivals: load.Constant}, "burst": {Burst: 10, BurstInterval: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				s := newScripted(t, says(okReply))
				plan := bench.Plan{Load: l, Duration: time.Minute, Extend: 3}
				stage := run(t, plan, made(t, bench.HTTP{URL: s.url() + "{row}?n={seq}", Data: files(t, "", column("row", rows), bench.DataStop)}))
				if got := asked(s); !slices.Equal(got, want) {
					t.Errorf("%d requests, want each of %d once: %q", len(got), rows, got)
				}
				if stage.Counts[result.OK] != rows || stage.Length > 30*time.Second {
					t.Errorf("counts %v in a window of %v", stage.Counts, stage.Length)
				}
				if stage.Settings.Get(result.KeyDataEnd) != bench.DataStop || stage.Settings.Get(result.KeyExtend) != "" {
					t.Errorf("settings %v", stage.Settings)
				}
			})
		})
	}
}

// Who sends arrival number n has no influence on what is sent: both drivers, and any
// number of event loops, send the same.
func TestRowsFollowTheNumbers(t *testing.T) {
	t.Parallel()
	const n = 120
	all := map[string][]string{}
	eachThreads(t, func(t *testing.T, made made) {
		s := newScripted(t, says(okReply))
		run(t, bench.Plan{Load: bench.Load{Rate: n * 10, Arrivals: load.Constant}, Duration: time.Second / 10},
			made(t, bench.HTTP{URL: s.url() + "{a}/{random 1 1000000}/{uuid}", Seed: 7, Data: files(t, "", column("a", 7), "")}))
		all[t.Name()] = asked(s)
	})
	var first []string
	for name, got := range all {
		if first == nil {
			first = got
		}
		if len(got) != n || !slices.Equal(got, first) {
			t.Errorf("%s: %d requests, others than %d", name, len(got), len(first))
		}
	}
}

// Bodies, methods and lines of rows go out as they are, also where they do not fit into
// one write, and a reply to HEAD has no body.
func TestRowsAreSentAsGiven(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		long := strings.Repeat("0123456789", 200_000)
		s := newScripted(t, says(okReply))
		stage := run(t, bench.Plan{Load: bench.Load{Clients: 3}, Duration: time.Minute, Timeout: time.Minute, MaxLag: time.Minute}, made(t, bench.HTTP{
			URL: s.url(), Header: []string{"X-A: {seq}"},
			Data: files(t, `{"method":"PUT","path":"/long","body":"`+long+`{seq}"}`+"\n"+`{"method":"POST","path":"/empty"}`+"\n"+`{"path":"/host","headers":{"Host":"shop.example"}}`, "", bench.DataStop),
		}))
		if stage.Counts[result.OK] != 3 {
			t.Fatalf("counts %v; %q", stage.Counts, stage.Notes())
		}
		for _, r := range s.log() {
			switch r.resource {
			case "/long":
				if r.method != "PUT" || r.body != int64(len(long)+1) || r.header.Get("X-A") != "1" {
					t.Errorf("%s %d bytes, %v", r.method, r.body, r.header)
				}
			case "/empty":
				if r.method != "POST" || r.body != 0 || r.header.Get("Content-Length") != "0" {
					t.Errorf("%+v", r)
				}
			case "/host":
				if r.method != "GET" || r.host != "shop.example" {
					t.Errorf("%+v", r)
				}
			default:
				t.Errorf("%+v", r)
			}
		}
	})
}

// A replay sends each request once, none before its instant, speed times as fast.
func TestReplay(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	instants := []time.Duration{30, 10, 10, 80, 210} // ms, in any order
	for _, at := range instants {
		fmt.Fprintf(&rows, `{"path":"/%d","at_ns":%d}`+"\n", at, (at+1000)*time.Millisecond)
	}
	eachThreads(t, func(t *testing.T, made made) {
		s := newScripted(t, says(okReply))
		data := files(t, rows.String(), "", "")
		plan, err := data.Replay(bench.Plan{Extend: 3, MaxLag: time.Minute}, 2)
		if err != nil {
			t.Fatal(err)
		}
		if plan.Duration != 125*time.Millisecond || plan.Load != (bench.Load{Rate: 40, Arrivals: load.Replay}) {
			t.Errorf("plan %v at %v", plan.Duration, plan.Load)
		}
		stage := run(t, plan, made(t, bench.HTTP{URL: s.url(), Data: data}))
		if stage.Counts[result.OK] != int64(len(instants)) || stage.Length != plan.Duration {
			t.Errorf("counts %v in %v", stage.Counts, stage.Length)
		}
		if got := asked(s); !slices.Equal(got, []string{"/10", "/10", "/210", "/30", "/80"}) {
			t.Errorf("asked for %q", got)
		}
		if got := stage.Settings.Get(result.KeyLoad) + " " + stage.Settings.Get(result.KeyArrivals); got != "replay recorded, x2" {
			t.Errorf("load %q", got)
		}
	})
}

func TestBadDataFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, fmt.Sprintf("%x", text))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	table := write("id,name\n1,\"a\nb\"\n")
	rows := func(text string) bench.DataFiles { return bench.DataFiles{Requests: write(text)} }
	for what, c := range map[string]struct {
		f    bench.DataFiles
		h    bench.HTTP
		want string // FILE stands for the name of the file
	}{
		"no file":                     {bench.DataFiles{Data: dir + "/none"}, bench.HTTP{}, "Data is " + dir + "/none, want a file that can be read: no such file or directory"},
		"a folder":                    {bench.DataFiles{Data: dir}, bench.HTTP{}, "Data is " + dir + ", want a file that can be read: read " + dir + ": is a directory"},
		"a bad row":                   {rows("{}\n{\"weight\":0}"), bench.HTTP{}, `Requests is FILE, line 2, field "weight", want 1 to 1000000, not 0`},
		"no JSON":                     {rows("{}\n{"), bench.HTTP{}, "Requests is FILE, line 2, want a JSON object: unexpected EOF"},
		"a bad method":                {rows(`{"method":"a b"}`), bench.HTTP{}, `Requests is FILE, line 1, field "method", want one like GET, HEAD, POST or PUT`},
		"a length":                    {rows(`{"headers":{"Content-Length":"5"}}`), bench.HTTP{}, `Requests is FILE, line 1, field "headers", Content-Length, want it left out: it is made from the body`},
		"an expectation":              {rows(`{"headers":{"Expect":"100-continue"}}`), bench.HTTP{}, `Requests is FILE, line 1, field "headers", Expect, want a body in the same line`},
		"an end of a connection":      {rows(`{"headers":{"Connection":"close"}}`), bench.HTTP{}, `Requests is FILE, line 1, field "headers", Connection, want it left out`},
		"an empty file":               {rows("\n"), bench.HTTP{}, "Requests is FILE, want at least one request: the file is empty"},
		"an end that is none":         {bench.DataFiles{DataEnd: "go"}, bench.HTTP{}, "DataEnd is go, want cycle or stop"},
		"an end of nothing":           {bench.DataFiles{DataEnd: "stop"}, bench.HTTP{}, "DataEnd is stop, want cycle, as there is no file that ends"},
		"a placeholder in an address": {bench.DataFiles{Data: table}, bench.HTTP{URL: "http://h/{nam}"}, "URL is http://h/{nam}, want a known placeholder, not {nam}: the columns are id, name; {seq}, {uuid} and {random 1 100} need none; {{nam}} sends {nam}"},
		"in a line":                   {bench.DataFiles{Data: table}, bench.HTTP{URL: "http://h/", Header: []string{"X: {nam}"}}, "Header is X, want a known placeholder, not {nam}: the columns are id, name;"},
		"in a body":                   {bench.DataFiles{Data: table}, bench.HTTP{URL: "http://h/", Body: []byte("{nam}")}, "want a known placeholder, not {nam}"},
		"without columns":             {bench.DataFiles{}, bench.HTTP{URL: "http://h/{nam}"}, "URL is http://h/{nam}, want a known placeholder, not {nam}: there are no columns;"},
		"a value of two lines":        {bench.DataFiles{Data: table}, bench.HTTP{URL: "http://h/", Header: []string{"X: {name}"}}, `Data is ` + table + `, line 2, field "name", want no control character, as a header line holds none`},
		"rows and a mix":              {rows("{}"), bench.HTTP{Mix: mix("http://h/", 1, 1)}, "want one address"},
	} {
		d, err := c.f.Read()
		if err == nil {
			c.h.Data = d
			err = c.h.Validate()
		}
		var e *field.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), strings.ReplaceAll(c.want, "FILE", c.f.Requests)) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	if _, err := files(t, "{}", "", "").Replay(bench.Plan{}, 1); err == nil || !strings.Contains(err.Error(), "at_ns") {
		t.Errorf("rows without instants: %v", err)
	}
}
