package peers

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"time"
)

// vegeta is net/http with workers made on demand. Its attack writes a file, of
// which another command makes the report: that is not measured.
var vegeta = Tool{
	Name:   "vegeta",
	models: bothModels,
	args: func(t task) []string {
		args := []string{"attack", "-duration=" + t.seconds() + "s", "-timeout=10s",
			"-targets=" + filepath.Join(t.Dir, vegetaTargets), "-output=" + filepath.Join(t.Dir, vegetaResults)}
		if t.Rate > 0 {
			return append(args, "-rate="+t.rate()+"/1s")
		}
		return append(args, "-rate=0", "-workers="+t.clients(), "-max-workers="+t.clients())
	},
	file: func(t task) (name, text string) { return vegetaTargets, "GET " + t.URL + "\n" },
	after: func(t task) []string {
		return []string{"report", "-type=json", filepath.Join(t.Dir, vegetaResults)}
	},
	parse: parseVegeta,
}

const vegetaTargets, vegetaResults = "targets", "results.bin"

func parseVegeta(out []byte) (s Reported, err error) {
	var j struct {
		Latencies *struct {
			P50 float64 `json:"50th"` // ns
		}
		Requests int64
		Codes    map[string]int64 `json:"status_codes"`
	}
	if err := json.Unmarshal(out, &j); err != nil {
		return s, err
	}
	if j.Latencies == nil || j.Requests < 0 {
		return s, errors.New("its output lacks latencies or requests")
	}
	s.Requests = j.Requests
	s.Median = duration(j.Latencies.P50, time.Nanosecond)
	var ok int64
	for code, n := range j.Codes {
		if code != "" && code[0] == '2' {
			ok += n
		}
	}
	s.NotOK = share(s.Requests-ok, s.Requests)
	return s, nil
}
