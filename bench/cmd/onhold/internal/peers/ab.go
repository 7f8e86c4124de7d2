package peers

import (
	"regexp"
	"time"
)

// ab is ApacheBench. It speaks HTTP/1.0, and writes times in full
// milliseconds.
var ab = Tool{
	Name:   "ab",
	models: closedOnly,
	args: func(t task) []string {
		// A time limit sets the number of requests to 50,000, unless it is given
		// after it.
		return []string{"-q", "-k", "-l", "-r", "-c", t.clients(), "-t", t.seconds(), "-n", "100000000", t.URL}
	},
	parse:  parseAB,
	finest: time.Millisecond,
}

var (
	abRequests = regexp.MustCompile(`(?m)^Complete requests:\s+(\d+)`)
	abMedian   = regexp.MustCompile(`(?m)^\s+50%\s+(\d+)`)
	abNotOK    = regexp.MustCompile(`(?m)^Non-2xx responses:\s+(\d+)`)
)

func parseAB(out []byte) (s Reported, err error) {
	if s.Requests, err = count(out, "requests", abRequests); err != nil {
		return s, err
	}
	if ms, ok := number(out, abMedian); ok {
		s.Median = duration(ms, time.Millisecond)
	}
	failed, _ := number(out, abNotOK) // there is no such line where none failed
	s.NotOK = share(int64(failed), s.Requests)
	return s, nil
}
