package peers

import (
	"encoding/json"
	"errors"
	"time"
)

// bombardier is fasthttp's client and a goroutine for each connection.
var bombardier = Tool{
	Name:   "bombardier",
	models: bothModels,
	args: func(t task) []string {
		args := []string{"-c", t.clients(), "-d", t.seconds() + "s", "-t", "10s", "--fasthttp", "-l", "-p", "r", "-o", "json", t.URL}
		if t.Rate > 0 {
			args = append(args, "-r", t.rate())
		}
		return args
	},
	parse: parseBombardier,
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
