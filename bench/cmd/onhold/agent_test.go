package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/fleet"
	"github.com/a628bb15/onhold/bench/find"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

func TestAllowedTargets(t *testing.T) {
	for _, c := range []struct {
		allow  []string
		target string
		ok     bool
	}{
		{nil, "http://127.0.0.1:8080/", true}, {nil, "https://[::1]/", true}, {nil, "http://localhost:8080/a", true},
		{nil, "http://10.0.0.9/", false}, {nil, "http://192.0.2.1:8080/", false}, {nil, "http://127.0.0.1@10.0.0.9/", false},
		{[]string{"http://10.0.0.0/8"}, "http://10.255.0.1:8080/", true}, {[]string{"http://10.0.0.0/8"}, "https://10.0.0.1/", false},
		{[]string{"http://10.0.0.0/8"}, "http://127.0.0.1/", false}, {[]string{"http://10.0.0.0/8", "//127.0.0.1"}, "http://127.0.0.1/", true},
		{[]string{"https://shop.example:8443"}, "https://shop.example:8443/a", true}, {[]string{"https://shop.example:8443"}, "https://shop.example/", false},
		{[]string{"https://shop.example"}, "https://SHOP.example:99/", true}, {[]string{"https://shop.example"}, "https://shop.example.evil.example/", false},
		{[]string{"http://a.example:80"}, "http://a.example/", true}, {[]string{"*"}, "http://192.0.2.1/", true},
	} {
		all, err := parseAllowed(c.allow)
		if err != nil {
			t.Fatal(err)
		}
		if err := allows(t.Context(), all, c.target); (err == nil) != c.ok {
			t.Errorf("--allow %v, %s: %v, want it allowed: %v", c.allow, c.target, err, c.ok)
		}
	}
	for _, bad := range []string{"", "10.0.0.0/8", "ftp://a", "http://", "http://a/path", "http://u:p@a", "http://a?b"} {
		if _, err := parseAllowed([]string{bad}); exitCodeOf(err) != exitUsage {
			t.Errorf("--allow=%s: %v, want a usage error", bad, err)
		}
	}
}

// shipped is the session of a command line of run, as far as it is read, and the plan that
// it ships.
func shipped(t *testing.T, args ...string) (s *session, plan []byte) {
	t.Helper()
	c := runCommand()
	c.DisableSliceFlagSeparator = true
	c.Action = func(ctx context.Context, c *cli.Command) (err error) {
		if s, err = newSession(ctx, c); err == nil {
			plan, err = s.shipPlan()
		}
		return err
	}
	if err := c.Run(t.Context(), append([]string{"run", "--agents", "2"}, args...)); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return s, plan
}

// What an agent makes of a plan is what the coordinator means, whatever the flags, and
// whatever the agent's own environment says.
func TestAgentsReadThePlan(t *testing.T) {
	t.Setenv("ONHOLD_TIMEOUT", "7s")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	target := "http://127.0.0.1:1/"
	for _, args := range [][]string{
		{target}, {target, "--clients", "2,5", "--think-time", "3ms", "--backoff", "1s"}, {target, "--rate", "10,20", "--arrivals", "constant", "--max-connections", "9"},
		{target, "--burst", "4", "--burst-interval", "2s"}, {target, "--ramp", "10..20", "--quick"}, {target, "--rate", "5", "--driver", "goroutine", "--seed", "9"},
		{"127.0.0.1:1", "--mix", "9@/a", "--mix", "1@/b?c=1,2", "--header", "X-A: 1, 2", "--header", "X-B: 3", "--method", "PUT", "--body", "a,b"},
		{target, "--clients", "2", "--body-file", file("body", "{}"), "--ok-status", "200,404"},
		{target + "{id}", "--clients", "2", "--data", file("rows.csv", "id\n1\n2\n"), "--data-end", "stop"},
		{target, "--requests", file("requests", `{"path":"/a","at_ns":0}`+"\n"+`{"path":"/b","at_ns":9000000}`+"\n"), "--replay", "--speed", "2"},
	} {
		s, plan := shipped(t, args...)
		func() {
			t.Setenv("ONHOLD_TIMEOUT", "9s") // of the agent
			defer t.Setenv("ONHOLD_TIMEOUT", "7s")
			local, _ := parseAllowed(nil)
			opened, err := openPlan(t.Context(), plan, local)
			if err != nil {
				t.Fatalf("%q: %v", args, err)
			}
			defer opened.Close()
			for _, level := range s.levels {
				p := s.plan
				p.Load = p.Load.At(level)
				want := s.driven[0].planned(p)
				got, driver, err := opened.Stage([]byte(`{"level":` + strings.TrimSpace(p.StageSettings(s.driven[0].like).Get(result.KeyLevel)) + `}`))
				if err != nil {
					t.Fatalf("%q: %v", args, err)
				}
				if diff := cmp.Diff(want, got.StageSettings(driver)); diff != "" {
					t.Errorf("%q at %g (-coordinator +agent):\n%s", args, level, diff)
				}
			}
		}()
	}
}

