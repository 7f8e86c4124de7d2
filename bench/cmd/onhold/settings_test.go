package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
)

// plannedBy are the settings that the stages of a command line will have.
func plannedBy(t *testing.T, args ...string) (all []result.Settings) {
	t.Helper()
	c := runCommand()
	c.Action = func(ctx context.Context, c *cli.Command) error {
		s, err := newSession(ctx, c)
		if err != nil {
			return err
		}
		sweep := bench.Sweep{Plan: s.plan, Levels: s.levels}
		for _, sub := range s.driven {
			for p := range sweep.Plans() {
				all = append(all, sub.planned(p))
			}
		}
		return nil
	}
	if err := c.Run(t.Context(), append([]string{"run"}, args...)); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return all
}

// Stages of two command lines that differ in anything that changes what is
// measured differ in their settings: else a report would merge them. A new flag
// fails this test until it is in one of the tables.
func TestEveryFlagOfRunIsAmongTheSettings(t *testing.T) {
	startsMany(t)
	t.Setenv("ONHOLD_BACKEND_DSN", "")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte("[]"), 0o644); err != nil {
		t.Fatal(err)
	}
	rows, data := filepath.Join(t.TempDir(), "rows"), filepath.Join(t.TempDir(), "data")
	for path, text := range map[string]string{rows: "{\"at_ns\":0}\n{\"at_ns\":5}\n", data: "a\n1\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	overTLS := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer overTLS.Close()
	ca, socket := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "socket")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: overTLS.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	secure := slices.Clip([]string{overTLS.URL, "--clients", "1"})
	address := []string{server.URL}
	url := append(address, "--clients", "1")
	h2c := []string{"h2c" + strings.TrimPrefix(server.URL, "http"), "--clients", "1"}
	style := func(name string, more ...string) []string {
		return append([]string{name, "--clients", "1"}, more...)
	}
	open, burst := append(address, "--rate", "1"), append(address, "--burst", "1")
	no := map[string]string{
		"cert": "comes with key: see TestTLSFlags", "key": "comes with cert: see TestTLSFlags",
		"proto": "describes the method that the address names", "proto-path": "is of proto",
		"target-pid": "says whose figures are read", "help-all": "shows help",
		"agents": "is among the settings of the record: see TestRunWithAgents", "agents-local": "says where the agents are", "agents-wait": "is before all stages", "resume": "says which run is continued",
		"bus": "is where the agents meet", "bus-creds": "is of the bus", "bus-ca": "is of the bus", "bus-cert": "is of the bus", "bus-key": "is of the bus",
		"repeats": "are reported by rep", "retries": "are of a stage that did not count", "quick": "sets other flags", "out": "is where the record goes",
		"no-report": "is of the output", "json": "is of the output", "series": "is of the output", "metrics": "is of the output", "require": "judges what was measured", "abort-on": "ends stages early, which say so", "trace-limit": "is of the run as a whole",
		"backend-dsn": "needs a database: see postgres_test.go", "broker": "needs a broker: see queue_test.go",
		"backend-url": "needs an order service: shown with the others by built",
	}
	for flag, c := range map[string]struct {
		line  []string // without the flag
		value string
	}{
		"clients": {address, "2"}, "rate": {address, "1"}, "burst": {address, "1"}, "ramp": {address, "1..2"}, "arrivals": {open, "constant"}, "mix": {url, "/other"},
		"method": {url, "HEAD"}, "header": {url, "Accept: text/html"}, "body": {url, "{}"}, "body-file": {url, body}, "new-connection": {url, "true"},
		"requests": {url, rows}, "data": {url, data}, "data-end": {append(slices.Clone(url), "--data", data), "stop"},
		"replay": {append(slices.Clone(address), "--requests", rows), "true"}, "speed": {append(slices.Clone(address), "--requests", rows, "--replay"), "2"},
		"ok-status": {url, "200"}, "rejected-status": {url, "403"}, "unix-socket": {url, socket}, "cookies": {url, "true"}, "follow": {url, "3"},
		"stream": {url, "sse"}, "stream-done": {append(slices.Clone(url), "--stream", "sse"), "[DONE]"}, "stream-events": {append(slices.Clone(url), "--stream", "lines"), "5"},
		"stream-message": {append(slices.Clone(url), "--stream", "websocket", "--stream-events", "5"), "hello"},
		"insecure":       {append(secure, "--cacert", ca), "true"}, "cacert": {append(secure, "--insecure"), ca}, "server-name": {append(secure, "--insecure"), "app.example"},
		"tls-max": {append(secure, "--insecure"), "1.2"}, "tls-resume": {append(secure, "--insecure"), "true"},
		"duration": {url, "1s"}, "extend": {url, "7"}, "warmup": {url, "1s"}, "timeout": {url, "1s"}, "drain-timeout": {url, "1s"}, "think-time": {url, "1s"},
		"backoff": {url, "3s"}, "ramp-up": {url, "1s"}, "burst-interval": {burst, "3s"}, "max-connections": {open, "7"}, "max-waiting": {open, "7"}, "max-lag": {url, "1s"},
		"no-pin": {url, "true"}, "driver": {url, "goroutine"}, "threads": {url, "2"}, "spin": {url, "1us"}, "http": {url, "2"}, "connections": {style("grpc"), "1"}, "streams": {h2c, "7"},
		"trace": {style("blocking"), "true"}, "seed": {url, "7"},
		"workers": {style("blocking"), "7"}, "queue": {style("blocking"), "7"}, "grpc-limit": {style("grpc"), "none"}, "max-inflight": {style("goroutine"), "7"}, "loops": {style("eventloop"), "7"},
		"backend": {style("goroutine"), "http"}, "backend-latency": {style("goroutine"), "7ms"}, "backend-dist": {style("goroutine"), "exponential"},
		"backend-cv": {style("goroutine", "--backend-dist", "lognormal"), "0.7"}, "backend-connections": {style("goroutine"), "7"}, "backend-stall": {style("goroutine"), "1s@1s"},
		"inject-cpu": {style("goroutine"), "40us"}, "inject-delay": {style("goroutine"), "20ms@2%"},
		"broker-store": {style("queue"), "memory"}, "broker-sync": {style("queue"), "2m"}, "broker-limit": {style("queue"), "7"},
		"stream-orders": {style("queue"), "7"}, "consumers": {style("queue"), "7"}, "ack-wait": {style("queue"), "7s"},
		"stream-server": {style("stream"), "goroutine"}, "order-events": {style("stream"), "7"}, "event-interval": {style("stream"), "7ms"},
	} {
		if no[flag] != "" {
			t.Errorf("--%s is in both tables", flag)
		}
		if !epoll.Supported && (flag == "driver" || flag == "threads" || flag == "spin") {
			continue
		}
		line := slices.Clone(c.line)
		if i := slices.Index(line, "--"+flag); i >= 0 {
			line[i+1] = c.value
		} else {
			line = append(line, fmt.Sprintf("--%s=%s", flag, c.value))
		}
		before, after := fmt.Sprint(plannedBy(t, c.line...)), fmt.Sprint(plannedBy(t, line...))
		if before == after {
			t.Errorf("--%s=%s changes nothing of the settings: %s", flag, c.value, after)
		}
		no[flag] = "is"
	}
	for _, f := range runCommand().Flags {
		if name := f.Names()[0]; no[name] == "" {
			t.Errorf("--%s is new: is it among the settings of a stage?", name)
		}
	}
}

// Two addresses that differ in what is not shown of them are two.
func TestSecretsTellRequestsApart(t *testing.T) {
	startsMany(t)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	seen := map[string][]string{}
	for _, args := range [][]string{
		{"--header", "Authorization: one"}, {"--header", "Authorization: two"}, {"--header", "Cookie: a=1"}, {"--header", "Cookie: a=2"}, {"--body", "a"}, {"--body", "b"},
	} {
		s := fmt.Sprint(plannedBy(t, append([]string{server.URL, "--clients", "1"}, args...)...))
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q have the same settings", other, args)
		}
		seen[s] = args
	}
}
