package peers

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// parsers are all there are, with the recordings of what their tools printed.
var parsers = func() map[string]Tool {
	all := map[string]Tool{"onhold": ours("onhold", "epoll", "")}
	for _, t := range Tools {
		all[t.Name] = t
	}
	return all
}()

func recording(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What each tool printed when it was recorded, read by eye. Those of which few
// were served come from a server with 100 threads that wait 200 ms.
func TestParsersReadWhatTheToolsPrint(t *testing.T) {
	const none = -1
	rows := []struct {
		tool, file string
		requests   int64
		median     time.Duration
		notOK      float64
	}{
		{"wrk", "wrk_ok", 142735, 219 * time.Microsecond, 0},
		{"wrk", "wrk_rejected", 106214, 1290 * time.Microsecond, 105814.0 / 106214},
		{"wrk2", "wrk_ok", 142735, 219 * time.Microsecond, 0},
		{"h2load", "h2load_ok", 119578, none, 0},
		{"h2load", "h2load_rejected", 104074, none, 103674.0 / 104074},
		{"ab", "ab_ok", 158027, 0, 0},
		{"ab", "ab_rejected", 70110, time.Millisecond, 69809.0 / 70110},
		{"bombardier", "bombardier_ok", 114840, 552 * time.Microsecond, 0},
		{"bombardier", "bombardier_rejected", 102871, 1327 * time.Microsecond, 102371.0 / 102871},
		{"hey", "hey_ok", 42017, 1500 * time.Microsecond, 0},
		{"hey", "hey_rejected", 31731, 6100 * time.Microsecond, 31231.0 / 31731},
		{"vegeta", "vegeta_ok", 1000, 128858, 0},
		{"vegeta", "vegeta_rejected", 2000, 182244, 0.75},
		{"k6", "k6_ok", 10912, 1401705, 0},
		{"k6", "k6_rejected", 11266, 14530942, 10766.0 / 11266},
		{"ghz", "ghz_ok", 8502, 8940 * time.Microsecond, 53.0 / 8502},
		{"ghz", "ghz_rejected", 9363, 57730 * time.Microsecond, 8999.0 / 9363},
		{"onhold", "onhold_ok", 85005, 730111, 0},
	}
	for _, row := range rows {
		s, err := parsers[row.tool].parse(recording(t, row.file))
		if err != nil {
			t.Errorf("%s: %v", row.file, err)
			continue
		}
		median := time.Duration(none)
		if s.Median != nil {
			median = *s.Median
		}
		if printed := slices.Contains([]string{"wrk", "bombardier", "ghz"}, row.tool); printed && (s.P99 == nil || *s.P99 <= median) {
			t.Errorf("%s: p99 is %v", row.file, s.P99)
		}
		if s.Requests != row.requests || median != row.median || s.NotOK == nil || math.Abs(*s.NotOK-row.notOK) > 1e-9 {
			t.Errorf("%s: %d requests, median %v, not ok %v; want %d, %v, %v", row.file, s.Requests, median, s.NotOK, row.requests, row.median, row.notOK)
		}
	}
	for name, tool := range parsers {
		for _, nothing := range []string{"", "connection refused\n", "{}", "null", "[]"} {
			if s, err := tool.parse([]byte(nothing)); err == nil {
				t.Errorf("%s takes %q for %+v", name, nothing, s)
			}
		}
	}
}

func TestOursTellsMore(t *testing.T) {
	s, err := parseOurs(recording(t, "onhold_ok"))
	if err != nil {
		t.Fatal(err)
	}
	if o := s.Stage; o.Uncorrected.Quantile(0.5) != 730111 || o.Latency.Quantile(0.99) != 1673215 || o.Goodput() != 85005 || o.Counts.Failed() != 0 || o.Valid() || len(o.Notes()) == 0 {
		t.Errorf("got %+v", o)
	}
}

func FuzzParsers(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no recordings", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		for name, tool := range parsers {
			s, err := tool.parse(out)
			switch {
			case err != nil:
			case s.Requests < 0:
				t.Errorf("%s: %d requests", name, s.Requests)
			case s.Median != nil && *s.Median < 0:
				t.Errorf("%s: median %v", name, *s.Median)
			case s.NotOK != nil && !(*s.NotOK >= 0 && *s.NotOK <= 1):
				t.Errorf("%s: share %v", name, *s.NotOK)
			}
		}
	})
}
