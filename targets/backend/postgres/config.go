package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/a628bb15/onhold/reports/field"
)

// What the zero values of a Config mean.
const (
	DefaultLatency     = 200 * time.Millisecond
	DefaultConnections = 20 // said here and shown in the stats, for the library's own depends on the machine
)

// The largest values of a Config.
const (
	MaxLatency     = time.Hour
	MaxConnections = 10_000
)

// Config is which server is asked, and how.
type Config struct {
	// DSN is where the server is and who asks it, as a URL or as key=value
	// words. What it leaves open is taken from the environment as libpq does:
	// PGHOST, PGUSER, PGPASSWORD and so on, and the file that PGPASSFILE names.
	DSN string

	// Latency is how long the server sleeps in each statement, up to MaxLatency;
	// 0 means DefaultLatency.
	Latency time.Duration

	// Connections is the size of the pool, up to MaxConnections; 0 means DefaultConnections.
	Connections int
}

func (c Config) withDefaults() Config {
	c.Latency = cmp.Or(c.Latency, DefaultLatency)
	c.Connections = cmp.Or(c.Connections, DefaultConnections)
	return c
}

// Validate checks every field. The error is a [*field.Error] without a password.
func (c Config) Validate() error {
	d := c.withDefaults()
	_, err := c.parse()
	return field.First(
		field.Check(d.Latency > 0 && d.Latency <= MaxLatency, "Latency", d.Latency, fmt.Sprintf("above 0s, at most %v", MaxLatency)),
		field.Check(d.Connections > 0 && d.Connections <= MaxConnections, "Connections", d.Connections, fmt.Sprintf("1 to %d, or 0 for %d", MaxConnections, DefaultConnections)),
		err,
	)
}

// parse reads the DSN and the environment.
func (c Config) parse() (*pgxpool.Config, error) {
	p, err := pgxpool.ParseConfig(c.DSN)
	if err == nil {
		return p, nil
	}
	shown, reason := "…", strings.Join(strings.Fields(err.Error()), " ")
	// The library's own redaction is a guess where a DSN is malformed. So nothing
	// is repeated that is not understood.
	if _, after, ok := strings.Cut(reason, "`: "); ok {
		reason = after
	}
	if strings.Contains(c.DSN, "://") {
		u, urlErr := url.Parse(c.DSN)
		if urlErr != nil {
			return nil, &field.Error{Field: "DSN", Value: shown, Want: "an address; / ? # @ : % in a name or a password are written %2F %3F %23 %40 %3A %25"}
		}
		u.RawQuery = "" // may hold a password too
		shown = u.Redacted()
	}
	return nil, &field.Error{Field: "DSN", Value: shown, Want: "postgres://USER@HOST:PORT/DATABASE or key=value words; " + reason}
}

// Server is who asks which server, as USER@HOST:PORT/DATABASE: what DSN and
// environment come to, without the password. It is empty where they come to
// nothing.
func (c Config) Server() string {
	p, err := c.parse()
	if err != nil {
		return ""
	}
	s := p.ConnConfig
	return fmt.Sprintf("%s@%s/%s", s.User, net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))), s.Database)
}

// reason is one line that says what went wrong, once where the library says it
// of each way that it tried.
func reason(err error) error {
	const longest = 300
	text := err.Error()
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		text = pg.Error()
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	text = strings.ToValidUTF8(strings.Join(lines, " "), "?")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return errors.New(text)
}
