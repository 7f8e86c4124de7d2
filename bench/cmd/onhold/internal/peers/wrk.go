package peers

import (
	"regexp"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// wrk drives closed loads on an epoll loop.
var wrk = Tool{
	Name:   "wrk",
	models: closedOnly,
	args: func(t task) []string {
		return []string{"-t1", "-c" + t.clients(), "-d" + t.seconds() + "s", "--latency", "--timeout", "10s", t.URL}
	},
	parse: parseWrk,
}

// wrk2 is wrk with a rate.
var wrk2 = Tool{
	Name:   "wrk2",
	models: []load.Model{load.Constant},
	args:   func(t task) []string { return append([]string{"-R" + t.rate()}, wrk.args(t)...) },
	parse:  parseWrk,
}

var (
	wrkRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkMedian   = regexp.MustCompile(`(?m)^\s*50(?:\.000)?%\s+([\d.]+)(us|ms|s|m|h)\s*$`)
	wrkNotOK    = regexp.MustCompile(`(?m)^\s*Non-2xx or 3xx responses: (\d+)`)
)

// wrkUnits are those that wrk writes times in.
var wrkUnits = map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour}

func parseWrk(out []byte) (s Reported, err error) {
	if s.Requests, err = count(out, "requests", wrkRequests); err != nil {
		return s, err
	}
	if m := wrkMedian.FindSubmatch(out); m != nil {
		if v, err := strconv.ParseFloat(string(m[1]), 64); err == nil {
			s.Median = duration(v, wrkUnits[string(m[2])])
		}
	}
	failed, _ := number(out, wrkNotOK) // there is no such line where none failed
	s.NotOK = share(int64(failed), s.Requests)
	return s, nil
}
