package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/redact"
)

// Whatever flag a secret is given in, and however the command ends, it is in no
// file and in nothing that is printed.
func TestSecretsStayOut(t *testing.T) {
	startsMany(t)
	const secret = "pLanted-S3cret"
	t.Setenv(asCommand, "1") // of the targets that are started
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("ok"))
	}))
	defer server.Close()
	// One that repeats what it was sent, as a reply that is none.
	host := strings.TrimPrefix(server.URL, "http://")
	short := []string{"--rate", "100", "--arrivals", "constant", "--duration", "50ms", "--warmup", "0s", "--out", "out"}
	for name, args := range map[string][]string{
		"user":             {"run", "http://" + secret + "@" + host + "/"},
		"password":         {"run", "http://joe:" + secret + "@" + host + "/"},
		"query":            {"run", server.URL + "/?api_key=" + secret + "&a=b"},
		"query, encoded":   {"run", server.URL + "/?%74oken=" + secret},
		"mix":              {"run", server.URL, "--mix", "9@/?sessionId=" + secret, "--mix", "1@/b?token=" + secret},
		"header":           {"run", server.URL, "--header", "X-Custom: " + secret},
		"header, joined":   {"run", server.URL, "--header=X-Auth-Token: " + secret},
		"cookie":           {"run", server.URL, "--header", "Cookie: a=b; id=" + secret},
		"body":             {"run", server.URL, "--method", "POST", "--body", secret},
		"body, joined":     {"run", server.URL, "--method", "POST", "--body={\"password\":\"" + secret + "\"}"},
		"nobody listens":   {"run", "http://joe:" + secret + "@127.0.0.1:1/?token=" + secret},
		"not an escape":    {"run", "http://joe:%zz" + secret + "@127.0.0.1/"},
		"a slash":          {"run", "http://joe:a/" + secret + "@127.0.0.1/"},
		"a digit port":     {"run", "http://joe:70000/" + secret + "@127.0.0.1/"},
		"no scheme":        {"run", "joe:" + secret + "@127.0.0.1/"},
		"another scheme":   {"run", "ftp://" + secret + "@127.0.0.1/"},
		"no weight":        {"run", secret + "@http://127.0.0.1/"},
		"two servers":      {"run", "http://joe:" + secret + "@" + host + "/", "http://joe:" + secret + "@127.0.0.1:1/"},
		"no header":        {"run", server.URL, "--header", secret},
		"bad header":       {"run", server.URL, "--header", "X-Custom: " + secret + "\x01"},
		"without --url":    {"run", "--header", "X-Custom: " + secret},
		"body, no --url":   {"run", "--body", secret},
		"dsn":              {"run", "goroutine", "--backend", "postgres", "--backend-dsn", "postgres://joe:" + secret + "@127.0.0.1:1/d"},
		"dsn in words":     {"run", "goroutine", "--backend", "postgres", "--backend-dsn", "host=127.0.0.1 port=1 user=joe password=" + secret},
		"dsn, malformed":   {"run", "goroutine", "--backend", "postgres", "--backend-dsn", "postgres://joe:" + secret + "@127.0.0.1:x/d"},
		"dsn, not in use":  {"run", "goroutine", "--backend-dsn", "postgres://joe:" + secret + "@127.0.0.1/d"},
		"backend url":      {"run", "goroutine", "--backend", "http", "--backend-url", "http://joe:" + secret + "@127.0.0.1:1"},
		"broker":           {"run", "queue", "--broker", "nats://joe:" + secret + "@127.0.0.1:1"},
		"broker token":     {"run", "queue", "--broker=nats://" + secret + "@127.0.0.1:x"},
		"serve broker":     {"serve", "queue", "--broker", "nats://joe:" + secret + "@127.0.0.1:1"},
		"serve dsn":        {"serve", "goroutine", "--backend", "postgres", "--backend-dsn", "postgres://joe:" + secret + "@127.0.0.1:1/d"},
		"patterns dsn":     {"patterns", "--only", "nosuch", "--backend-dsn", "postgres://joe:" + secret + "@127.0.0.1:1/d"},
		"duet header":      {"duet", "--base", "nosuch", "--build", "x", "--serve", "y", "--rate", "1", "--header", "X-Custom: " + secret},
		"duet path":        {"duet", "--base", "nosuch", "--build", "x", "--serve", "y", "--rate", "1", "--path", "/?token=" + secret},
		"duet environment": {"duet", "--base", "nosuch", "--build", "TOKEN=" + secret + " go build", "--serve", "TOKEN=" + secret + " ./srv --api-key " + secret, "--rate", "1"},
		"report":           {"report", "http://joe:" + secret + "@127.0.0.1/"},
		"compare":          {"compare", "http://joe:" + secret + "@127.0.0.1/", "PASSWORD=" + secret},
		"no subcommand":    {"http://joe:" + secret + "@127.0.0.1/"},
		"require":          {"run", "--require", "token=" + secret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if args[0] == "run" {
				args = append(args, short...)
			}
			before := os.Args
			os.Args = append([]string{"onhold"}, args...)
			defer func() { os.Args = before }()
			var out, errOut bytes.Buffer
			run(os.Args, &out, &errOut)
			look := func(where, text string) {
				for _, form := range []string{secret, "S3cret", "%53%33"} {
					if strings.Contains(text, form) {
						t.Errorf("%s has it: %s", where, text)
						return
					}
				}
			}
			look("stdout", out.String())
			look("stderr", errOut.String())
			if out.Len()+errOut.Len() == 0 {
				t.Error("nothing was said")
			}
			err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				look(path, path+string(data))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// The name of a benchmark may look like a secret and is none.
func TestNamesOfBenchmarksAreNoSecrets(t *testing.T) {
	startsMany(t)
	args := []string{"onhold", "duet", "--bench", "Get/keys=sorted-1000|Get/keys=sorted-2000", "--gate=time", "--bench=Get/token=long-One"}
	learnSecrets(args, nil)
	if got := shownArgs(args); !slices.Equal(got, args) {
		t.Errorf("shown as %q", got)
	}
	if text := strings.Join(args, " "); redact.Known(text) != text {
		t.Errorf("learned: %s", redact.Known(text))
	}
}
