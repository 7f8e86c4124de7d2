// Package postgres is a backend that is a PostgreSQL server: every call is one
// statement in which the server sleeps, over a pool of connections.
//
//  1. New makes a schema of its own with the orders of Users users, and all
//     connections of the pool, so that no request pays for one.
//  2. A call takes a connection, waiting for it where there is none free; that
//     wait is a figure of its own. It then makes its statement.
//  3. Close ends open queries and drops the schema. A process that is killed, or
//     whose server does not answer, leaves its schema behind; the next process
//     that starts a day later with the same role removes it.
//
// A call fails, and never hangs: with [orders.ErrBusy] where the server or the
// pool has no connection to give, else with a line that says why. Connections
// that were lost are made again by the calls that need them.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// How long things may take.
const (
	PoolLimit    = time.Minute      // waiting for a connection of the pool
	Grace        = 30 * time.Second // a statement, beyond the latency asked for
	connectLimit = 5 * time.Second  // making a connection, where the DSN does not say
	startLimit   = 25 * time.Second // New: less than a target's start may take
	closeLimit   = 3 * time.Second  // for Close to drop the schema
	leaveLimit   = time.Second      // for Close to say goodbye over the connections
	patience     = time.Second      // for a server to see that connections are gone
	pingLimit    = 5 * time.Second
)

// idleUnasked is how long a connection may idle before it is asked whether it
// is still good: a round trip that no connection in steady use has to pay.
const idleUnasked = time.Second

// The names of the prepared statements.
const (
	find = "find"
	pay  = "pay"
)

// Postgres is a PostgreSQL server as a backend.
type Postgres struct {
	backend.Parked
	conns  int
	sleep  float64 // seconds
	schema string
	made   bool // the schema; set before there is a second connection
	pool   *pgxpool.Pool

	poolLimit  time.Duration
	queryLimit time.Duration

	open context.Context // ends with Close, and every query with it
	end  context.CancelFunc

	calls    atomic.Int64
	poolWait backend.Waits
	lost     atomic.Int64 // connections that failed in use: a reason to doubt the others
}

var _ backend.Backend = (*Postgres)(nil)

// New connects to the server and makes the schema. It returns the error of Validate
// where there is one.
func New(c Config) (*Postgres, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	pool, err := c.parse()
	if err != nil {
		return nil, err
	}
	c = c.withDefaults()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()

	p := &Postgres{conns: c.Connections, sleep: c.Latency.Seconds(), schema: newName(), poolLimit: PoolLimit, queryLimit: c.Latency + Grace}
	p.Parked = backend.Parked{Ask: p.ask}
	p.open, p.end = context.WithCancel(context.Background())
	if p.pool, err = pgxpool.NewWithConfig(ctx, p.settings(pool)); err != nil {
		p.end()
		return nil, fmt.Errorf("%s: %w", c.Server(), reason(err))
	}
	if err = p.make(ctx); err != nil {
		p.end()
		p.pool.Close()
		return nil, fmt.Errorf("%s: %w", c.Server(), reason(err))
	}
	if err = p.fill(ctx); err != nil {
		err = fmt.Errorf("%s: making %d connections: %w", c.Server(), c.Connections, reason(err))
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// settings are those of the pool, with what the DSN said of the connections.
func (p *Postgres) settings(c *pgxpool.Config) *pgxpool.Config {
	c.MaxConns = int32(p.conns)
	// A connection is kept for as long as it is good, so that none is made during a
	// measurement.
	c.MinConns, c.MinIdleConns, c.MaxConnLifetime, c.MaxConnIdleTime = 0, 0, 0, math.MaxInt64
	c.PingTimeout = pingLimit
	c.ShouldPing = p.doubts
	// Where the DSN does not say, the library would wait for two minutes.
	if t := &c.ConnConfig.ConnectTimeout; *t <= 0 || *t > startLimit {
		*t = connectLimit
	}
	c.ConnConfig.RuntimeParams["application_name"] = p.schema // see leftSQL
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if !p.made {
			return nil // the first connection makes the schema
		}
		return prepare(ctx, conn, p.schema)
	}
	return c
}

// make makes the schema, over the first connection of the pool: one of its own
// would be one more than was asked for, which the server may not have.
func (p *Postgres) make(ctx context.Context) error {
	first, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer first.Release()
	sweep(ctx, first.Conn())
	if err := create(ctx, first.Conn(), p.schema); err != nil {
		return err
	}
	p.made = true
	return prepare(ctx, first.Conn(), p.schema)
}

// fill makes all connections of the pool.
func (p *Postgres) fill(ctx context.Context) error {
	conns, errs := make([]*pgxpool.Conn, p.conns), make([]error, p.conns)
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() { conns[i], errs[i] = p.acquire(ctx) })
	}
	all.Wait()
	for i, conn := range conns {
		if errs[i] == nil {
			conn.Release()
		}
	}
	return errors.Join(errs...)
}

// acquire takes a connection for our own use. A server that has none left is asked
// again for a moment: it may not have noticed yet that those of the target before
// us are closed.
func (p *Postgres) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	for began := clock.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := p.pool.Acquire(ctx)
		if !full(err) || clock.Now()-began > patience {
			return conn, err
		}
	}
}

