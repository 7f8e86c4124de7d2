package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
	"github.com/a628bb15/onhold/targets/orders"
)

func TestAFullPoolIsBusyAfterALimit(t *testing.T) {
	p := open(t, Config{Connections: 1})
	p.poolLimit = 20 * time.Millisecond
	conn, err := p.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(p, 1).Err; !errors.Is(err, orders.ErrBusy) || !strings.HasPrefix(err.Error(), "none of 1 connections came free within 20ms: ") {
		t.Errorf("got %v", err)
	}
	if w := p.Stats().PoolWait; w.N != 1 || time.Duration(w.Max) < p.poolLimit*99/100 {
		t.Errorf("the waits for the pool are %+v", w)
	}
	conn.Release()
	p.poolLimit = PoolLimit
	wantOrders(t, ask(p, 3))
}

func TestAnAnswerThatDoesNotComeIsGivenUp(t *testing.T) {
	p := open(t, Config{Latency: time.Minute})
	p.queryLimit = 20 * time.Millisecond
	if err := ask(p, 1).Err; err == nil || err.Error() != "no answer within 20ms" || errors.Is(err, orders.ErrBusy) {
		t.Errorf("got %v", err)
	}
	p.queryLimit, p.sleep = Grace, 0.001
	wantOrders(t, ask(p, 3))
	// The one that was given up is cancelled, or Close would wait for its minute.
}

// A server that dies fails what is with it, refuses what comes, and is used
// again as soon as it is back.
func TestRecoversWhenTheServerIsBack(t *testing.T) {
	cluster := pgtest.Shared(t)
	p := open(t, Config{Connections: 4, Latency: 200 * time.Millisecond})
	wantOrders(t, ask(p, 1))

	var all sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		all.Go(func() { errs[i] = ask(p, 1).Err })
	}
	for p.pool.Stat().AcquiredConns() < 3 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // from having a connection to the server's sleep
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	for range 6 { // more than there are connections
		errs = append(errs, ask(p, 1).Err)
	}
	for i, err := range errs {
		if err == nil || errors.Is(err, orders.ErrBusy) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), pgtest.Password) {
			t.Errorf("query %d of a server that is not there: %v", i, err)
		}
	}
	if last := fmt.Sprint(errs[len(errs)-1]); !strings.Contains(last, "refused") {
		t.Errorf("nobody listens, and it says %s", last)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	p.sleep = 0.001
	for range 8 {
		wantOrders(t, ask(p, 1))
	}
	if n := p.pool.Stat().TotalConns(); n > 4 {
		t.Errorf("%d connections in a pool of 4", n)
	}
}

// A connection that is cut while it idles costs no request; others are doubted
// once one was lost in use.
func TestOneLostConnectionFailsOneRequest(t *testing.T) {
	cluster := pgtest.Shared(t)
	const conns = 5
	p := open(t, Config{Connections: conns})
	conn := admin(t, cluster.DSN())
	wantOrders(t, ask(p, 1)) // so that one of them is known to have been good just now
	do(t, conn, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '"+p.schema+"'")
	failures := 0
	for range 2 * conns {
		if err := ask(p, 1).Err; err != nil {
			failures++
			if !strings.Contains(err.Error(), "57P01") && !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "pipe") {
				t.Errorf("got %v", err)
			}
		}
	}
	if failures > 1 {
		t.Errorf("%d requests failed, want at most the one that found out", failures)
	}
}

