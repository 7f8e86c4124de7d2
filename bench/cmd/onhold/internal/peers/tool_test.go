package peers

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

func TestCommandLines(t *testing.T) {
	dir := t.TempDir()
	closed, paced, secure, fresh := closedTask(64, 0), constantTask(1000, 100), closedTask(64, 0), closedTask(64, 0)
	for _, task := range []*task{&closed, &paced, &secure, &fresh} {
		task.URL, task.Duration, task.Dir = "http://a/", 3*time.Second, dir
	}
	secure.URL, fresh.Fresh = "https://a/", true
	rows := []struct {
		tool string
		task task
		want string // without what is the same for all loads; "" where it cannot
	}{
		{"wrk", closed, "-t1 -c64 -d3s --latency --timeout 10s http://a/"},
		{"wrk", paced, ""},
		{"wrk2", closed, ""},
		{"wrk2", paced, "-R1000 -t1 -c100 -d3s --latency --timeout 10s http://a/"},
		{"h2load", closed, "--h1 -t1 -c64 -D3s http://a/"},
		{"h2load", paced, "--h1 -t1 -c100 -D3s --rps 10 http://a/"},
		{"wrk", fresh, "-t1 -c64 -d3s --latency --timeout 10s http://a/ -H Connection: close"},
		{"h2load", fresh, "--h1 -t1 -c64 -n6000 -H Connection: close http://a/"},
		{"hey", fresh, ""},
		{"bombardier", secure, "-c 64 -d 3s -t 10s --fasthttp -l -p r -o json https://a/ -k"},
		{"ab", closed, "-q -k -l -r -c 64 -t 3 -n 100000000 http://a/"},
		{"ab", paced, ""},
		{"bombardier", closed, "-c 64 -d 3s -t 10s --fasthttp -l -p r -o json http://a/"},
		{"bombardier", paced, "-c 100 -d 3s -t 10s --fasthttp -l -p r -o json http://a/ -r 1000"},
		{"hey", closed, "-c 64 -z 3s -t 10 http://a/"},
		{"hey", paced, "-c 100 -q 10 -z 3s -t 10 http://a/"},
		{"vegeta", closed, "attack -duration=3s -timeout=10s -targets=DIR/input.js -output=DIR/results.bin -rate=0 -workers=64 -max-workers=64"},
		{"vegeta", paced, "attack -duration=3s -timeout=10s -targets=DIR/input.js -output=DIR/results.bin -rate=1000/1s"},
		{"k6", closed, "run --quiet --no-usage-report --address= DIR/input.js"},
		{"k6", paced, "run --quiet --no-usage-report --address= DIR/input.js"},
		{"onhold", closed, "run http://a/ --driver epoll --duration 2.5s --warmup 500ms --retries 0 --json --no-report --out DIR/run --clients 64 --ramp-up 0s"},
		{"onhold", fresh, "run http://a/ --driver epoll --duration 2.5s --warmup 500ms --retries 0 --json --no-report --out DIR/run --clients 64 --new-connection"},
		{"onhold", paced, "run http://a/ --driver epoll --duration 2.5s --warmup 500ms --retries 0 --json --no-report --out DIR/run --rate 1000 --arrivals constant"},
	}
	for _, row := range rows {
		tool := parsers[row.tool]
		args, err := tool.prepare(row.task)
		if row.want == "" {
			if err == nil {
				t.Errorf("%s makes a load that it cannot: %q", row.tool, args)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.tool, err)
			continue
		}
		if got := strings.ReplaceAll(strings.Join(args[1:], " "), dir, "DIR"); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.tool, got, row.want)
		}
	}
	script, err := os.ReadFile(filepath.Join(dir, inputFile))
	if err != nil || !strings.Contains(string(script), "const rate = 1000;") || !strings.Contains(string(script), "duration: '3s', preAllocatedVUs: 100") || strings.Contains(string(script), "{url}") {
		t.Errorf("k6's script: %v\n%s", err, script)
	}
	vegeta := parsers["vegeta"]
	if after := vegeta.command(closed, vegeta.after); after[len(after)-1] != filepath.Join(dir, "results.bin") {
		t.Errorf("vegeta's report is of another file: %q", after)
	}
}

func TestLook(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "wrk"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	found, missing, err := Look(nil)
	if err != nil || len(found)+len(missing) != len(Tools) {
		t.Errorf("%d found, %q missing, %v", len(found), missing, err)
	}
	if _, _, err := Look([]string{"wrk", "siege"}); err == nil || !strings.Contains(err.Error(), `"siege"; want some of wrk, h2load,`) {
		t.Errorf("of siege: %v", err)
	}
	if found, missing, err := Look([]string{"hey"}); err != nil || len(found) != 0 || len(missing) != 1 {
		t.Errorf("of hey: %d found, %q missing, %v", len(found), missing, err)
	}
}

// What is rejected is no request served, and where none was there is no cost.
func TestCostIsPerRequestServed(t *testing.T) {
	for _, c := range []struct {
		requests, rejected int64
		want               float64
		ok                 bool
	}{{100, 0, 50, true}, {100, 90, 500, true}, {100, 100, 0, false}, {0, 0, 0, false}} {
		m := &Measurement{CPU: 5000, Requests: c.requests, Rejected: c.rejected}
		if got := clientCPU.value(m); math.IsNaN(got) == c.ok || c.ok && got != c.want {
			t.Errorf("%d requests, %d rejected: %v ns; want %v, %v", c.requests, c.rejected, got, c.want, c.ok)
		}
		m.Reported.Stage = result.NewStage()
		m.Reported.Stage.Target.CPU, m.Reported.Stage.Counts[result.OK] = 5000, c.requests-c.rejected
		if got := serverCPU.value(m); math.IsNaN(got) == c.ok || c.ok && got != c.want {
			t.Errorf("of the server: %v ns; want %v, %v", got, c.want, c.ok)
		}
	}
}
