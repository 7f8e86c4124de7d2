package docs

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/slow"
)

// Every example in the --help of what is quick works as it stands there, and the
// one of run that these read.
func TestEveryExampleInHelp(t *testing.T) {
	testExamples(t, func(example string) bool {
		return !strings.HasPrefix(example, "onhold run ") || outFlag.MatchString(example)
	}, "run", "serve", "report", "compare", "predict")
}

// Every example in the --help of what builds programs, or measures for longer,
// works as it stands there.
func TestSlowEveryExampleInHelp(t *testing.T) {
	slow.Only(t)
	testExamples(t, func(string) bool { return true }, "run", "duet", "patterns", "verify", "peers", "doctor")
}

func testExamples(t *testing.T, wanted func(example string) bool, subcommands ...string) {
	if testing.Short() {
		t.Skip("takes 15 s; left to the long run")
	}
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if url := r.URL.String(); url != "/" && url != "/api/orders?user_id=42" {
			http.Error(w, "the quotes were lost", http.StatusBadRequest)
		}
	}))
	defer upstream.Close()
	dir := t.TempDir()
	commandtest.ToyRepo(t, dir)
	for _, name := range []string{"before", "after"} {
		if printed, code := onhold(t, nil, dir, "run", "goroutine", "--clients", "50", "--no-report", "--out", "reports/out/"+name); code != 0 {
			t.Fatalf("exit code %d\n%s", code, printed)
		}
	}
	ran := 0
	for _, sub := range subcommands {
		if (sub == "peers" || sub == "doctor") && runtime.GOOS != "linux" {
			continue // its server needs Linux
		}
		found := examples(t, dir, sub)
		if len(found) == 0 {
			t.Errorf("%s --help shows no example", sub)
		}
		for _, example := range found {
			if wanted(example) {
				ran++
				testExample(t, dir, upstream.URL, sub, example)
			}
		}
	}
	if ran < len(subcommands) {
		t.Errorf("only %d examples found", ran)
	}
}

// examples are the command lines that the help of a subcommand shows.
func examples(t *testing.T, dir, sub string) (lines []string) {
	t.Helper()
	help, code := onhold(t, nil, dir, sub, "--help-all")
	if code != 0 {
		t.Fatalf("%s --help-all: exit code %d", sub, code)
	}
	for _, l := range exampleLine.FindAllStringSubmatch(help[strings.LastIndex(help, "Example"):], -1) {
		lines = append(lines, strings.TrimSpace(l[1]))
	}
	return lines
}

var exampleLine = regexp.MustCompile(`(?m)^\s+(onhold [a-z]+ .*)$`)

func testExample(t *testing.T, dir, upstream, sub, example string) {
	t.Helper()
	// The address of a server that the reader has, and a port that may be taken
	// here, are the only things put in.
	line := strings.Replace(example, "--addr 127.0.0.1:8080", "--addr 127.0.0.1:0", 1)
	line = strings.Replace(line, "127.0.0.1:8080", strings.TrimPrefix(upstream, "http://"), 1)
	args := words(line)[1:]
	if line == "onhold verify --quick" { // a minute
		args = append(args, "--cells", "loss-constant", "--duration", "1s")
	}
	if sub == "duet" {
		args = append(args, "--out", filepath.Join(t.TempDir(), "duet"))
	}
	if sub == "serve" {
		commandtest.Served(t, command(t, nil, dir, args...))
		return
	}
	withServices(t, example, func(t *testing.T, env []string) {
		printed, code := retried(t, dir, line, func(int) (string, int) { return onhold(t, env, dir, args...) })
		// A window as short as that of a test may be too short for a verdict.
		if code != 0 && !(sub == "verify" && code == exitInconclusive) {
			t.Errorf("%s\nexit code %d\n%s", example, code, printed)
		}
	})
}

// words splits a command line as a shell does, with single quotes.
func words(line string) (out []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 { // within quotes
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
