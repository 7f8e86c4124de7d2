package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
)

// A stage of a comparison that agents drive has the settings that it would have without
// them. It reaches the server of that stage, and has what the server's process used.
func TestStagesWithAgents(t *testing.T) {
	t.Setenv(asCommand, "1") // of the agents
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI != "/a?b=1" || r.Header.Get("X-A") != "1" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	for addr, args := range map[string][]string{
		strings.TrimPrefix(server.URL, "http://"): {"--path", "/a?b=1", "--header", "X-A: 1"},
		ordersOverGRPC(t).Addr():                  {"grpc://{addr}" + findOrders, "--body", `{"userId": 42}`},
	} {
		stageWithAgents(t, addr, args...)
	}
}

func stageWithAgents(t *testing.T, addr string, args ...string) {
	t.Helper()
	c := duetCommand()
	c.DisableSliceFlagSeparator = true
	c.Action = func(ctx context.Context, c *cli.Command) error {
		e, err := serveExperiment(c)
		if err != nil {
			return err
		}
		served := e.(*duet.Serve)
		_, done, err := compareWithAgents(ctx, c, served)
		if err != nil {
			return err
		}
		defer done()
		p := served.Plan
		p.Duration, p.Seed, p.TargetPID = 300*time.Millisecond, 7, os.Getpid()
		d, err := served.Driver(addr)
		if err != nil {
			return err
		}
		stage, err := served.Drive(ctx, addr, p, d)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(p.StageSettings(d), stage.Settings); diff != "" || stage.Settings.Get(result.KeyAgents) != "2" {
			t.Errorf("settings (-without +with agents):\n%s", diff)
		}
		if len(stage.Agents) != 2 || stage.Counts[result.OK] == 0 || stage.Counts[result.Error] > 0 || stage.Target.CPU == 0 {
			t.Errorf("%v by %+v; the target used %+v; %q", stage.Counts, stage.Agents, stage.Target, stage.Notes())
		}
		return nil
	}
	args = append([]string{"duet", "--base", "main", "--build", "x {out}", "--serve", "{out} {addr}", "--rate", "200", "--warmup", "50ms", "--max-lag", "1m", "--agents", "2", "--agents-local"}, args...)
	if err := c.Run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
}

// An agent checks the address of each stage against what it allows.
func TestStageBeyondAllowed(t *testing.T) {
	all, _ := parseAllowed(nil)
	opened, err := openPlan(t.Context(), []byte(`{"target":"http://127.0.0.1:1/a"}`), all)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"127.0.0.1:80": "", "[::1]:80": "", "10.0.0.9:80": "not among the targets that it allows", "127.0.0.1": "no address of a server", "127.0.0.1:80@10.0.0.9:80": "no address",
		"127.0.0.1/@10.0.0.9:80": "no address",
	} {
		_, _, err := opened.Stage([]byte(`{"level":1,"address":"` + address + `"}`))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

// Agents find the same change as one generator.
func TestSlowDuetWithAgents(t *testing.T) {
	slow.Only(t)
	t.Parallel()
	dir := t.TempDir()
	commandtest.ToyRepo(t, dir)
	stdout, stderr, code := onhold(t, dir, "duet", "--base", "main", "--build", "go build -o {out} ./cmd/server", "--serve", "{out} --addr {addr}", "--path", "/api/orders",
		"--rate", "200", "--measure-identical", "--agents", "2", "--agents-local")
	if code != exitOK || !strings.Contains(stderr, "2 agents drive the load: local-1") || !strings.Contains(stdout, "rejected") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