func TestNoConnectionLeftIsBusy(t *testing.T) {
	cluster := pgtest.Shared(t)
	conn := admin(t, cluster.DSN())
	few := newRole(t, conn, "CONNECTION LIMIT 3")
	do(t, conn, "GRANT CREATE ON DATABASE postgres TO "+few)
	_, err := New(Config{DSN: cluster.As(few), Connections: 4})
	if err == nil || !strings.Contains(err.Error(), "making 4 connections: FATAL: too many connections") {
		t.Errorf("a pool larger than the server allows: %v", err)
	}
	for range 3 { // all that it allows, one target after another
		p := opened(t, Config{DSN: cluster.As(few), Connections: 3})
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	p := open(t, Config{DSN: cluster.As(few), Connections: 2})
	do(t, conn, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '"+p.schema+"'")
	var others []*pgx.Conn
	for len(others) < 3 { // the last that were ended may not be gone yet
		if other, err := pgx.Connect(t.Context(), cluster.As(few)); err == nil {
			others = append(others, other)
		}
	}
	ask(p, 1) // whatever it finds
	err = ask(p, 1).Err
	if !errors.Is(err, orders.ErrBusy) || !strings.Contains(err.Error(), "too many connections") || strings.Contains(err.Error(), pgtest.Password) {
		t.Errorf("no connection left: %v", err)
	}
	for _, other := range others {
		other.Close(t.Context())
	}
	for range 1000 { // until the server has noticed
		if err = ask(p, 1).Err; !errors.Is(err, orders.ErrBusy) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	wantOrders(t, ask(p, 1))
}

// schemas lists those of ours that there are.
func schemas(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, _ := conn.Query(t.Context(), `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'onhold\_%' ORDER BY nspname`)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSchemaComesAndGoes(t *testing.T) {
	cluster := pgtest.Shared(t)
	conn := admin(t, cluster.DSN())
	for _, sql := range []string{
		"CREATE SCHEMA onhold_1000_1_0123abcd", // left behind long ago, with something in it
		"CREATE TABLE onhold_1000_1_0123abcd.orders ()",
		"CREATE SCHEMA onhold_9999999999_1_0123abcd", // not a day old
		"CREATE SCHEMA onhold_1001_1_0123abcd",       // old, but with a connection
		"CREATE SCHEMA onhold_mine",                  // not one of ours
	} {
		do(t, conn, sql)
	}
	do(t, conn, "SET application_name = 'onhold_1001_1_0123abcd'")
	stay := []string{"onhold_1001_1_0123abcd", "onhold_9999999999_1_0123abcd", "onhold_mine"}
	a, b := opened(t, Config{}), opened(t, Config{})
	want := append(slices.Clone(stay), a.schema, b.schema)
	slices.Sort(want)
	if got := schemas(t, conn); a.schema == b.schema || !slices.Equal(got, want) {
		t.Errorf("with two backends there are %v, want %v", got, want)
	}
	for _, p := range []*Postgres{a, b} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := schemas(t, conn); !slices.Equal(got, stay) {
		t.Errorf("at the end there are %v, want %v", got, stay)
	}
	for _, s := range stay {
		do(t, conn, "DROP SCHEMA "+s)
	}
}

func TestNewSaysWhyItCannot(t *testing.T) {
	cluster := pgtest.Shared(t)
	conn := admin(t, cluster.DSN())
	guest := newRole(t, conn, "")
	for _, row := range []struct{ what, dsn, want string }{
		{"nobody listens", "postgres://u:" + pgtest.Password + "@127.0.0.1:1/d?sslmode=disable", "u@127.0.0.1:1/d: "},
		{"no such database", strings.Replace(cluster.DSN(), "/postgres?", "/nowhere?", 1), `/nowhere: FATAL: database "nowhere" does not exist (SQLSTATE 3D000)`},
		{"no such role", cluster.As("nobody"), `role "nobody" does not exist`},
		{"a role that may not", cluster.As(guest), "ERROR: permission denied for database postgres (SQLSTATE 42501)"},
	} {
		p, err := New(Config{DSN: row.dsn})
		if p != nil || !strings.Contains(fmt.Sprint(err), row.want) || strings.Contains(fmt.Sprint(err), pgtest.Password) {
			t.Errorf("%s: %v, want %s", row.what, err, row.want)
		}
	}
	if left := schemas(t, conn); len(left) > 0 {
		t.Errorf("there are schemas: %v", left)
	}
}

// Close comes to an end, and says what it could not do.
func TestCloseOfAServerThatIsGone(t *testing.T) {
	cluster := pgtest.Shared(t)
	p := opened(t, Config{})
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "the schema "+p.schema+" stays behind: ") || strings.Contains(err.Error(), pgtest.Password) {
		t.Errorf("got %v", err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	conn := admin(t, cluster.DSN())
	do(t, conn, "DROP SCHEMA "+p.schema+" CASCADE")
}

// Close fails who waits for the pool and cancels what runs, however long it
// would, and then the schema is gone.
func TestCloseWithQueriesOpen(t *testing.T) {
	cluster := pgtest.Shared(t)
	conn := admin(t, cluster.DSN())
	const conns = 3
	p := opened(t, Config{Connections: conns, Latency: time.Minute})
	own, err := p.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	defer all.Wait()
	// A statement that no cancelling reaches, as one that was on its way to the server just then.
	all.Go(func() {
		defer own.Release()
		if _, err := own.Exec(context.Background(), "SELECT pg_sleep(60) FROM "+table(p.schema)+" LIMIT 1"); err == nil {
			t.Error("it slept for its minute")
		}
	})
	errs := make([]error, 10*conns)
	for i := range errs {
		all.Go(func() {
			q := &backend.Query{UserID: int64(i + 1), Pay: i%2 == 0}
			q.Order = orders.Request{Kind: orders.Place, UserID: q.UserID}.Order()
			p.Park(q)
			errs[i] = q.Err
		})
	}
	sleeping := 0
	for deadline := time.Now().Add(20 * time.Second); sleeping < conns && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		row := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'PgSleep'", p.schema)
		if err := row.Scan(&sleeping); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	for i, err := range errs {
		if !errors.Is(err, backend.ErrClosed) {
			t.Errorf("query %d of %d: %v", i, len(errs), err)
		}
	}
	if left := schemas(t, conn); slices.Contains(left, p.schema) {
		t.Errorf("the schema %s is left", p.schema)
	}
	if err := ask(p, 1).Err; !errors.Is(err, backend.ErrClosed) {
		t.Errorf("asked once it was closed: %v", err)
	}
}
