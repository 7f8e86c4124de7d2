package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/a628bb15/onhold/targets/orders"
)

// Users is how many users have orders from the start: 1 to Users. Whoever comes
// after them has none, until one is placed.
const Users = 1000

// maxListed bounds the answer for one user. Without it a load that places orders
// for one user would make every later query for that user slower.
const maxListed = 100

// Both statements sleep once, whatever they find. The sleep is a table of one
// row that is evaluated once (MATERIALIZED), and that has to be read:
// a left join with it has a row even for a user without orders, whose columns
// are then NULL. As a condition of the WHERE the server would be free to sleep
// for each row, or for none.
const (
	findSQL = `WITH slept AS MATERIALIZED (SELECT pg_sleep($2::float8))
SELECT o.id, o.status, o.total_cents, o.created
FROM slept LEFT JOIN %s o ON o.user_id = $1
ORDER BY o.n LIMIT %d`

	// An order that is paid again, as the result of the first time is unknown, is
	// stored once. No row is locked while it sleeps.
	paySQL = `WITH slept AS MATERIALIZED (SELECT pg_sleep($6::float8))
INSERT INTO %s AS o (id, user_id, status, total_cents, created)
SELECT $1::bigint, $2::bigint, $3::text, $4::bigint, $5::timestamptz FROM slept
ON CONFLICT (id) DO UPDATE SET status = excluded.status
RETURNING o.id, o.user_id, o.status, o.total_cents, o.created`
)

// n is the order in which a user's orders were made.
const tableSQL = `CREATE TABLE %s (
	n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id          bigint NOT NULL UNIQUE,
	user_id     bigint NOT NULL,
	status      text NOT NULL,
	total_cents bigint NOT NULL,
	created     timestamptz NOT NULL
)`

// newName is the name of a new schema. It contains when it was made, and by which
// process.
func newName() string {
	var b [4]byte
	rand.Read(b[:])
	return fmt.Sprintf("onhold_%d_%d_%s", time.Now().Unix(), os.Getpid(), hex.EncodeToString(b[:]))
}

// statements are the prepared statements of a schema, by their names.
func statements(schema string) map[string]string {
	return map[string]string{
		find: fmt.Sprintf(findSQL, table(schema), maxListed),
		pay:  fmt.Sprintf(paySQL, table(schema)),
	}
}

func table(schema string) string { return pgx.Identifier{schema, "orders"}.Sanitize() }

// create makes a schema of that name with a table of orders, or nothing.
func create(ctx context.Context, conn *pgx.Conn, schema string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()+"; "+fmt.Sprintf(tableSQL, table(schema))); err != nil {
			return err
		}
		var rows [][]any
		var list []orders.Order
		for user := range int64(Users) {
			list = orders.Generate(list[:0], user+1)
			for _, o := range list {
				rows = append(rows, []any{o.ID, o.UserID, o.Status, o.TotalCents, o.Created})
			}
		}
		columns := []string{"id", "user_id", "status", "total_cents", "created"}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{schema, "orders"}, columns, pgx.CopyFromRows(rows)); err != nil {
			return err
		}
		// Analyzed, or the first plans would be made for an empty table.
		_, err := tx.Exec(ctx, "CREATE INDEX ON "+table(schema)+" (user_id, n); ANALYZE "+table(schema))
		return err
	})
}

func prepare(ctx context.Context, conn *pgx.Conn, schema string) error {
	for name, sql := range statements(schema) {
		if _, err := conn.Prepare(ctx, name, sql); err != nil {
			return err
		}
	}
	return nil
}

// stopSQL finds what still runs over the connections of a schema. Those that idle
// are left alone, which saves a line each in the server's log.
const stopSQL = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = $1 AND usename = current_user AND pid <> pg_backend_pid() AND state <> 'idle'`

// stop ends what still runs over the connections of a schema, as what was asked
// to be cancelled may: such a request does nothing where it overtakes its
// statement. Where the server does not let us, drop waits for them.
func stop(ctx context.Context, conn *pgx.Conn, schema string) {
	_, _ = conn.Exec(ctx, stopSQL, schema)
}

func drop(ctx context.Context, conn *pgx.Conn, schema string) error {
	_, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
	return err
}

// leftSQL finds the schemas of processes that were killed: ours,
// over a day old, and without a connection of that name. The connections of a running
// target have its schema's name as their application's, so that two machines whose
// clocks differ by days do not remove each other's schemas.
const leftSQL = `SELECT nspname FROM pg_namespace
WHERE nspname ~ '^onhold_[0-9]{1,12}_[0-9]+_[0-9a-f]{8}$'
AND pg_get_userbyid(nspowner) = current_user
AND to_timestamp(substring(nspname FROM '^onhold_([0-9]{1,12})_')::bigint) < now() - interval '1 day'
AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = nspname)`

// sweep drops what was left behind. Where it cannot, for another process is at
// it or the server does not let us, that is no reason not to start.
func sweep(ctx context.Context, conn *pgx.Conn) {
	if _, err := conn.Exec(ctx, "SET lock_timeout = '1s'"); err != nil {
		return
	}
	defer conn.Exec(ctx, "RESET lock_timeout")
	rows, _ := conn.Query(ctx, leftSQL)
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return
	}
	for _, schema := range left {
		_ = drop(ctx, conn, schema)
	}
}
