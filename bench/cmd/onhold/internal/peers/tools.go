package peers

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// Tools are the generators that are compared with ours where they are found. A new
// one is an entry here, and a recording of what it prints in testdata.
var Tools = []Tool{
	{
		Name: wrk, closed: wrkLine, fresh: wrkLine + " -H {close}", parse: wrkOutput.read,
	}, {
		// With new connections it does not end by time.
		Name: h2load, closed: h2loadLine + " -D{seconds}s {url}", fresh: h2loadLine + " -n{handshakes} -H {close} {url}", constant: h2loadLine + " -D{seconds}s --rps {each} {url}", // prints no median
		parse: printed{requests: pattern(`^requests: .* (\d+) done,`), ok: pattern(`^status codes: (\d+) 2xx`)}.read,
	}, {
		// A time limit sets the number of requests to 50,000, unless it is given after it.
		Name: "ab", closed: "-q -k -l -r -c {clients} -t {seconds} -n 100000000 {url}", Finest: time.Millisecond,
		parse: printed{requests: pattern(`^Complete requests:\s+(\d+)`), notOK: pattern(`^Non-2xx responses:\s+(\d+)`), median: pattern(`^\s+50%\s+(\d+)`), unit: "ms"}.read,
	}, {
		Name: bombardier, closed: bombardierLine, constant: bombardierLine + " -r {rate}", insecure: "-k",
		parse: printed{requests: pattern(`"(?:req[1-5]xx|others)":(\d+)`), ok: pattern(`"req2xx":(\d+)`), median: pattern(`"latency":.*?"50":([\d.]+)`), p99: pattern(`"latency":.*?"99":([\d.]+)`), unit: "us"}.read,
	}, {
		Name: "hey", closed: "-c {clients} " + heyLine, constant: "-c {clients} -q {each} " + heyLine, Finest: 100 * time.Microsecond,
		parse: printed{requests: pattern(`^\s*\[\d{3}\]\s+(\d+) responses`), ok: pattern(`^\s*\[2\d\d\]\s+(\d+) responses`), median: pattern(`^\s*50%+ in ([\d.]+) secs`), unit: "s"}.read,
	}, {
		// Its attack writes a file, of which another command makes the report.
		Name: vegeta, closed: vegetaLine + " -rate=0 -workers={clients} -max-workers={clients}", constant: vegetaLine + " -rate={rate}/1s",
		input: "GET {url}\n", after: "report -type=json {dir}/results.bin",
		parse: printed{requests: pattern(`"requests":(\d+)`), ok: pattern(`"2\d\d":(\d+)`), median: pattern(`"50th":([\d.]+)`), unit: "ns"}.read,
	}, {
		Name: "k6", closed: k6Line, constant: k6Line, input: k6Script,
		parse: printed{requests: pattern(`"http_reqs":\{[^}]*"count":(\d+)`), notOK: pattern(`"http_req_failed":\{[^}]*"passes":(\d+)`), median: pattern(`"http_req_duration":\{[^}]*"med":([\d.]+)`), unit: "ms"}.read,
	}, {
		Name: ghz, closed: ghzLine + " {host}", constant: ghzLine + " --rps {rate} {host}", input: echoProto, inputAs: protoFile, only: protoGRPC,
		parse: printed{requests: pattern(`^  Count:\s+(\d+)`), ok: pattern(`^  \[OK\]\s+(\d+) responses`), median: pattern(`^  50 % in ([\d.]+) (ns|µs|ms|s)`), p99: pattern(`^  99 % in ([\d.]+) (ns|µs|ms|s)`)}.read,
	}, {
		Name: "wrk2", constant: "-R{rate} " + wrkLine, parse: wrkOutput.read,
	},
}

// The tools that sections name.
const wrk, h2load, bombardier, vegeta, ghz = "wrk", "h2load", "bombardier", "vegeta", "ghz"

// Command lines. The rate of hey and h2load is that of each client.
const (
	wrkLine        = "-t1 -c{clients} -d{seconds}s --latency --timeout 10s {url}"
	h2loadLine     = "--h1 -t1 -c{clients}"
	bombardierLine = "-c {clients} -d {seconds}s -t 10s --fasthttp -l -p r -o json {url}"
	heyLine        = "-z {seconds}s -t 10 {url}"
	vegetaLine     = "attack -duration={seconds}s -timeout=10s -targets={dir}/" + inputFile + " -output={dir}/results.bin"
	ghzLine        = "--insecure --proto {dir}/" + protoFile + " --call peers.Echo/Call -d {} --connections {shared} -c {open} -z {seconds}s -t 10s -O summary"
	k6Line         = "run --quiet --no-usage-report --address= {dir}/" + inputFile
)

//go:embed k6.js
var k6Script string

var wrkOutput = printed{
	requests: pattern(`^\s*(\d+) requests in `), notOK: pattern(`^\s*Non-2xx or 3xx responses: (\d+)`),
	median: pattern(`^\s*50(?:\.000)?%\s+([\d.]+)(us|ms|s|m|h)\s*$`), p99: pattern(`^\s*99(?:\.000)?%\s+([\d.]+)(us|ms|s|m|h)\s*$`),
}

func pattern(lines string) *regexp.Regexp { return regexp.MustCompile("(?m)" + lines) }

// printed is where a tool's output has its figures: each is the first group of a
// match, and counts are summed over all matches.
type printed struct {
	requests  *regexp.Regexp
	ok, notOK *regexp.Regexp // one of them; no match is 0
	median    *regexp.Regexp // its second group is the unit where unit is ""; nil: there is none
	p99       *regexp.Regexp // likewise
	unit      string         // as time.ParseDuration takes it
}

// read reads an output. It fails where the number of requests is missing.
func (p printed) read(out []byte) (s Reported, err error) {
	if !p.requests.Match(out) {
		return s, fmt.Errorf("its output lacks the requests")
	}
	s.Requests = sum(out, p.requests)
	if p.ok != nil {
		s.NotOK = share(s.Requests-sum(out, p.ok), s.Requests)
	} else {
		s.NotOK = share(sum(out, p.notOK), s.Requests)
	}
	s.Median, s.P99 = p.time(out, p.median), p.time(out, p.p99)
	return s, nil
}

// time is the duration that a pattern matches; nil where there is none.
func (p printed) time(out []byte, of *regexp.Regexp) *time.Duration {
	if of == nil {
		return nil
	}
	m := of.FindSubmatch(out)
	if m == nil {
		return nil
	}
	unit := p.unit
	if unit == "" {
		unit = string(m[2])
	}
	d, err := time.ParseDuration(string(m[1]) + unit)
	if err != nil {
		return nil
	}
	return &d
}

// sum is the sum of the counts that a pattern matches. Numbers too large to be
// counts are left out.
func sum(out []byte, count *regexp.Regexp) (total int64) {
	for _, m := range count.FindAllSubmatch(out, 1000) {
		if n, err := strconv.ParseInt(string(m[1]), 10, 64); err == nil && n < 1e15 {
			total += n
		}
	}
	return total
}

// share is part of all, nil where all is 0.
func share(part, all int64) *float64 {
	if all <= 0 || part < 0 || part > all {
		return nil
	}
	return new(float64(part) / float64(all))
}

// can reports whether the tool can generate a load of requests over HTTP/1.1.
func (t Tool) can(m load.Model) bool { return t.line(m) != "" && t.only == protoPlain }

func (t Tool) line(m load.Model) string {
	return map[load.Model]string{load.Closed: t.closed, load.Constant: t.constant}[m]
}
