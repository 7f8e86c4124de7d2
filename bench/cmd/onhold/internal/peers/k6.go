package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// k6 runs a script in a JavaScript machine for each of its users.
var k6 = Tool{
	Name:   "k6",
	models: bothModels,
	args: func(t task) []string {
		return []string{"run", "--quiet", "--no-usage-report", "--address", "", "--env", "TARGET=" + t.URL, filepath.Join(t.Dir, k6Script)}
	},
	file:  func(t task) (name, text string) { return k6Script, script(t) },
	parse: parseK6,
}

const k6Script = "script.js"

// script makes a JSON summary and keeps no bodies, as k6 advises for large tests.
func script(t task) string {
	options := fmt.Sprintf("vus: %d, duration: '%ss'", t.Clients, t.seconds())
	if t.Rate > 0 {
		options = fmt.Sprintf("scenarios: { paced: { executor: 'constant-arrival-rate', rate: %s, timeUnit: '1s', duration: '%ss', preAllocatedVUs: %d, maxVUs: %d } }",
			t.rate(), t.seconds(), t.Shared, 10*t.Shared)
	}
	return "import http from 'k6/http';\n" +
		"export const options = { " + options + ", discardResponseBodies: true, summaryTrendStats: ['med'] };\n" +
		"export default function () { http.get(__ENV.TARGET); }\n" +
		"export function handleSummary(data) { return { stdout: JSON.stringify(data) }; }\n"
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
