package bench_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// changed sets a field to a value that it does not have. What it cannot set, a
// new kind of field say, fails the test: its setting is then to be thought of.
func changed(t *testing.T, name string, field reflect.Value, by map[string]any) {
	t.Helper()
	if v, ok := by[name]; ok {
		field.Set(reflect.ValueOf(v))
		return
	}
	switch field.Kind() {
	case reflect.Int, reflect.Int64:
		field.SetInt(field.Int() + 7_000_000)
	case reflect.Float64:
		field.SetFloat(field.Float() + 7.5)
	case reflect.Uint64:
		field.SetUint(field.Uint() + 7)
	case reflect.Bool:
		field.SetBool(!field.Bool())
	case reflect.String:
		field.SetString(field.String() + "x")
	default:
		t.Fatalf("%s is a %s: give this test a value for it, and see that it is among the settings", name, field.Type())
	}
}

// every is a pattern of its own.
type every struct{ gap time.Duration }

func (e every) Name() string { return "every " + e.gap.String() }

func (e every) Schedule(uint64) func() time.Duration {
	at := -e.gap
	return func() time.Duration { at += e.gap; return at }
}

// Stages that differ in anything that changes what is measured differ in their
// settings: else they are merged as repeats.
func TestEveryFieldOfAPlanIsAmongTheSettings(t *testing.T) {
	// Not settings of the stage, and why.
	no := map[string]string{
		"TargetPID": "says whose figures are read, not what is sent",
		"Observer":  "only watches",
		"Watch":     "only watches",
		"Abort":     "shortens a stage, which says so",
		"Share":     "is part of a load; the record is of all parts",
		"StartAt":   "says when, not what",
	}
	by := map[string]any{
		"Pattern": bench.Arrivals(every{time.Second}), "Ramp": load.Range{From: 3, To: 9}, "Arrivals": load.Constant,
		"Settings": result.Settings{{Key: "workers", Value: "7"}},
	}
	plans := []bench.Plan{{Load: bench.Load{Clients: 1}}, {Load: bench.Load{Burst: 1}}, {Load: bench.Load{Rate: 1}}, {Load: bench.Load{Ramp: load.Range{From: 1, To: 2}}}}
	fields := reflect.VisibleFields(reflect.TypeFor[bench.Plan]())
	for _, f := range reflect.VisibleFields(reflect.TypeFor[bench.Load]()) {
		f.Index = []int{0, f.Index[0]} // Load is the first field
		fields = append(fields, f)
	}
	for _, f := range fields[1:] {
		name := f.Name
		differs := false
		for _, p := range plans {
			before := p.StageSettings(&bench.GoroutineDriver{}).String()
			if no[name] == "" {
				changed(t, name, reflect.ValueOf(&p).Elem().FieldByIndex(f.Index), by)
			}
			differs = differs || p.StageSettings(&bench.GoroutineDriver{}).String() != before
		}
		if differs == (no[name] != "") {
			t.Errorf("stages that differ in %s differ in their settings: %v (%s)", name, differs, no[name])
		}
	}
}

func TestEveryFieldOfTheRequestsIsAmongTheSettings(t *testing.T) {
	no := map[string]string{"Seed": "is that of the plan, which has it"}
	data, err := bench.DataFiles{}.Read()
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]any{
		"Mix":    []bench.Weighted{{URL: "http://h/a", Weight: 2}, {URL: "http://h/b", Weight: 1}},
		"TLS":    &tls.Config{MaxVersion: tls.VersionTLS12},
		"Header": []string{"Accept: text/html"}, "Body": []byte("{}"),
		"Stream": bench.Stream{Kind: bench.StreamSSE}, "Data": data, "Fill": func([]byte, uint64) {}, "Accepted": func([]byte) (uint64, bool) { return 0, false },
	}
	plain := bench.HTTP{URL: "http://h/a"}
	fields := reflect.TypeFor[bench.HTTP]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		h := plain
		if no[name] == "" {
			changed(t, name, reflect.ValueOf(&h).Elem().Field(i), by)
		}
		if differs := h.Settings().String() != plain.Settings().String(); differs == (no[name] != "") {
			t.Errorf("requests that differ in %s differ in their settings: %v (%s)", name, differs, no[name])
		}
	}
}

func TestEveryFieldOfAStreamIsAmongTheSettings(t *testing.T) {
	fields := reflect.TypeFor[bench.Stream]()
	for i := range fields.NumField() {
		h := bench.HTTP{URL: "http://h/a"}
		before := h.Settings().String()
		changed(t, fields.Field(i).Name, reflect.ValueOf(&h.Stream).Elem().Field(i), nil)
		if h.Settings().String() == before {
			t.Errorf("requests that differ in %s of Stream have the same settings", fields.Field(i).Name)
		}
	}
}

func TestEveryFieldOfADriverIsAmongTheSettings(t *testing.T) {
	no := map[string]string{
		"Dial": "is described by RequestSettings", "Completions": "makes another kind of stage, with completions", "Most": "is described by RequestSettings",
		"untimed": "is for sessions, which say so", "Found": "finds settings while it drives", "Remarks": "says what came, not what was sent", "sleep": "is for tests", "machine": "is for tests",
	}
	by := map[string]any{"RequestSettings": result.Settings{{Key: "a", Value: "b"}}}
	fields := reflect.TypeFor[bench.GoroutineDriver]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if no[name] != "" {
			continue
		}
		var d bench.GoroutineDriver
		changed(t, name, reflect.ValueOf(&d).Elem().Field(i), by)
		p := bench.Plan{Load: bench.Load{Clients: 1}, Duration: time.Second}
		if p.StageSettings(&d).String() == p.StageSettings(&bench.GoroutineDriver{}).String() {
			t.Errorf("drivers that differ in %s have the same settings", name)
		}
	}
	if !epoll.Supported {
		return
	}
	seen := map[string]bool{}
	for _, c := range []struct {
		path    string
		threads int
		spin    time.Duration
	}{{"/", 1, 0}, {"/", 2, 0}, {"/", 1, time.Microsecond}, {"/a", 1, 0}} {
		d, err := epoll.New(bench.HTTP{URL: "http://127.0.0.1" + c.path}, epoll.Options{Threads: c.threads, Spin: c.spin})
		if err != nil {
			t.Fatal(err)
		}
		seen[bench.Plan{Load: bench.Load{Clients: 1}, Duration: time.Second}.StageSettings(d).String()] = true
	}
	if len(seen) != 4 {
		t.Errorf("4 drivers have %d different settings: %v", len(seen), seen)
	}
}

