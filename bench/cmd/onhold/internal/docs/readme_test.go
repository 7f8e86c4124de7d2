package docs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/grpc"
)

// notRun are the README's commands that a test cannot run, and why.
var notRun = map[string]string{
	"bin/onhold duet --base main --build 'go build -o {out} ./bench/cmd/onhold' --serve '{out} serve goroutine --backend-latency 20ms --addr {addr}' --path '/api/orders?user_id=42' --rate 4000":                                   "takes 40 s; TestEveryExampleInHelp does the same with a smaller server, and .ci/run with this one",
	"bin/onhold duet --base main --build 'go build -o {out} ./bench/cmd/onhold' --serve '{out} serve grpc --backend-latency 20ms --addr {addr}' 'grpc://{addr}/onhold.orders.v1.Orders/Find' --body '{\"userId\": 42}' --rate 1000": "takes a minute; TestSlowDuetFindsADelayOfCalls does the same without a build",
	"bin/onhold patterns --only user-1001":         "takes 8 s; .ci/run runs all patterns",
	"bin/onhold patterns --only held-or-free":      "takes 20 s; .ci/run runs all patterns",
	"bin/onhold patterns --only what-is-behind":    "takes 15 s; .ci/run runs all patterns",
	"bin/onhold patterns --only the-pool":          "takes 15 s; .ci/run runs all patterns",
	"bin/onhold patterns --only handshake":         "takes 8 s; .ci/run runs all patterns",
	"git clone https://github.com/a628bb15/onhold": "the test stands in a clone",
	"cd onhold":         "the test stands in a clone",
	"go test ./...":     "this test is part of it",
	"bin/onhold verify": "takes five minutes; TestVerifyACell runs a cell of it",
	"sudo apt-get install wrk apache2-utils nghttp2-client": "installs other people's programs",
	"go install github.com/codesenberg/bombardier@latest":   "likewise",
	"go install github.com/rakyll/hey@latest":               "likewise",
	"go install github.com/tsenart/vegeta/v12@latest":       "likewise",
	"go install go.k6.io/k6@latest":                         "likewise",
	"go install github.com/bojand/ghz/cmd/ghz@latest":       "likewise",
}

// long are the commands that build programs, compute or measure for more than a
// second or two, or need a server of their own, and what reads their results.
var long = regexp.MustCompile(`^\./run\.sh|-searches 1000|^go (test|tool) |onhold (duet|doctor|peers|find)|--only pay-later|--duration (2|10)s|--repeats|--backend |--clients 1000000|reports/out/(orders|open|before)`)

// Every quick command in the README files works.
func TestReadmeCommands(t *testing.T) {
	testReadme(t, 9, func(line string) bool { return !long.MatchString(line) }, func(bin string) error { return os.Symlink(program, bin) })
}

// Every command in the README files works, and its own build of the command does.
func TestSlowReadmeCommands(t *testing.T) {
	slow.Only(t)
	testReadme(t, 30, func(string) bool { return true }, func(bin string) error {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./bench/cmd/onhold")
		cmd.Dir = filepath.Dir(filepath.Dir(bin))
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return err
	})
}

