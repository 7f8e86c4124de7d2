package result_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/a628bb15/onhold/reports/result"
)

func manySettings() string {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `,"k%d":"v"`, i)
	}
	return b.String()
}

// Each of these lines contradicts itself, or says what cannot be.
func TestContradictionsAreFound(t *testing.T) {
	line := func(s *result.Stage) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	good, queue := line(sampleStage(1, "1")), line(completionStage("1"))
	for _, c := range []struct{ name, line, old, new, want string }{
		{"fewer ok than latencies", good, `"planned":2500,"ok":2000`, `"planned":501,"ok":1`, "counts: ok is 1, but the histogram latency holds 2000"},
		{"fewer rejected", good, `"planned":2500,"ok":2000,"rejected":500`, `"planned":2000,"ok":2000,"rejected":0`, "rejected is 0"},
		{"more unsent", good, `"planned":2500,"ok":2000,"rejected":500`, `"planned":2500,"ok":2000,"rejected":500`, ""},
		{"a giant count", good, `"planned":2500,"ok":2000`, `"planned":9000000000000000500,"ok":9000000000000000000`, "want at most"},
		{"counts that overflow", good, `"planned":2500`, `"planned":-9223372036854775808`, "add up to"},
		{"negative in flight", good, `"in_flight_mean":300.25`, `"in_flight_mean":-1`, "in_flight_mean is -1"},
		{"giant in flight", good, `"in_flight_mean":300.25`, `"in_flight_mean":1e300`, "in_flight_mean is"},
		{"beyond a float", good, `"in_flight_mean":300.25`, `"in_flight_mean":1e999`, "cannot unmarshal"},
		{"not a number", good, `"in_flight_mean":300.25`, `"in_flight_mean":NaN`, "invalid character"},
		{"negative reconnects", good, `"reconnects":0`, `"reconnects":-1`, "reconnects is -1"},
		{"a window of centuries", good, `"length_ns":3000000000`, `"length_ns":9223372036854775807`, "length_ns is"},
		{"percentiles that fall", good, `"p90":`, `"p90":1`, ""},
		{"a level that is none", good, `"level":"1"`, `"level":"one"`, `level is "one"`},
		{"a negative level", good, `"level":"1"`, `"level":"-1"`, `level is "-1"`},
		{"a wait that is none", good, `"backend-latency":"200ms"`, `"backend-latency":"200"`, `backend-latency is "200"`},
		{"more settings than anybody reads", good, `"level":"1"`, `"level":"1"` + manySettings(), "is one of more than 1000"},
		{"invalid twice", good, `"invalid":[]`, `"invalid":["late"],"invalid":[]`, `"invalid" comes twice`},
		{"invalid in two cases", good, `"invalid":[]`, `"INVALID":["late"],"invalid":[]`, `"invalid" comes twice`},
		{"no word on validity", good, `"invalid":[],`, ``, `"invalid" is missing`},
		{"a histogram that is null", good, `"connect_ns":`, `"connect_ns":null,"x":`, `connect_ns is null`},
		{"negative CPU time", good, `"cpu_ns":1000000000`, `"cpu_ns":-1`, "target.cpu_ns is -1"},
		{"a negative attempt", good, `"start":`, `"attempt":-1,"start":`, "attempt is -1"},
		{"no counts", good, `"counts":{`, `"countx":{`, `"counts" is missing`},
		{"deep", good, `"warnings":`, `"deep":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"warnings":`, "nested more than"},
		{"too deep for the library", good, `"warnings":`, `"deep":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `,"warnings":`, "depth"},
		{"no first byte, as before there was one", good, `"first_byte_ns":`, `"first_byte_was":`, ""},
		{"fewer statuses than replies", good, `"statuses":{"200":2000,`, `"statuses":{"200":1,`, "statuses: there are 501, but 2500 arrivals"},
		{"a status that is none", good, `"statuses":{"200":2000,`, `"statuses":{"200":2000,"1000":1,`, "statuses: 1000 is none, want 100 to 599"},
		{"fewer replies than none", good, `"statuses":{"200":2000,`, `"statuses":{"200":2000,"404":-1,`, "statuses: of 404 there are -1"},
		{"more accepted than ok", queue, `"accepted":`, `"accepted":1`, "completion:"},
	} {
		bad := strings.Replace(c.line, c.old, c.new, 1)
		if c.name == "percentiles that fall" {
			bad = regexp.MustCompile(`"p90":\d+`).ReplaceAllString(c.line, `"p90":1`)
			c.want = "do not rise"
		}
		var s result.Stage
		err := json.Unmarshal([]byte(bad), &s)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// A histogram of another geometry may ask for any amount of memory.
func TestHistogramOfAnotherGeometry(t *testing.T) {
	wide := hdrhistogram.New(1, 1<<62, 5)
	if err := wide.RecordValue(1 << 61); err != nil {
		t.Fatal(err)
	}
	text, err := wide.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"wide": string(text), "no base64": "!", "empty": "", "short": "AAAA", "no zlib": base64.StdEncoding.EncodeToString(make([]byte, 100)),
	} {
		b, err := json.Marshal(sampleStage(1, "1"))
		if err != nil {
			t.Fatal(err)
		}
		bad := regexp.MustCompile(`"hdr":"[^"]*"`).ReplaceAllString(string(b), `"hdr":"`+text+`"`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var s result.Stage
		if err := json.Unmarshal([]byte(bad), &s); err == nil || !strings.Contains(err.Error(), "histogram") {
			t.Errorf("%s: %v", name, err)
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 16<<20 {
			t.Errorf("%s: %d bytes were taken", name, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

// One line that is too long costs that line alone, and is named.
func TestLongLineCostsOneLine(t *testing.T) {
	b, err := json.Marshal(sampleStage(1, "1"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b) + "\n" + strings.Repeat("x", 33<<20) + "\n\n" + string(b) + "\n" + strings.Repeat("y", 33<<20)
	r := result.NewReader(strings.NewReader(text))
	var got []string
	for r.Scan() {
		if _, err := r.Stage(); err != nil {
			got = append(got, err.Error())
		} else {
			got = append(got, "a stage")
		}
	}
	want := []string{"a stage", "line 2 is longer than 33554432 bytes", "a stage", "line 5 is longer than 33554432 bytes"}
	if fmt.Sprint(got) != fmt.Sprint(want) || r.Err() != nil {
		t.Errorf("got %q, %v", got, r.Err())
	}
}

// Whatever becomes of a run folder's bytes, it is read as it was written, or the
// line is named, or the folder refused; and nothing of it takes the process.
func TestCorruptedFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	folder, err := result.Create(dir, result.Run{ID: "1", Planned: 3})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range 3 {
		s := sampleStage(uint64(i), fmt.Sprint(i+1))
		if i == 1 {
			s = completionStage("2")
		}
		if err := folder.Append(s); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	if err := folder.Finish(folder.Run.Started, true); err != nil {
		t.Fatal(err)
	}
	// Of a mean no more than the buckets can be checked.
	mean := regexp.MustCompile(`"mean":\d+`)
	measured := mean.ReplaceAllString(strings.Join(lines, "\n"), "")
	read := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(path, good, 0o644)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, stages, warnings, err := result.Open(dir)
		if err != nil {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("the error does not name %s: %v", name, err)
			}
			return
		}
		for _, w := range warnings {
			if !strings.Contains(w, "line ") {
				t.Errorf("a warning that names no line: %s", w)
			}
		}
		for _, s := range stages {
			b, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, figures := range []string{"counts", "latency_ns", "rejected_ns"} {
				if part := partOf(t, b, figures); !strings.Contains(measured, mean.ReplaceAllString(part, "")) {
					t.Errorf("%s of a damaged line are taken for measured: %s", figures, part)
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{result.StagesFile, result.RunFile} {
		good, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			read(name, good[:r.IntN(len(good))]) // cut short
			flipped := bytes.Clone(good)
			flipped[r.IntN(len(good))] ^= 1 << r.IntN(8)
			read(name, flipped)
			at, n := r.IntN(len(good)), r.IntN(50)
			read(name, append(bytes.Clone(good[:at]), good[min(len(good), at+n):]...)) // a piece is gone
			read(name, append(append(bytes.Clone(good[:at]), good[r.IntN(len(good)):]...), good[at:]...))
		}
		digits := regexp.MustCompile(`\d+`).FindAllIndex(good, -1)
		for range 40 {
			d := digits[r.IntN(len(digits))]
			number := []string{"0", "-1", "9223372036854775807", "1e400", "-9223372036854775808", "4.5", "1" + strings.Repeat("0", 400)}[r.IntN(7)]
			read(name, []byte(string(good[:d[0]])+number+string(good[d[1]:])))
		}
		read(name, nil)
		read(name, bytes.Repeat([]byte("\n"), 1000))
		read(name, bytes.Repeat([]byte{0}, 1000))
		read(name, bytes.Repeat([]byte("["), 1<<20))
	}
}

// partOf is one member of an object as it is written.
func partOf(t *testing.T, object []byte, key string) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(object, &all); err != nil {
		t.Fatal(err)
	}
	return string(all[key])
}

// What is no file is refused at once, and a file without end is not read.
func TestFolderOfDevices(t *testing.T) {
	for _, device := range []string{"/dev/zero", "/dev/stdin"} {
		if _, err := os.Stat(device); err != nil {
			t.Skip(err)
		}
		dir := t.TempDir()
		if err := os.Symlink(device, filepath.Join(dir, result.RunFile)); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := result.Open(dir); err == nil {
			t.Errorf("%s is read as %s", device, result.RunFile)
		}
	}
	dir := t.TempDir()
	folder, err := result.Create(dir, result.Run{})
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Finish(folder.Run.Started, true); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, result.StagesFile)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", path); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := result.Open(dir); err == nil || !strings.Contains(err.Error(), "is a device") {
		t.Errorf("stages from a device: %v", err)
	}
	big := filepath.Join(dir, result.RunFile)
	if err := os.Truncate(big, 1<<40); err != nil {
		t.Skip(err)
	}
	if _, err := result.ReadRun(dir); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a file of a terabyte: %v", err)
	}
}

// A folder of an earlier version is refused, and the error says what to do.
func TestFolderOfAnotherVersion(t *testing.T) {
	dir := t.TempDir()
	run := `{"schema":1,"environment":{"onhold":"v0.1.0"}}`
	if err := os.WriteFile(filepath.Join(dir, result.RunFile), []byte(run), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := result.Open(dir); err == nil || !strings.Contains(err.Error(), "schema is 1") || !strings.Contains(err.Error(), `the version that wrote it ("v0.1.0")`) {
		t.Errorf("got %v", err)
	}
}
