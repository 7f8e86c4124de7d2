package bench

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/reports/result"
)

// Conn is one connection to a target, in any protocol. One goroutine at a
// time uses it, except that Close may be called while Do is running and must
// make it return. A Conn may also be a [Checker], a [NumberedConn], a
// [SharedConn], a [SecureConn] and a [StreamConn].
type Conn interface {
	// Do makes one request and waits for the complete reply, for at most timeout.
	// It does not retry: a retry would hide a failure and time two as one.
	Do(timeout time.Duration) Reply
	Close() error
}

// Checker is a Conn that can report, before a request is sent, whether its
// connection is still usable: where it is not, the driver makes a new one, as any
// client would, and counts no failure. Without it, and where the peer closes at
// the very moment of sending, the request ends in a reset.
type Checker interface {
	// Check does not wait. It is false where the peer has closed the connection, or
	// has sent unsolicited bytes, which are no reply to any request.
	Check() (usable, unsolicited bool)
}

// NumberedConn is a Conn whose requests follow from the numbers of their arrivals.
type NumberedConn interface {
	// Number is called before each Do with the number of the arrival, from 0: in order
	// of the planned instants or, in a closed load, of client i of n in its iteration k,
	// k·n + i.
	Number(n uint64)
}

// SharedConn is a Conn that may be one of several on the same connection.
type SharedConn interface {
	// Fresh reports whether the connection was made for this Conn: only that counts
	// as connecting.
	Fresh() bool
}

// SecureConn is a Conn that may be over TLS.
type SecureConn interface {
	// Handshake is how long the handshake of TLS took, 0 where there was none.
	Handshake() time.Duration
}

// Reply is how one request ended.
type Reply struct {
	Outcome     result.Outcome
	FirstByte   time.Duration // when the first byte of the reply had come, by package clock; AtOnce where all of it came at once, 0 where that is not known
	Status      int           // of a complete reply over HTTP
	Redirects   int           // that were followed before it
	Sent        time.Duration // where it waited for a stream on the connection, when it began to be sent; else 0
	Unprocessed bool          // the peer has said that it did not look at the request: the driver makes it again, once
	Unbegun     bool          // nothing was sent, as the connection takes no more requests: the driver makes it over another one
	Spent       bool          // the connection cannot take another request
	Unsolicited bool          // it was followed by bytes that are no reply to any request; then Spent is true, too
	Why         string        // the reason, where the outcome is neither ok nor rejected; of a timeout it may be empty

	// Done is when a stream was complete, by package clock, where its connection could take
	// no other request yet; 0: now.
	Done time.Duration

	// Of a stream: see [Arrival].
	FirstEvent time.Duration
	Events     int
	MedianGap  time.Duration
	EndedEarly bool

	// ID is the id that the server gave a request that it accepts now and completes
	// later; 0 where the reply is all there is. See [Completions].
	ID uint64
}

// AtOnce is the FirstByte of a reply that came as one.
const AtOnce time.Duration = -1

// first is when the first byte had come of a reply that was complete at done.
func (r Reply) first(done time.Duration) time.Duration {
	if r.FirstByte == AtOnce {
		return done
	}
	return r.FirstByte
}

// Dial makes a connection. It gives up when ctx ends. [DialOutcome] is the outcome
// of its errors.
type Dial func(ctx context.Context) (Conn, error)

// DialOutcome is the outcome of an arrival for which no connection could be made,
// and its reason. Running out of ports, descriptors or memory is the generator's
// fault and never counted against the server; nor is a name that cannot be
// resolved.
func DialOutcome(err error) (result.Outcome, string) {
	var timeout net.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &name),
		errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EADDRINUSE),
		errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE),
		errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.ENOSPC):
		return result.Unsent, err.Error()
	case errors.Is(err, syscall.EAGAIN): // of a Unix socket; else it would be taken for a timeout
		return result.Refused, "the server's queue of connections is full"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return result.Timeout, exchange.NoConnection
	}
	return result.Refused, err.Error()
}