// Requests are the same, or not, whatever server they go to.
func TestRequestsAreToldApart(t *testing.T) {
	at := func(url string, change ...func(*bench.HTTP)) string {
		h := bench.HTTP{URL: url}
		for _, c := range change {
			c(&h)
		}
		return h.Settings().Get(result.KeyRequest)
	}
	header := func(lines ...string) func(*bench.HTTP) { return func(h *bench.HTTP) { h.Header = lines } }
	body := func(b string) func(*bench.HTTP) { return func(h *bench.HTTP) { h.Body = []byte(b) } }
	mix := func(m ...bench.Weighted) func(*bench.HTTP) { return func(h *bench.HTTP) { h.URL, h.Mix = "", m } }
	same := [][2]string{
		{at("http://h:1/a"), at("http://other:2/a")},
		{at("http://h/a"), at("http://h/a", func(h *bench.HTTP) { h.Method = http.MethodGet })},
		{at("http://h/a"), at("", mix(bench.Weighted{URL: "http://h/a", Weight: 9}))},
		{at("http://h"), at("http://h/")},
	}
	for i, s := range same {
		if s[0] != s[1] {
			t.Errorf("same %d: %s and %s", i, s[0], s[1])
		}
	}
	all := map[string]string{}
	for name, digest := range map[string]string{
		"plain": at("http://h/a"), "https": at("https://h/a"), "path": at("http://h/b"), "case": at("http://h/A"), "escaped": at("http://h/%61"),
		"query": at("http://h/a?x=1"), "query value": at("http://h/a?x=2"), "secret in a query": at("http://h/a?token=1"), "another": at("http://h/a?token=2"),
		"user": at("http://joe@h/a"), "password": at("http://joe:1@h/a"), "another password": at("http://joe:2@h/a"),
		"method": at("http://h/a", func(h *bench.HTTP) { h.Method = "HEAD" }),
		"header": at("http://h/a", header("Accept: a")), "its value": at("http://h/a", header("Accept: b")), "its name": at("http://h/a", header("accept: a")),
		"twice": at("http://h/a", header("Accept: a", "Accept: b")), "the other way": at("http://h/a", header("Accept: b", "Accept: a")),
		"one line": at("http://h/a", header("Accept: a,Accept: b")),
		"a secret": at("http://h/a", header("Authorization: a")), "another secret": at("http://h/a", header("Authorization: b")),
		"body": at("http://h/a", body("a")), "another body": at("http://h/a", body("b")), "bytes": at("http://h/a", body("\xff")), "other bytes": at("http://h/a", body("\xfe")),
		"weights":       at("", mix(bench.Weighted{URL: "http://h/a", Weight: 9}, bench.Weighted{URL: "http://h/b", Weight: 1})),
		"other weights": at("", mix(bench.Weighted{URL: "http://h/a", Weight: 1}, bench.Weighted{URL: "http://h/b", Weight: 9})),
		"TLS 1.2":       at("https://h/a", func(h *bench.HTTP) { h.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} }),
		"no resumption": at("https://h/a", func(h *bench.HTTP) { h.TLS = &tls.Config{SessionTicketsDisabled: true} }),
		"close":         at("http://h/a", func(h *bench.HTTP) { h.NewConnection = true }),
	} {
		if other, ok := all[digest]; ok {
			t.Errorf("%q and %q are both %s", name, other, digest)
		}
		if all[digest] = name; len(digest) != 4 {
			t.Errorf("%s: %q, want 16 bits in hex: more would tell more of a secret", name, digest)
		}
	}
}

// What is secret stands in no setting.
func TestSettingsHoldNoSecret(t *testing.T) {
	h := bench.HTTP{
		Mix:    []bench.Weighted{{URL: "http://joe:hush@h/a", Weight: 1}, {URL: "http://joe:hush@h/b", Weight: 1}},
		Method: "POST", Header: []string{"Authorization: hush"}, Body: []byte("hush"),
	}
	if text := h.Settings().String(); strings.Contains(text, "hush") {
		t.Error(text)
	}
}

// A stage that was run has the settings that were planned, with any driver.
func TestStagesHaveThePlannedSettings(t *testing.T) {
	eachDriver(t, func(t *testing.T, made made) {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		defer server.Close()
		d := made(t, bench.HTTP{URL: server.URL, Header: []string{"Accept: text/html"}})
		p := bench.Plan{Load: bench.Load{Clients: 2, ThinkTime: time.Millisecond}, Duration: 50 * time.Millisecond}
		s, err := bench.Run(t.Context(), p, d)
		if err != nil {
			t.Fatal(err)
		}
		if want := p.StageSettings(d).String(); s.Settings.String() != want || s.Settings.Get(result.KeyRequest) == "" {
			t.Errorf("the stage has %s, planned was %s", s.Settings, want)
		}
	})
}
