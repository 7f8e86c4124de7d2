package peers

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// bombardier is fasthttp's client and a goroutine for each connection.
var bombardier = Tool{
	Name: "bombardier",
	closed: func(path string, l Load) ([]string, error) {
		return bombard(path, l), nil
	},
	paced: func(path string, l Load) ([]string, error) {
		return append(bombard(path, l), "-r", strconv.Itoa(l.Rate)), nil
	},
	parse: parseBombardier,
}

func bombard(path string, l Load) []string {
	return []string{path, "-c", l.clients(), "-d", l.seconds() + "s", "-t", "10s", "--fasthttp", "-l", "-p", "r", "-o", "json", l.URL}
}

func parseBombardier(out []byte) (s Reported, err error) {
	var j struct {
		Result *struct {
			Req1xx, Req2xx, Req3xx, Req4xx, Req5xx, Others int64
			Latency                                        struct{ Percentiles map[string]float64 } // µs
		}
	}
	if err := json.Unmarshal(out, &j); err != nil {
		return s, err
	}
	if j.Result == nil {
		return s, errors.New("its output lacks the result")
	}
	r := j.Result
	s.Requests = r.Req1xx + r.Req2xx + r.Req3xx + r.Req4xx + r.Req5xx + r.Others
	if s.Requests < 0 {
		return s, errors.New("its counts are negative")
	}
	s.NotOK = share(s.Requests-r.Req2xx, s.Requests)
	if v, ok := r.Latency.Percentiles["50"]; ok {
		s.Median = duration(v, time.Microsecond)
	}
	return s, nil
}
