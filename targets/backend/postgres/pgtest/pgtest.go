// Package pgtest starts PostgreSQL clusters for tests, from the binaries that
// are installed, and throws them away. They trust everybody on this machine and
// do not sync to disk.
//
// A test that needs one is skipped, with the reason, where there are no
// binaries, and fails where the environment variable ONHOLD_REQUIRE, a list with
// commas, names postgres.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/a628bb15/onhold/bench/process"
)

// Password is in every DSN. The cluster does not ask for it, and nothing may
// repeat it.
const Password = "never-to-be-seen"

// MaxConns is how many connections a cluster takes.
const MaxConns = 200

// How long things may take on a slow machine.
const (
	makeLimit = time.Minute
	upLimit   = 30 * time.Second
	downLimit = 15 * time.Second
)

// TB is the part of testing.TB that this package uses. It does not import package
// testing, as it is not a test file.
type TB interface {
	Helper()
	Cleanup(func())
	Error(args ...any)
	Fatal(args ...any)
	Skip(args ...any)
}

// required is what must be there, whatever a test does to its environment.
var required = strings.Split(os.Getenv(requireEnv), ",")

const requireEnv = "ONHOLD_REQUIRE"

var shared struct {
	sync.Once
	cluster *Cluster
	err     error
}

// Shared is a cluster for all tests of a test binary, which runs its tests by
// way of Tests. It is made with the first call.
func Shared(t TB) *Cluster {
	t.Helper()
	shared.Do(func() { shared.cluster, shared.err = newCluster() })
	if shared.err != nil {
		missing(t, shared.err)
	}
	return shared.cluster
}

// Own is a cluster that the test has for itself, to stop and start. It is thrown
// away at the end of the test.
func Own(t TB) *Cluster {
	t.Helper()
	c, err := newCluster()
	if err != nil {
		missing(t, err)
		return nil
	}
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Tests are the tests of a binary that use Shared: it is thrown away when they
// have run.
type Tests struct{ M interface{ Run() int } }

// Run runs the tests, as testing.M does. ONHOLD_REQUIRE is not in their
// environment any more: the command that some of them start would take it for
// its flag --require.
func (t Tests) Run() int {
	os.Unsetenv(requireEnv)
	defer func() {
		if shared.cluster != nil {
			shared.cluster.remove()
		}
	}()
	return t.M.Run()
}

// errAbsent says that there is nothing to start.
var errAbsent = errors.New("PostgreSQL is not installed: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin")

func missing(t TB, err error) {
	t.Helper()
	if !errors.Is(err, errAbsent) || slices.Contains(required, "postgres") {
		t.Fatal(err)
	}
	t.Skip(err)
}

// Cluster is a server with a data directory of its own.
type Cluster struct {
	bin, dir string
	port     int
	as       *owner
	server   *process.Process // nil where it never ran
}

// owner is who runs the server, where we are root: it refuses to run as that.
type owner struct{ uid, gid int }

// DSN is the address of the cluster's database, with user and password.
func (c *Cluster) DSN() string { return c.As("postgres") }

// As is the DSN for another role.
func (c *Cluster) As(role string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/postgres?sslmode=disable", role, Password, c.port)
}

// Env are the environment variables that lead to the cluster without a DSN.
func (c *Cluster) Env() []string {
	return []string{
		"PGHOST=127.0.0.1", "PGPORT=" + strconv.Itoa(c.port), "PGUSER=postgres", "PGPASSWORD=" + Password,
		"PGDATABASE=postgres", "PGSSLMODE=disable",
	}
}

func newCluster() (c *Cluster, err error) {
	c = &Cluster{}
	if c.bin, err = binaries(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "onhold-pg-"); err != nil {
		return nil, err
	}
	if err = c.make(); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// make fills the folder and starts the server.
func (c *Cluster) make() (err error) {
	if os.Geteuid() == 0 {
		if c.as, err = unprivileged(); err != nil {
			return err
		}
		if err = os.Chown(c.dir, c.as.uid, c.as.gid); err != nil {
			return err
		}
	}
	initdb := c.command("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	if _, err = process.Run(context.Background(), initdb, nil, makeLimit, nil); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	for range 3 { // another program may take the port before the server does
		if c.port, err = freePort(); err != nil {
			return err
		}
		if err = c.Start(); err == nil {
			return nil
		}
	}
	return err
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// binaries is the folder of the newest server that is installed.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append([]string{filepath.Dir(path)}, dirs...)
		}
	}
	for _, dir := range dirs {
		if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", errAbsent
}

func version(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

func executable(path string) bool {
	_, err := exec.LookPath(path)
	return err == nil
}

// unprivileged is a user who is not root.
func unprivileged() (*owner, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr == nil && gidErr == nil {
			return &owner{uid, gid}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"} // nothing that begins with PG
	if c.as != nil {
		runAs(cmd, c.as)
	}
	return cmd
}

// Start starts the server, at the same address each time, and returns when it
// takes connections.
func (c *Cluster) Start() error {
	cmd := c.command("postgres", "-D", c.data(), "-p", strconv.Itoa(c.port), "-k", c.dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections="+strconv.Itoa(MaxConns), "-c", "shared_buffers=16MB",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
	server, err := process.Start(cmd, nil, nil)
	if err != nil {
		return err
	}
	c.server = server
	for begin := time.Now(); time.Since(begin) < upLimit; time.Sleep(5 * time.Millisecond) {
		if ended, how := server.Ended(); ended {
			return fmt.Errorf("the server ended, %s: %s", how, server.Stderr())
		}
		if c.ready() {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("the server was not ready within %v: %s", upLimit, server.Stderr()), c.Stop())
}

// ready reports whether the server that was started has said in its lock file
// that it takes connections.
func (c *Cluster) ready() bool {
	const pid, status = 0, 7 // lines
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	return err == nil && len(lines) > status && lines[pid] == strconv.Itoa(c.server.ID()) && strings.TrimSpace(lines[status]) == "ready"
}

// Stop ends the server as a crash would, with all its connections, and returns
// when it is gone.
func (c *Cluster) Stop() error {
	p, err := os.FindProcess(c.server.ID())
	if err != nil {
		return err
	}
	if err := p.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	limit := time.NewTimer(downLimit)
	defer limit.Stop()
	select {
	case <-c.server.Done():
		return nil
	case <-limit.C:
		c.server.Kill()
		return fmt.Errorf("the server did not end within %v and was killed", downLimit)
	}
}

// remove throws the cluster away.
func (c *Cluster) remove() error {
	var err error
	if c.server != nil {
		err = c.Stop()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}
