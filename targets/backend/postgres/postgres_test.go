package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
	"github.com/a628bb15/onhold/targets/orders"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Tests{M: m}.Run()) }

// The tests share a cluster, which one of them stops: none runs beside another.

const latency = 5 * time.Millisecond

// open is a backend that is closed with the test.
func open(t *testing.T, c Config) *Postgres {
	t.Helper()
	p := opened(t, c)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// opened is a backend that the test closes itself.
func opened(t *testing.T, c Config) *Postgres {
	t.Helper()
	if c.DSN == "" {
		c.DSN = pgtest.Shared(t).DSN()
	}
	if c.Latency == 0 {
		c.Latency = latency
	}
	if c.Connections == 0 {
		c.Connections = 2
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// admin is a connection of the test's own.
func admin(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func do(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// newRole makes a role, with a name of its own, that can log in.
func newRole(t *testing.T, conn *pgx.Conn, options string) (name string) {
	t.Helper()
	name = fmt.Sprintf("role_%d", time.Now().UnixNano())
	do(t, conn, "CREATE ROLE "+name+" LOGIN "+options)
	return name
}

func ask(b backend.Backend, user int64) *backend.Query {
	q := &backend.Query{UserID: user}
	b.Park(q)
	return q
}

// wantOrders checks that a query was answered with the orders of its user.
func wantOrders(t *testing.T, q *backend.Query) {
	t.Helper()
	if want := orders.Generate(nil, q.UserID); q.Err != nil || !slices.Equal(q.Orders, want) {
		t.Errorf("user %d: %v, %v; want %v", q.UserID, q.Orders, q.Err, want)
	}
}

func TestAnswersAreTheUsersOrders(t *testing.T) {
	p := open(t, Config{})
	q := &backend.Query{}
	for _, user := range []int64{42, 1, 7, Users} {
		q.UserID = user // one query, used again
		began := time.Now()
		p.Park(q)
		if took := time.Since(began); took < latency {
			t.Errorf("answered after %v, before the %v were over", took, latency)
		}
		wantOrders(t, q)
	}
	q.Release()
	if q = ask(p, Users+1); q.Err != nil || len(q.Orders) != 0 {
		t.Errorf("of a user without orders: %v, %v", q.Orders, q.Err)
	}
	st := p.Stats()
	if st.Name != "postgres" || st.Connections != 2 || st.Calls != 5 || st.PoolWait.N != 5 || st.WaitError != nil {
		t.Errorf("the stats are %+v", st)
	}
}

func TestPayStoresTheOrderOnce(t *testing.T) {
	p := open(t, Config{})
	const user = Users + 5
	request := orders.Request{Kind: orders.Place, UserID: user, TotalCents: 1999}
	q := &backend.Query{UserID: user, Pay: true, Order: request.Order()}
	for range 2 { // again, as after a first time with an unknown result
		p.Park(q)
		if q.Err != nil || len(q.Orders) != 1 {
			t.Fatalf("%v, %v", q.Orders, q.Err)
		}
		got, want := q.Orders[0], q.Order
		want.Status, want.Created = orders.StatusPaid, want.Created.Truncate(time.Microsecond)
		got.Created = got.Created.Truncate(time.Microsecond)
		if d := got.Created.Sub(want.Created).Abs(); d > time.Microsecond {
			t.Errorf("made %v, want %v", got.Created, want.Created)
		}
		got.Created = want.Created
		if got != want {
			t.Errorf("stored %+v, want %+v", got, want)
		}
	}
	if found := ask(p, user); found.Err != nil || !slices.Equal(found.Orders, q.Orders) {
		t.Errorf("found %v, %v, want %v", found.Orders, found.Err, q.Orders)
	}
	for range maxListed + 5 {
		q.Order = request.Order()
		q.Order.Created = time.Unix(0, 0).UTC()
		if err := p.quick().payNow(q); err != nil {
			t.Fatal(err)
		}
	}
	if found := ask(p, user); found.Err != nil || len(found.Orders) != maxListed {
		t.Errorf("%d orders are listed, %v; want %d", len(found.Orders), found.Err, maxListed)
	}
}

// quick is the backend without its wait.
func (p *Postgres) quick() quick { return quick{p} }

type quick struct{ *Postgres }

func (p quick) payNow(q *backend.Query) error {
	o := q.Order
	_, err := p.pool.Exec(context.Background(), statements(p.schema)[pay], o.ID, o.UserID, orders.StatusPaid, o.TotalCents, o.Created, 0.0)
	return err
}

// The server says itself how often it slept, whatever it found and however it
// went about it.
func TestEachStatementSleepsOnce(t *testing.T) {
	p := open(t, Config{})
	conn := admin(t, pgtest.Shared(t).DSN())
	do(t, conn, "SET jit = off") // or what is forbidden below, and so dear, would be compiled
	one := orders.Request{UserID: Users + 6}.Order()
	for _, plan := range []string{"enable_nestloop", "enable_indexscan", "enable_sort", "enable_material"} {
		do(t, conn, "SET "+plan+" = off")
		for _, row := range []struct {
			what, statement string
			args            []any
		}{
			{"five orders", find, []any{int64(42), 0.001}},
			{"no orders", find, []any{int64(Users + 1), 0.001}},
			{"an order to be paid", pay, []any{one.ID, one.UserID, "paid", one.TotalCents, one.Created, 0.001}},
			{"and again", pay, []any{one.ID, one.UserID, "paid", one.TotalCents, one.Created, 0.001}},
		} {
			var text []byte
			err := conn.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+statements(p.schema)[row.statement],
				append([]any{pgx.QueryExecModeExec}, row.args...)...).Scan(&text)
			if err != nil {
				t.Fatal(err)
			}
			type node struct {
				Name  string  `json:"Subplan Name"`
				Loops float64 `json:"Actual Loops"`
				Rows  float64 `json:"Actual Rows"`
				Plans []json.RawMessage
			}
			var tops []struct{ Plan json.RawMessage }
			if err := json.Unmarshal(text, &tops); err != nil {
				t.Fatal(err)
			}
			slept := 0.0
			var walk func(json.RawMessage)
			walk = func(raw json.RawMessage) {
				var n node
				if err := json.Unmarshal(raw, &n); err != nil {
					t.Fatal(err)
				}
				if n.Name == "CTE slept" {
					slept += n.Loops * n.Rows
				}
				for _, below := range n.Plans {
					walk(below)
				}
			}
			walk(tops[0].Plan)
			if slept != 1 {
				t.Errorf("%s, without %s: it slept %v times:\n%s", row.what, plan, slept, text)
			}
		}
	}
	if len(orders.Generate(nil, 42)) < 2 {
		t.Error("user 42 has too few orders for this test")
	}
}

// loop is an event loop for the test: it runs what it is given, in one goroutine.
type loop struct{ work chan func() }

func (l *loop) At(time.Duration, func()) { panic("nothing is timed here") }
func (l *loop) Execute(f func())         { l.work <- f }

// The loop goes on while queries wait for the pool, and hears of each once.
func TestNotifyComesBackToTheLoop(t *testing.T) {
	p := open(t, Config{Connections: 2})
	const n = 20
	l := &loop{work: make(chan func(), n)}
	queries := make([]backend.Query, n)
	returned, answered := false, 0 // the loop's own: the race detector sees any other access
	for i := range queries {
		queries[i].UserID = int64(i + 1)
		p.Notify(&queries[i], l, func() {
			if !returned {
				t.Error("done ran before Notify returned")
			}
			answered++
		})
	}
	returned = true
	for range n {
		(<-l.work)()
	}
	if answered != n {
		t.Errorf("%d of %d answers", answered, n)
	}
	for i := range queries {
		wantOrders(t, &queries[i])
	}
	// Each of 2 connections serves 10 one after another: the last waited for 9.
	w := p.Stats().PoolWait
	if w.N != n || time.Duration(w.Max) < 8*latency || w.P99 > w.Max || w.Mean == 0 {
		t.Errorf("the waits for the pool are %+v", w)
	}
}
