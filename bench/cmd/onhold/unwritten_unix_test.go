//go:build unix

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// heard is what a run prints, and calls what is to happen once a line is there.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
	line string
	then func()
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(p)
	if h.then != nil && strings.Contains(h.text.String(), h.line) {
		h.then()
		h.then = nil
	}
	return len(p), nil
}

// runs runs the command against a server, and does something once the first of
// its stages is complete.
func runs(t *testing.T, then func(), more ...string) (code int, out, errOut string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { time.Sleep(time.Millisecond) }))
	defer server.Close()
	t.Chdir(t.TempDir())
	args := append([]string{"onhold", "run", server.URL, "--rate", "200,201,202", "--arrivals", "constant", "--duration", "200ms", "--warmup", "0s", "--max-lag", "10s", "--out", "out", "--no-pin"}, more...) // this process goes on with other tests
	var o bytes.Buffer
	e := &heard{line: "[1/3]", then: then}
	code = run(args, &o, e)
	return code, o.String(), e.text.String()
}

// A folder that is removed while a run writes to it costs the files, and nothing
// else: the table is printed, what is required is judged, the failure is named.
func TestVanishedFolder(t *testing.T) {
	startsMany(t)
	for name, c := range map[string]struct {
		more []string
		code int
		want string
	}{
		"met":       {[]string{"--require", "ok/s>1"}, exitUnwritten, "met  ok/s>1"},
		"missed":    {[]string{"--require", "ok/s>1000000"}, exitRegressed, "missed  ok/s>1000000"},
		"no report": {[]string{"--no-report"}, exitUnwritten, "201"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := runs(t, func() { os.RemoveAll("out") }, c.more...)
			disturbed := strings.Contains(errOut, "are not valid") // by this machine: then nothing was missed
			if code != c.code && !(disturbed && code == exitUnwritten) {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range []string{"arrivals/s", "200", "202", c.want} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not printed", want)
				}
			}
			if !strings.Contains(errOut, "not all results could be written") || !strings.Contains(errOut, "no such file") {
				t.Error("the failure is not named")
			}
			if t.Failed() {
				t.Logf("stdout:\n%s\nstderr:\n%s", out, errOut)
			}
		})
	}
}

// A terminal that is closed ends a run as SIGTERM does: with its report.
func TestHangUpEndsCleanly(t *testing.T) {
	for _, signal := range endingSignals() {
		code, out, errOut := runs(t, func() { syscall.Kill(os.Getpid(), signal) })
		if code != exitInterrupted || !strings.Contains(out, "PARTIAL") {
			t.Errorf("%v: exit code %d\n%s\n%s", signal, code, out, errOut)
		}
		for _, name := range []string{"out/run.json", "out/stages.jsonl", "out/summary.md"} {
			if info, err := os.Stat(name); err != nil || info.Size() == 0 {
				t.Errorf("%v: %s: %v", signal, name, err)
			}
		}
	}
}

// Where nobody reads what is printed the files are written all the same.
func TestClosedOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	t.Chdir(t.TempDir())
	var errOut bytes.Buffer
	code := run([]string{"onhold", "run", server.URL, "--rate", "100", "--arrivals", "constant", "--duration", "200ms", "--warmup", "0s", "--max-lag", "10s", "--out", "out", "--no-pin"}, w, &errOut)
	if code != exitUnwritten || !strings.Contains(errOut.String(), "standard output") {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
	if _, err := os.Stat("out/summary.md"); err != nil {
		t.Error(err)
	}
}
