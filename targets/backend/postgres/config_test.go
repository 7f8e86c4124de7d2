package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets/backend/postgres"
)

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for _, row := range []struct {
		what   string
		config postgres.Config
		want   string // "" where it is fine
	}{
		{"nothing is set", postgres.Config{}, ""},
		{"an address", postgres.Config{DSN: "postgres://u:p@h:1/d", Connections: 1, Latency: time.Millisecond}, ""},
		{"words", postgres.Config{DSN: "host=h user=u password=p"}, ""},

		{"a negative wait", postgres.Config{Latency: -1}, "Latency is -1ns, want"},
		{"a wait of a day", postgres.Config{Latency: 24 * time.Hour}, "Latency is 24h0m0s, want above 0s, at most 1h0m0s"},
		{"a negative pool", postgres.Config{Connections: -1}, "Connections is -1, want 1 to 10000, or 0 for 20"},
		{"a huge pool", postgres.Config{Connections: 10_001}, "Connections is 10001, want"},
		{"a port that is none", postgres.Config{DSN: "postgres://u:secret@h:99999/d"}, "DSN is postgres://u:xxxxx@h:99999/d, want postgres://USER@HOST:PORT/DATABASE or key=value words; invalid port"},
		{"an option that is none", postgres.Config{DSN: "postgres://u@h/d?sslmode=perhaps&password=secret"}, "DSN is postgres://u@h/d, want"},
		{"a slash in a password", postgres.Config{DSN: "postgres://u:sec/ret@h/d"}, "DSN is …, want an address; / ? # @ : % in a name or a password are written %2F"},
		{"words that are none", postgres.Config{DSN: "host"}, "DSN is …, want"},
		{"a word that is wrong", postgres.Config{DSN: "port=x password=secret"}, "DSN is …, want postgres://USER@HOST:PORT/DATABASE or key=value words; invalid port"},
		{"another's size of the pool", postgres.Config{DSN: "password=secret pool_max_conns=x"}, "DSN is …, want postgres://USER@HOST:PORT/DATABASE or key=value words; cannot parse pool_max_conns"},
	} {
		err := row.config.Validate()
		if got := fmt.Sprint(err); row.want == "" && err != nil || !strings.HasPrefix(got, row.want) && row.want != "" || strings.Contains(got, "sec") || strings.Contains(got, "ret@") {
			t.Errorf("%s: got %q, want %q", row.what, got, row.want)
		}
	}
}

// What is recorded of the server is the same however it was said, and has no
// password.
func TestConfigServer(t *testing.T) {
	t.Setenv("PGPASSWORD", "secret")
	t.Setenv("PGUSER", "me")
	t.Setenv("PGPORT", "6000")
	for dsn, want := range map[string]string{
		"postgres://u:secret@h:1/d?sslmode=disable":         "u@h:1/d",
		"host=h port=1 user=u password=secret dbname=d":     "u@h:1/d",
		"postgres://[::1]/d":                                "me@[::1]:6000/d",
		"host=/var/run/postgresql dbname=d":                 "me@/var/run/postgresql:6000/d",
		"postgres://h/d?user=u&password=secret&port=1":      "u@h:1/d",
		"postgres://u:secret@h:1,other:2/d?sslmode=disable": "u@h:1/d",
		"nonsense": "",
	} {
		if got := (postgres.Config{DSN: dsn}).Server(); got != want {
			t.Errorf("%q: %q, want %q", dsn, got, want)
		}
	}
	t.Setenv("PGHOST", "h")
	t.Setenv("PGDATABASE", "d")
	if got := (postgres.Config{}).Server(); got != "me@h:6000/d" {
		t.Errorf("of the environment alone: %q", got)
	}
}
