// Package exchange decides how an exchange of request and reply has ended. Both
// drivers of HTTP use it.
package exchange

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// The reasons of outcomes that have no error of their own.
const (
	NoReply      = "no complete reply within the timeout"
	NoConnection = "connecting took longer than the timeout"
	Closed       = "the connection was closed before the reply was complete"
	InFlight     = "still in flight when the drain timeout passed"
	AllBusy      = "all connections busy, and as many arrivals waiting as MaxWaiting allows"
	NoneFree     = "no connection became free before the drain timeout passed"
	NoStream     = "no stream became free before the drain timeout passed"
	Unprocessed  = "the server ended the connection before it looked at the request, twice"
	NotBegun     = "the machine stopped the generator until the drain timeout had passed"
)

const (
	// Rested is how long a connection is idle before a driver checks whether the
	// server has closed it. The check is a system call, which a client that sends
	// again at once saves.
	Rested = 100 * time.Microsecond

	// LookBack is how long a stage waits, once all its requests have ended, for
	// unsolicited bytes. Of a server that sends two replies to each request, late,
	// the second is always taken for the reply to the next request; only at the
	// end one too many is seen.
	LookBack = 20 * time.Millisecond

	// Trailing is how long a connection is read on whose stream is complete, for the end
	// of the reply: then it takes another request, or has been closed by both sides. It
	// is no part of the stream's length.
	Trailing = 100 * time.Millisecond

	// MaxDials is how many connections are being made at once before a stage
	// starts, so that they fit into a server's queue of connections not yet
	// accepted.
	MaxDials = 64
)

// NoGreeting is why a server does not speak HTTP/2 that just closes the connection.
const NoGreeting = "the server closed the connection before the handshake of HTTP/2; if it speaks TLS, begin the address with https://"

// AfterGoAway is the reason of a request whose connection was closed after the server had
// announced that.
func AfterGoAway(goAway error) string {
	return goAway.Error() + " and closed it before the reply was complete"
}

// Reasons has the reasons of error statuses. Each is made once: a server that
// fails must not cost the generator an allocation per request.
type Reasons map[int]string

// Of is the reason of a status.
func (r Reasons) Of(status int) string {
	why, ok := r[status]
	if !ok {
		why = fmt.Sprintf("HTTP status %d", status)
		if status < 100 || status > 599 {
			why = fmt.Sprintf("HTTP status %03d is not in 100 to 599", status)
		}
		r[status] = why
	}
	return why
}

// OfBroken is the outcome of a request whose connection failed with err: error
// where what came on it is no TLS session, or the session was ended by an alert.
func OfBroken(err error) result.Outcome {
	var record tls.RecordHeaderError
	var op *net.OpError
	if errors.As(err, &record) || errors.As(err, &op) && (op.Op == "local error" || op.Op == "remote error") {
		return result.Error
	}
	return result.Reset
}

// TooLate reports whether a reply that was read took the timeout or longer, so
// that it counts as a timeout. A driver that is kept from running sees its
// deadline late, and by then the reply may be there.
func TooLate(o result.Outcome, took, timeout time.Duration) bool {
	return took >= timeout && (o == result.OK || o == result.Rejected)
}
