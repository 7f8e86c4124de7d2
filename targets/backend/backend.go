// Package backend defines what a target waits for, and the ways in which it waits.
//
// Each backend answers a query in three idioms: it parks a goroutine, blocks an OS
// thread, or notifies an event loop. A target uses the one of its style, so that all
// styles wait for the same backend.
package backend

import (
	"errors"
	"sync"
	"time"

	"github.com/a628bb15/onhold/targets/orders"
)

// Query is one question to a backend, with room for the answer: the orders of a
// user, or that an order be paid. It may be used again once it is answered,
// which keeps the slice.
type Query struct {
	UserID int64

	// Pay asks that the order be stored and paid, in one wait; else the orders of
	// the user are asked for. The answer is the order as it was stored.
	Pay   bool
	Order orders.Order

	Orders []orders.Order // the answer, where Err is nil
	Err    error

	// State is the backend's own. It stays from one use of the query to the next,
	// so that what a backend needs to answer is made once and not for each request.
	State any
}

// room holds lists for answers that are not in use.
var room = sync.Pool{New: func() any { return new([orders.MaxGenerated]orders.Order) }}

// Room gives the query a list for its answer where it has none. A backend that
// generates answers calls it when one is due: ten thousand queries that wait
// hold no list.
func (q *Query) Room() {
	if cap(q.Orders) == 0 {
		q.Orders = room.Get().(*[orders.MaxGenerated]orders.Order)[:0]
	}
}

// Generate answers the query as a backend does that stores nothing.
func (q *Query) Generate() {
	q.Room()
	q.Err = nil
	if q.Pay {
		q.Orders = append(q.Orders[:0], q.Order)
		q.Orders[0].Status = orders.StatusPaid
		return
	}
	q.Orders = orders.Generate(q.Orders[:0], q.UserID)
}

// Release returns the answer's list, once it was used.
func (q *Query) Release() {
	if cap(q.Orders) == orders.MaxGenerated {
		room.Put((*[orders.MaxGenerated]orders.Order)(q.Orders[:orders.MaxGenerated]))
	}
	q.Orders = nil
}

// Backend answers queries. All methods are safe for concurrent use.
type Backend interface {
	// Park answers q while the calling goroutine is parked.
	Park(q *Query)

	// Block answers q while the calling OS thread is blocked. The caller has
	// locked itself to the thread and called clock.Punctual on it.
	Block(q *Query)

	// Notify returns at once and later calls done on the loop, when q is
	// answered. It is called on the loop, and done never runs before it returns.
	Notify(q *Query, loop Loop, done func())

	// Stats says what the backend has done so far.
	Stats() orders.BackendStats

	// Close releases what the backend holds, in a few seconds. Queries may still be
	// open, if a server could not finish in time: each is answered, with ErrClosed
	// where it waited for a connection or could be cancelled, else when it is due.
	// Later queries may be answered with ErrClosed, too.
	Close() error
}

// ErrClosed is the answer to a query that Close ended.
var ErrClosed = errors.New("it was closed before it answered")

// Loop is an event loop as a backend sees it: something that runs functions
// one after the other.
type Loop interface {
	// At runs f at the instant at (see package clock), never before. It may be
	// called on the loop only.
	At(at time.Duration, f func())

	// Execute runs f on the loop soon. It may be called from anywhere. Once
	// the loop has ended, f is dropped.
	Execute(f func())
}
