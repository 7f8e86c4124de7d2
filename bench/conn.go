package bench

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// Conn is one connection to a target, in any protocol. One goroutine at a
// time uses it, except that Close may be called while Do is running and must
// make it return.
type Conn interface {
	// Do makes one request and waits for the whole reply, for at most timeout.
	// It does not retry: a retry would hide a failure and time two as one.
	Do(timeout time.Duration) Reply
	Close() error
}

// WhyTimeout is the reason of a request that had no complete reply in time.
const WhyTimeout = "no complete reply within the timeout"

// TooLate reports whether a reply that was read took the timeout or longer: it
// counts as one that did not come. A driver that is kept from running sees its
// deadline late, and by then the reply may be there.
func TooLate(o result.Outcome, took, timeout time.Duration) bool {
	return took >= timeout && (o == result.OK || o == result.Rejected)
}

// Aliver is a Conn that can tell, before a request is sent, that its peer has
// closed it meanwhile. The driver then makes a new connection, as any client
// would, and no failure is counted. A peer that closes at the very moment of
// sending is a reset all the same.
type Aliver interface{ Alive() bool }

// Unasker is an Aliver that knows why its connection is not one any more:
// Unasked is true where Alive was false because bytes came that are no reply to
// any request.
type Unasker interface{ Unasked() bool }

// Sharer is a Conn that may be one of several on the same connection. It is
// Fresh where the connection was made for it: only that counts as connecting.
type Sharer interface{ Fresh() bool }

// Reply is how one request ended.
type Reply struct {
	Outcome     result.Outcome
	Spent       bool   // the connection cannot take another request
	Unsolicited bool   // bytes came with it that nobody asked for; then it is spent, too
	Why         string // for people, where the outcome is neither ok nor rejected

	// ID is what the server calls the request where it only accepted it and does
	// the work later; 0 where the reply is all there is. See Completions.
	ID uint64
}

// Dial makes a connection. It gives up when ctx ends.
type Dial func(ctx context.Context) (Conn, error)

// DialFailed tells how an arrival ended for which no connection could be
// made. Running out of ports, descriptors or memory is the generator's fault
// and never counted against the server; nor is a name that cannot be looked up.
func DialFailed(err error) Reply {
	r := Reply{Outcome: result.Refused, Spent: true, Why: err.Error()}
	var timeout net.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &name),
		errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EADDRINUSE),
		errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE),
		errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.ENOSPC):
		r.Outcome = result.Unsent
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		r.Outcome, r.Why = result.Timeout, "connecting took longer than the timeout"
	}
	return r
}
