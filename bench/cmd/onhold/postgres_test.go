package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
)

// A run against a real database reports which it was and over how many
// connections, shows nobody the password, and leaves nothing in it.
func TestRunWithPostgres(t *testing.T) {
	startsMany(t)
	t.Parallel()
	cluster := pgtest.Shared(t)
	dsn := cluster.DSN()
	where := strings.NewReplacer("postgres://", "", ":"+pgtest.Password, "", "?sslmode=disable", "").Replace(dsn)
	var kept []string // what a run says of its backend
	for _, row := range []struct {
		what string
		env  []string
		args []string
	}{
		{"the DSN as a flag", nil, []string{"--backend-dsn", dsn}},
		{"and joined to it, twice", nil, []string{"--backend-dsn=" + dsn, "--backend-dsn=" + dsn}},
		{"in the environment", []string{"ONHOLD_BACKEND_DSN=" + dsn}, nil},
		{"as libpq's variables", cluster.Env(), nil},
	} {
		dir := t.TempDir()
		args := append([]string{"run", "--backend", "postgres", "goroutine", "--clients", "5", "--out", "out"}, row.args...)
		stop := make(chan struct{})
		seen := make(chan int)
		go func() { seen <- watchArguments(t, stop, "goroutine", pgtest.Password) }()
		stdout, stderr, code := onholdWith(t, row.env, dir, args...)
		close(stop)
		if n := <-seen; n == 0 && haveProc() {
			t.Errorf("%s: no target was seen", row.what)
		}
		if code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", row.what, code, stdout, stderr)
		}
		if !strings.Contains(stderr, "each target waits for PostgreSQL ("+where+") over a pool of 20 connections") {
			t.Errorf("%s: the pool is not reported:\n%s", row.what, stderr)
		}
		var everything strings.Builder
		everything.WriteString(stdout + stderr)
		for _, name := range []string{"run.json", "stages.jsonl", "summary.md"} {
			text, err := os.ReadFile(filepath.Join(dir, "out", name))
			if err != nil {
				t.Fatal(err)
			}
			everything.WriteString(string(text))
			if name == "stages.jsonl" {
				_, text, _ := strings.Cut(string(text), `"backend":`)
				text, _, _ = strings.Cut(text, `"max-inflight"`)
				kept = append(kept, text)
			}
		}
		if strings.Contains(everything.String(), pgtest.Password) {
			t.Errorf("%s: the password is reported:\n%s", row.what, everything.String())
		}
	}
	want := `"postgres","backend-latency":"20ms","backend-connections":"20","backend-dsn":"` + where + `",`
	for _, text := range kept {
		if text != want {
			t.Errorf("kept is %s, want %s", text, want)
		}
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var left int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'onhold\_%'`).Scan(&left); err != nil || left > 0 {
		t.Errorf("%d schemas were left behind, %v", left, err)
	}

	// For whoever has it in the environment for good, other backends work too.
	if _, stderr, code := onholdWith(t, []string{"ONHOLD_BACKEND_DSN=" + dsn}, t.TempDir(), "run", "goroutine", "--clients", "1", "--no-report"); code != 0 {
		t.Errorf("sim with a DSN in the environment: exit code %d\n%s", code, stderr)
	}
}

func haveProc() bool {
	_, err := os.Stat("/proc/self/cmdline")
	return err == nil
}

// watchArguments looks at the command lines of all targets that have an argument
// until it is stopped, and returns how many it saw. None may have the
// password.
func watchArguments(t *testing.T, stop <-chan struct{}, argument, password string) (saw int) {
	for {
		select {
		case <-stop:
			return saw
		case <-time.After(20 * time.Millisecond):
		}
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			line, err := os.ReadFile(file) // it may have ended
			if err != nil || !bytes.Contains(line, []byte("\x00serve\x00")) || !bytes.Contains(line, []byte("\x00"+argument+"\x00")) {
				continue
			}
			saw++
			if bytes.Contains(line, []byte(password)) {
				t.Errorf("everybody can read %q", line)
			}
		}
	}
}
