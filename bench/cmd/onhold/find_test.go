package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A server that rejects nearly everything: the answer is there at once, it is the same
// when it is decided again, and a search that has ended is not searched again.
func TestFind(t *testing.T) {
	startsMany(t)
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	dir := t.TempDir()
	line := []string{"find", server.URL + "/?token=s3cret-of-ours", "--require", "rejected<1%,adjusted-p99<1s", "--rate", "20..40", "--max-lag", "60s", "--extend", "1", "--out", "found"}
	stdout, stderr, code := onhold(t, dir, append(line[:len(line):len(line)], "--series", "series.jsonl")...)
	if points, err := os.ReadFile(filepath.Join(dir, "series.jsonl")); err != nil || !strings.Contains(string(points), `"attempt":1,`) {
		t.Errorf("%v, %s", err, points)
	}
	if !strings.Contains(stdout, "\nLimit at 20 arrivals/s: server (") {
		t.Errorf("it does not name the limit:\n%s", stdout)
	}
	if code != exitRegressed || !strings.Contains(stdout, "below 20 arrivals/s (95 %)") || !strings.Contains(stderr, "this takes about") ||
		!strings.Contains(stderr, "misses rejected<1%: search lower levels") {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	answer, _, _ := strings.Cut(stdout, "\n")
	for _, file := range []string{"find.json", "find.png", "find.svg", "junit.xml", "summary.md", "run.json", "stages.jsonl"} {
		if _, err := os.Stat(filepath.Join(dir, "found", file)); err != nil {
			t.Error(err)
		}
	}
	for _, again := range [][]string{{"report", "found"}, line} {
		if stdout, stderr, code := onhold(t, dir, again...); code != exitRegressed || !strings.HasPrefix(stdout, answer) || strings.Contains(stderr, "another answer") {
			t.Errorf("%v: exit code %d\n%s\n%s", again, code, stdout, stderr)
		}
	}
	for flag, value := range map[string]string{"--precision": "5%", "--timeout": "7s", "--header": "X: y", "--method": "PUT"} {
		other := append(line[:len(line):len(line)], flag, value)
		if _, stderr, code := onhold(t, dir, other...); code != exitUsage || !strings.Contains(stderr, "--out=found: holds another search") {
			t.Errorf("%s: exit code %d\n%s", flag, code, stderr)
		}
	}

	// The same server aborts a run.
	stdout, stderr, code = onhold(t, dir, "run", server.URL, "--rate", "50,60", "--duration", "60s", "--warmup", "0s", "--abort-on", "rejected>50%", "--max-lag", "60s", "--out", "aborted")
	if code == exitOK || !strings.Contains(stdout, "aborted on rejected>50%: it was 100%") || strings.Contains(stdout, "\n      60 ") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
}

func TestFindUsage(t *testing.T) {
	startsMany(t)
	t.Parallel()
	for want, args := range map[string][]string{
		"find requires one target":                                                                   {},
		"--require=empty: want conditions on the share of bad arrivals":                              {"127.0.0.1:1"},
		"--require=p99<1s: p99 leaves out what was rejected or failed; require adjusted-p99":         {"127.0.0.1:1", "--require", "p99<1s"},
		"--require=rejected<1%: with clients, the share of rejected measures how long they back off": {"127.0.0.1:1", "--require", "rejected<1%", "--clients", "1..10"},
		"--rate=100,200: find searches a range; want LOW..HIGH, like 50..5000":                       {"127.0.0.1:1", "--require", "rejected<1%", "--rate", "100,200"},
		"--clients=1..10 and --rate=10..20: give one of them":                                        {"127.0.0.1:1", "--require", "rejected<1%", "--rate", "10..20", "--clients", "1..10"},
		"--at-least=5: want a level from 10 to 20":                                                   {"127.0.0.1:1", "--require", "rejected<1%", "--rate", "10..20", "--at-least", "5"},
		"--precision=0%: want a share above 0% and at most 100%":                                     {"127.0.0.1:1", "--require", "rejected<1%", "--precision", "0%"},
		"--confidence=100%: want 50% to 99.9%":                                                       {"127.0.0.1:1", "--require", "rejected<1%", "--confidence", "100%"},
		"--budget=0s: want more than 0":                                                              {"127.0.0.1:1", "--require", "rejected<1%", "--budget", "0s"},
		"no connection can be made":                                                                  {"127.0.0.1:1", "--require", "rejected<1%"},
	} {
		_, stderr, code := onhold(t, t.TempDir(), append([]string{"find"}, args...)...)
		if code != exitUsage && code != exitNotStarted || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d, want %q\n%s", args, code, want, stderr)
		}
	}
	if _, stderr, code := onhold(t, t.TempDir(), "run", "127.0.0.1:1", "--abort-on", "cpu>1ms"); code != exitUsage || !strings.Contains(stderr, "cpu is not known while a stage runs") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