// testReadme runs those of the commands that are wanted, in their quick form:
// fewer levels and shorter stages. Blocks run side by side, the lines of one in
// turn. There must be at least least of them. install puts the command where the
// README has it.
func testReadme(t *testing.T, least int, wanted func(line string) bool, install func(bin string) error) {
	if testing.Short() {
		t.Skip("takes half a minute; left to the long run")
	}
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the README's commands are for a Unix shell")
	}
	root, err := filepath.Abs("../../../../..")
	if err != nil {
		t.Fatal(err)
	}
	// A copy of the tree, for the commands leave things in it.
	work := t.TempDir()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && r.TLS != nil || strings.HasPrefix(r.URL.Path, "/orders") || r.URL.Path == "/users/joe" || r.URL.Path == "/users/sue" {
			return
		}
		switch r.URL.Path {
		case "/v1/chat":
			w.Header().Set("Content-Type", "text/event-stream")
			for _, event := range []string{"data: {}\n\n", "data: {}\n\n", "data: [DONE]\n\n"} {
				fmt.Fprint(w, event)
				w.(http.Flusher).Flush()
			}
			return
		case "/echo":
			websocket.Server{Handler: func(c *websocket.Conn) { io.Copy(c, c) }}.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "user", Value: "joe", Path: "/"})
			http.Redirect(w, r, "/api/orders?user_id=42", http.StatusFound)
			return
		}
		if all := r.URL.Query().Has("all"); r.URL.Path != "/api/orders" || r.URL.Query().Get("user_id") != "42" || all && r.Header.Get("Accept") != "application/json" {
			http.Error(w, "the quotes were lost", http.StatusBadRequest)
		}
	})
	servers := serveReadme(t, work, handler)
	list, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skip("not in a git checkout:", err)
	}
	var blocks []block
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		copyFile(t, filepath.Join(root, name), filepath.Join(work, name))
		if filepath.Base(name) == "README.md" {
			blocks = append(blocks, blocksOf(t, work, name)...)
		}
	}
	commandtest.Commit(t, work)
	for _, name := range []string{"bin", "out"} { // where commands write what the README does not say where
		if err := os.MkdirAll(filepath.Join(work, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := install(filepath.Join(work, "bin", "onhold")); err != nil {
		t.Fatal(err)
	}
	var ran atomic.Int32
	t.Run("blocks", func(t *testing.T) { // ends when all of them have
		for i, b := range blocks {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				for j, line := range b.lines {
					if notRun[line] == "" && wanted(line) {
						readmeCommand(t, work, fmt.Sprintf("%s/out/%d-%d", work, i, j), servers, line)
						ran.Add(1)
					}
				}
			})
		}
	})
	if n := int(ran.Load()); n < least {
		t.Errorf("only %d commands found", n)
	}
}