// A plan may have no more than the flags of a load: an agent would write, read or drive
// what it is not meant to.
func TestAgentsRefuseOtherPlans(t *testing.T) {
	all, _ := parseAllowed(nil)
	for plan, want := range map[string]string{
		`{"target":"http://10.0.0.9/"}`:                                                         "not among the targets that it allows",
		`{"target":"http://127.0.0.1/","args":["--out=/tmp/x"]}`:                                "a flag that agents do not take",
		`{"target":"http://127.0.0.1/","args":["--unix-socket=/run/docker.sock"]}`:              "a flag that agents do not take",
		`{"target":"http://127.0.0.1/","args":["--body-file=/etc/passwd"]}`:                     "a flag that agents do not take",
		`{"target":"http://127.0.0.1/","args":["http://10.0.0.9/"]}`:                            "a flag that agents do not take",
		`{"target":"http://127.0.0.1/","files":{"body-file":{"name":"../../x","data":"eA=="}}}`: "a file that agents do not take",
		`{"target":"http://127.0.0.1/","files":{"out":{"name":"x","data":"eA=="}}}`:             "a file that agents do not take",
		`{"target":"http://127.0.0.1/","variables":{"out":"/tmp/x"}}`:                           "a variable that agents do not take",
		`{"target":"http://127.0.0.1/","args":["--rate=0"]}`:                                    "--rate=0",
		`{"target":"http://127.0.0.1/","args":["--rate=5","--clients=5"]}`:                      "give one of them",
		`{"target":"blocking"}`:                                 "no server",
		`{"target":"http://127.0.0.1/","args":["--help=true"]}`: "a flag that agents do not take",
		`nonsense`: "cannot be read",
	} {
		if _, err := openPlan(t.Context(), []byte(plan), all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", plan, err, want)
		}
	}
}

func TestFleetUsage(t *testing.T) {
	startsMany(t)
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 600_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--agents=2: requires the address of a server":                                      {"run", "goroutine", "--agents", "2"},
		"--agents-local=true: requires --agents":                                            {"run", "127.0.0.1:1", "--agents-local"},
		"--agents=3: a load of 2 clients cannot be shared out among so many":                {"run", "127.0.0.1:1", "--clients", "2,9", "--agents", "3"},
		"--extend=4: and --agents cannot be given together":                                 {"run", "127.0.0.1:1", "--agents", "2", "--extend", "4"},
		"--unix-socket=/a: and --agents cannot be given together":                           {"run", "127.0.0.1:1", "--agents", "2", "--unix-socket", "/a"},
		"--bus=nats://10.0.0.1:4222: want beyond this machine, tls://":                      {"run", "127.0.0.1:1", "--agents", "2", "--bus", "nats://10.0.0.1:4222"},
		"--agents=2: what agents need of the flags and of the files that they name has 800": {"run", "127.0.0.1:1", "--clients", "2", "--agents", "2", "--body-file", large, "--out", filepath.Join(t.TempDir(), "run")},
		"--bus: want the address of the NATS server":                                        {"agent"},
		"--name=a b: want 1 to 64 letters":                                                  {"agent", "--bus", "nats://127.0.0.1:1", "--name", "a b"},
		"--allow=10.0.0.9: want http://10.0.0.0/8":                                          {"agent", "--bus", "nats://127.0.0.1:1", "--allow", "10.0.0.9"},
		"--image: want an image with this program":                                          {"agent", "--print-kubernetes", "--allow", "http://10.0.0.0/8"},
		"--allow: want the targets that the agents may drive":                               {"agent", "--print-kubernetes", "--image", "a"},
		"--print-ssh=a;b: want a host of its own for each agent":                            {"agent", "--print-ssh", "a;b", "--allow", "http://10.0.0.0/8"},
		"--print-kubernetes: and --print-ssh cannot be given together":                      {"agent", "--print-kubernetes", "--print-ssh", "a"},
		"--agents=4: requires --print-kubernetes":                                           {"agent", "--agents", "4", "--bus", "nats://127.0.0.1:1"},
		"--bus=-: standard input has no address":                                            {"agent", "--bus", "-"},
		"--agents=3: requires --build and --serve":                                          {"duet", "--base", "main", "--agents", "3"},
		"--serve-on=nowhere: want an address of this machine":                               {"duet", "--base", "main", "--build", "cp a {out}", "--serve", "{out} {addr}", "--serve-on", "nowhere"},
		"agent takes no arguments":                                                          {"agent", "x"},
	} {
		var out, errOut strings.Builder
		if code := run(append([]string{"onhold"}, args...), &out, &errOut); code != exitUsage || !strings.Contains(errOut.String(), want) {
			t.Errorf("%q: exit code %d, %q, want %d and %q", args, code, errOut.String(), exitUsage, want)
		}
	}
	var out, errOut strings.Builder
	if code := run([]string{"onhold", "agent", "--bus", "nats://t0p-s3cret@127.0.0.1:1"}, &out, &errOut); code != exitNotStarted || strings.Contains(errOut.String(), "s3cret") {
		t.Errorf("without a bus: exit code %d, %q", code, errOut.String())
	}
}