// doubts reports whether a connection must be checked before it is used. Once one
// was lost, the others may be lost, too: a server that was restarted has closed all
// of them. So one request fails, and not one for each connection.
func (p *Postgres) doubts(_ context.Context, c pgxpool.ShouldPingParams) bool {
	const key = "lost"
	lost := p.lost.Load()
	data := c.Conn.PgConn().CustomData() // ours while we hold the connection
	if asked, _ := data[key].(int64); asked == lost && c.IdleDuration < idleUnasked {
		return false
	}
	data[key] = lost
	return true
}

func (p *Postgres) ask(q *backend.Query) {
	p.calls.Add(1)
	q.Err = p.answer(q)
}

func (p *Postgres) answer(q *backend.Query) error {
	conn, err := p.take()
	if err != nil {
		return err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(p.open, p.queryLimit)
	defer cancel()
	if q.Pay {
		err = p.pay(ctx, conn, q)
	} else {
		err = p.find(ctx, conn, q)
	}
	if err == nil {
		return nil
	}
	if conn.Conn().IsClosed() {
		p.lost.Add(1)
	}
	switch {
	case p.open.Err() != nil:
		return backend.ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("no answer within %v", p.queryLimit)
	}
	return shown(err)
}

// take is a connection of the pool, waited for where none is free.
func (p *Postgres) take() (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(p.open, p.poolLimit)
	defer cancel()
	began := clock.Now()
	conn, err := p.pool.Acquire(ctx)
	switch {
	case err == nil:
		p.poolWait.Record(clock.Now() - began)
		return conn, nil
	case p.open.Err() != nil:
		return nil, backend.ErrClosed
	case ctx.Err() != nil:
		p.poolWait.Record(clock.Now() - began)
		return nil, fmt.Errorf("none of %d connections came free within %v: %w", p.conns, p.poolLimit, orders.ErrBusy)
	}
	return nil, shown(err)
}

// full reports whether the server says that it has no connection left.
func full(err error) bool {
	const tooManyConnections = "53300"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == tooManyConnections
}

// shown is an error as a caller sees it.
func shown(err error) error {
	if full(err) {
		return fmt.Errorf("%w: %w", reason(err), orders.ErrBusy)
	}
	return reason(err)
}

func (p *Postgres) find(ctx context.Context, conn *pgxpool.Conn, q *backend.Query) error {
	rows, err := conn.Query(ctx, find, q.UserID, p.sleep)
	if err != nil {
		return err
	}
	defer rows.Close()
	q.Orders = q.Orders[:0]
	for rows.Next() {
		q.Room()
		if rows.RawValues()[0] == nil {
			continue // of a user without orders
		}
		q.Orders = append(q.Orders, orders.Order{UserID: q.UserID})
		o := &q.Orders[len(q.Orders)-1]
		if err := rows.Scan(&o.ID, &o.Status, &o.TotalCents, &o.Created); err != nil {
			return err
		}
		o.Created = o.Created.UTC()
	}
	return rows.Err()
}

func (p *Postgres) pay(ctx context.Context, conn *pgxpool.Conn, q *backend.Query) error {
	q.Room()
	q.Orders = append(q.Orders[:0], orders.Order{})
	in, o := &q.Order, &q.Orders[0]
	err := conn.QueryRow(ctx, pay, in.ID, in.UserID, orders.StatusPaid, in.TotalCents, in.Created, p.sleep).
		Scan(&o.ID, &o.UserID, &o.Status, &o.TotalCents, &o.Created)
	o.Created = o.Created.UTC()
	return err
}

// Stats implements [backend.Backend].
func (p *Postgres) Stats() orders.BackendStats {
	return orders.BackendStats{Name: "postgres", Connections: p.conns, Calls: p.calls.Load(), PoolWait: p.poolWait.Stats()}
}

// Close implements [backend.Backend]. It ends what is asked, drops the schema and
// closes the connections, in a few seconds even where the server answers nothing.
func (p *Postgres) Close() error {
	p.end() // queries that wait for the pool fail at once, and those that run are cancelled
	err := p.remove()
	if err != nil {
		err = fmt.Errorf("the schema %s stays behind: %w", p.schema, reason(err))
	}
	closed := make(chan struct{})
	go func() {
		p.pool.Close()
		close(closed)
	}()
	limit := time.NewTimer(leaveLimit)
	defer limit.Stop()
	select {
	case <-closed:
	case <-limit.C: // it goes on closing
	}
	return err
}

// remove drops the schema, once no connection uses it.
func (p *Postgres) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	conn, leave, err := p.last(ctx)
	if err != nil {
		return err
	}
	defer leave()
	stop(ctx, conn, p.schema)
	return drop(ctx, conn, p.schema)
}

// last is a connection to drop the schema over. It is one of the pool, for the
// server may have no more to give; where none comes free soon, one more.
func (p *Postgres) last(ctx context.Context) (conn *pgx.Conn, leave func(), err error) {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pooled, err := p.acquire(soon)
	switch {
	case err == nil:
		return pooled.Conn(), pooled.Release, nil
	case soon.Err() == nil:
		return nil, nil, err
	}
	if conn, err = pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig); err != nil {
		return nil, nil, err
	}
	return conn, func() { conn.Close(ctx) }, nil
}
