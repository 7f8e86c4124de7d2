package peers

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// vegeta is net/http with workers made on demand. Its attack writes a file, of
// which another command makes the report: that is not measured.
var vegeta = Tool{
	Name: "vegeta",
	closed: func(path string, l Load) ([]string, error) {
		return attack(path, l, "-rate=0", "-workers="+l.clients(), "-max-workers="+l.clients())
	},
	paced: func(path string, l Load) ([]string, error) {
		return attack(path, l, "-rate="+strconv.Itoa(l.Rate)+"/1s")
	},
	after: func(path string, l Load) []string {
		return []string{path, "report", "-type=json", filepath.Join(l.Dir, "results.bin")}
	},
	parse: parseVegeta,
}

func attack(path string, l Load, flags ...string) ([]string, error) {
	targets := filepath.Join(l.Dir, "targets")
	if err := os.WriteFile(targets, []byte("GET "+l.URL+"\n"), 0o644); err != nil {
		return nil, err
	}
	return append([]string{path, "attack", "-duration=" + l.seconds() + "s", "-timeout=10s", "-targets=" + targets,
		"-output=" + filepath.Join(l.Dir, "results.bin")}, flags...), nil
}

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
