package peers

import (
	"regexp"
	"strconv"
	"time"
)

// hey is net/http and a goroutine for each worker. Its rate is that of each
// worker, and it writes times in tenths of a millisecond.
var hey = Tool{
	Name:   "hey",
	models: bothModels,
	args: func(t task) []string {
		args := []string{"-c", t.clients()}
		if t.Rate > 0 {
			args = append(args, "-q", t.ratePerConnection())
		}
		return append(args, "-z", t.seconds()+"s", "-t", "10", t.URL)
	},
	parse:  parseHey,
	finest: 100 * time.Microsecond,
}

var (
	heyMedian = regexp.MustCompile(`(?m)^\s*50%+ in ([\d.]+) secs`)
	heyCode   = regexp.MustCompile(`(?m)^\s*\[(\d{3})\]\s+(\d{1,15}) responses`)
	heySum    = regexp.MustCompile(`(?m)^\s*Requests/sec:\s+([\d.]+)`)
)

func parseHey(out []byte) (s Reported, err error) {
	if _, err := count(out, "requests per second", heySum); err != nil {
		return s, err
	}
	var ok int64
	for _, m := range heyCode.FindAllSubmatch(out, 1000) {
		n, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil {
			continue
		}
		s.Requests += n
		if m[1][0] == '2' {
			ok += n
		}
	}
	s.NotOK = share(s.Requests-ok, s.Requests)
	if v, found := number(out, heyMedian); found {
		s.Median = duration(v, time.Second)
	}
	return s, nil
}