// serveReadme starts the servers that the commands drive, in place of the reader's own:
// plain, with TLS and certificates of clients, and at a Unix socket. It writes the files
// that the commands name, and returns what puts the servers in.
func serveReadme(t *testing.T, work string, h http.Handler) *strings.Replacer {
	t.Helper()
	plain := httptest.NewUnstartedServer(h)
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	t.Cleanup(plain.Close)
	authority := wiretest.Sign(x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	client := wiretest.Sign(x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, &authority)
	wiretest.WritePEM(t, work, "ca", authority)
	wiretest.WritePEM(t, work, "client", client)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	secure := httptest.NewUnstartedServer(h)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{wiretest.Sign(x509.Certificate{IPAddresses: wiretest.Local}, &authority)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	dir, err := os.MkdirTemp("", "sock") // a socket's path has at most 103 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := httptest.NewUnstartedServer(h)
	socket.Listener.Close()
	if socket.Listener, err = net.Listen("unix", filepath.Join(dir, "app.sock")); err != nil {
		t.Fatal(err)
	}
	socket.Start()
	t.Cleanup(socket.Close)
	calls := serveCalls(t)
	for name, text := range map[string]string{
		"users.csv":    "user\njoe\nsue\n",
		"orders.jsonl": `{"method": "POST", "path": "/orders?user={user}", "headers": {"Idempotency-Key": "{uuid}"}, "body": "{\"item\": {random 1 100}}", "weight": 3}` + "\n" + `{"path": "/orders/17"}` + "\n",
		"access.log":   `1.2.3.4 - - [01/Jan/2025:00:00:00 +0000] "GET /orders/1 HTTP/1.1" 200 5 "-" "-"` + "\n" + `1.2.3.4 - - [01/Jan/2025:00:00:01 +0000] "GET /orders/2 HTTP/1.1" 200 5 "-" "-"` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.NewReplacer(
		"127.0.0.1:50051", calls,
		"https://127.0.0.1:8443", secure.URL, "/run/app.sock", filepath.Join(dir, "app.sock"),
		"localhost:8080", "localhost:"+plain.URL[strings.LastIndexByte(plain.URL, ':')+1:], "http://127.0.0.1:8080", plain.URL, "127.0.0.1:8080", strings.TrimPrefix(plain.URL, "http://"),
	)
}

// serveCalls starts the gRPC server that the commands call.
func serveCalls(t *testing.T) (addr string) {
	t.Helper()
	b, err := sim.New(sim.Config{Latency: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s, err := grpc.Start(admission.Config{Addr: "127.0.0.1:0", Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	return s.Addr()
}

// block is a shell block of a README file.
type block struct {
	name  string // such as bench/README.md-2
	lines []string
}

func blocksOf(t *testing.T, root, name string) (blocks []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	for i, found := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		b := block{name: fmt.Sprintf("%s-%d", name, i+1)}
		for line := range strings.Lines(found[1]) {
			b.lines = append(b.lines, strings.TrimSpace(line))
		}
		blocks = append(blocks, b)
	}
	return blocks
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// shorter are the quick forms of what takes its time.
var shorter = strings.NewReplacer(
	"--duration 10s --backend-stall 2s@5s", "--duration 2s --backend-stall 500ms@1s", // whose stall must still lie in the window
	"--warmup 2s --duration 10s", "--warmup 100ms --duration 300ms",
	"--duration 1s", "--duration 300ms", "--duration 2s", "--duration 500ms",
	"--repeats 6", "--repeats 2", "--benchtime 100ms", "--benchtime 1x", "-count 10", "-count 2",
	// With linker flags of its own the build has no layouts, so there are three and not twenty.
	"'go build -o {out}", "'go build -ldflags=-s -o {out}",
	"onhold peers", "onhold peers --peers none --sections pacing --pairs 1 --duration 1s",
	"onhold doctor", "onhold doctor --duration 300ms",
	"-bench Styles", "-short -bench Styles/target=goroutine/load=closed/level=1$",
	"-searches 1000", "-searches 20",
	"-bench 'Orders$'", "-bench Lines", // a second, and valid on a busy machine too
	// A machine that others use may move more than a fate in a thousand (exit code 3).
	// One level proves nothing (exit code 3).
	"--rate 50..5000 --out reports/out/capacity", "--rate 50..5000 --budget 1s --out reports/out/capacity || [ $? = 3 ]",
	"--rate 50..5000", "--rate 50..5000 --budget 1s || [ $? = 3 ]",
	"onhold verify reports/out/traced", "onhold verify reports/out/traced || [ $? = 3 ]",
)

// readmeCommand runs one line of a README file in its quick form.
func readmeCommand(t *testing.T, work, out string, servers *strings.Replacer, line string) {
	t.Helper()
	quick := shorter.Replace(servers.Replace(line))
	withServices(t, line, func(t *testing.T, services []string) {
		printed, code := retried(t, work, quick, func(try int) (string, int) {
			cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -o pipefail; "+quick)
			cmd.Dir = work
			cmd.Env = slices.Concat(os.Environ(), commandtest.Short, commandtest.QuickDuet(quick), services, []string{
				fmt.Sprintf("ONHOLD_OUT=%s-%d", out, try), "PATH=" + filepath.Join(work, "bin") + ":" + os.Getenv("PATH"),
			})
			began := time.Now()
			printed, _ := cmd.CombinedOutput()
			t.Logf("%5.1f s  %s", time.Since(began).Seconds(), quick)
			return string(printed), cmd.ProcessState.ExitCode()
		})
		if code != 0 {
			t.Errorf("%s\nrun as %s\nexit code %d\n%s", line, quick, code, printed)
		}
	})
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, info.Mode()); err != nil {
		t.Fatal(err)
	}
}