// Agents on this machine drive a run, whose record is one and names them.
func TestRunWithAgents(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	dir := t.TempDir()
	for attempt := 1; ; attempt++ {
		out := filepath.Join(dir, string(rune('0'+attempt)))
		printed, err := command(t, dir, "run", server.URL, "--rate", "100,200", "--agents", "2", "--agents-local", "--max-lag", "1m", "--duration", "400ms", "--warmup", "100ms", "--out", out).CombinedOutput()
		if err != nil && attempt < 3 {
			t.Logf("%v\n%s", err, printed)
			continue // other tests may hold up the machine
		} else if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if !regexp.MustCompile(`2 agents drive the load: local-1 \(on .*\), local-2 \(on .*\)`).Match(printed) {
			t.Errorf("the agents are not named:\n%s", printed)
		}
		_, stages, _, err := result.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range stages {
			var counts result.Counts
			for _, a := range s.Agents {
				counts.Add(a.Counts)
			}
			if len(s.Agents) != 2 || counts != s.Counts || s.Settings.Get(result.KeyAgents) != "2" || s.Counts[result.OK] != s.Latency.N() {
				t.Errorf("%v: %v by %+v", s.Settings.Get(result.KeyLevel), s.Counts, s.Agents)
			}
		}
		if len(stages) != 2 {
			t.Errorf("%d stages, want 2", len(stages))
		}
		return
	}
}

// A search with agents counts what is bad where it happens, and its record has all of it.
func TestFindWithAgents(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer server.Close()
	dir := t.TempDir()
	for attempt := 1; ; attempt++ {
		out := filepath.Join(dir, string(rune('0'+attempt)))
		printed, _ := command(t, dir, "find", server.URL, "--require", "rejected<5%", "--rate", "100..200", "--agents", "2", "--agents-local", "--max-lag", "1m", "--budget", "20s", "--out", out).CombinedOutput()
		record, err := search.Read(out)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if record.Answer.Outcome != search.Below && attempt < 3 {
			t.Logf("%+v\n%s", record.Answer, printed)
			continue // other tests may hold up the machine
		}
		if record.Answer.Outcome != search.Below || len(record.Visits) == 0 {
			t.Fatalf("%+v\n%s", record.Answer, printed)
		}
		_, stages, _, err := result.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range record.Visits {
			for _, b := range v.Batches {
				if b.N == 0 || b.Bad[0] != b.N {
					t.Errorf("level %v: %+v, where all are rejected", v.Level, b)
				}
			}
		}
		for _, s := range stages {
			if len(s.Agents) != 2 || s.Settings.Get(result.KeyAgents) != "2" {
				t.Errorf("%+v", s.Agents)
			}
		}
		return
	}
}

// What agents make of the stages of a search is what the coordinator means: also of the
// load with which it begins, which is another one.
func TestAgentsReadASearch(t *testing.T) {
	t.Setenv("ONHOLD_CLIENTS", "1,2,3") // for a run
	for _, args := range [][]string{
		{}, {"--rate", "50..5000"}, {"--rate", "50..5000", "--arrivals", "constant"}, {"--clients", "2..200", "--think-time", "3ms"},
	} {
		var s *session
		var plan []byte
		var f find.Search
		c := findCommand()
		c.DisableSliceFlagSeparator = true
		c.Action = func(ctx context.Context, c *cli.Command) (err error) {
			if s, f, _, err = newFind(ctx, c); err == nil {
				plan, err = s.shipPlan()
			}
			return err
		}
		if err := c.Run(t.Context(), append([]string{"find", "http://127.0.0.1:1/", "--agents", "2", "--require", "adjusted-p99<250ms,failed<2%"}, args...)); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		local, _ := parseAllowed(nil)
		opened, err := openPlan(t.Context(), plan, local)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		defer opened.Close()
		for _, l := range []load.Load{f.Plan.Load.At(70), {Clients: find.ProbeClients, RampUp: time.Second}} {
			p := f.Plan
			p.Load, p.Seed, p.Duration, p.Warmup, p.Repeat = l, 77, 9*time.Second, 2*time.Second, 3
			p = s.driven[0].plan(p)
			spec, err := s.specOf(p)
			if err != nil {
				t.Fatal(err)
			}
			got, driver, err := opened.Stage(spec)
			if err != nil {
				t.Fatalf("%q: %v", args, err)
			}
			if _, ok := got.Observer.(fleet.Counter); !ok || got.Duration != p.Duration || got.Warmup != p.Warmup {
				t.Errorf("%q: %T counts, %v after %v", args, got.Observer, got.Duration, got.Warmup)
			}
			if diff := cmp.Diff(p.StageSettings(s.driven[0].like), got.StageSettings(driver)); diff != "" {
				t.Errorf("%q at %v (-coordinator +agent):\n%s", args, l, diff)
			}
		}
	}
}
