package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// k6 runs a script in a JavaScript machine for each of its users.
var k6 = Tool{
	Name: "k6",
	closed: func(path string, l Load) ([]string, error) {
		return script(path, l, fmt.Sprintf("vus: %d, duration: '%ss'", l.Clients, l.seconds()))
	},
	paced: func(path string, l Load) ([]string, error) {
		return script(path, l, fmt.Sprintf("scenarios: { paced: { executor: 'constant-arrival-rate', rate: %d, timeUnit: '1s', duration: '%ss', preAllocatedVUs: %d, maxVUs: %d } }",
			l.Rate, l.seconds(), l.Clients, 10*l.Clients))
	},
	parse: parseK6,
}

// script writes the script. Its summary is JSON, and it keeps no bodies, as
// k6's own advice for large tests is.
func script(path string, l Load, options string) ([]string, error) {
	file := filepath.Join(l.Dir, "script.js")
	text := "import http from 'k6/http';\n" +
		"export const options = { " + options + ", discardResponseBodies: true, summaryTrendStats: ['med'] };\n" +
		"export default function () { http.get(__ENV.TARGET); }\n" +
		"export function handleSummary(data) { return { stdout: JSON.stringify(data) }; }\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return []string{path, "run", "--quiet", "--no-usage-report", "--address", "", "--env", "TARGET=" + l.URL, file}, nil
}

func parseK6(out []byte) (s Reported, err error) {
	type metric struct {
		Values struct{ Med, Count, Rate *float64 }
	}
	var j struct{ Metrics map[string]metric }
	if err := json.Unmarshal(out, &j); err != nil {
		return s, err
	}
	requests := j.Metrics["http_reqs"].Values.Count
	if requests == nil || !(*requests >= 0 && *requests < 1e15) {
		return s, errors.New("its output lacks the requests")
	}
	s.Requests = int64(*requests)
	if med := j.Metrics["http_req_duration"].Values.Med; med != nil {
		s.Median = duration(*med, time.Millisecond)
	}
	if failed := j.Metrics["http_req_failed"].Values.Rate; failed != nil && *failed >= 0 && *failed <= 1 {
		s.NotOK = failed
	}
	return s, nil
}
