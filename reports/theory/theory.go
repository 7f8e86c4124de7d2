// Package theory has the queueing models that a measured server can be compared
// with: pure functions, without a clock and without unseeded randomness.
//
//  1. [Predict] takes a load and a server ([Setting]), chooses the model, and
//     returns the expected shares, rates, waits and latencies, and whether they
//     are exact. [WorkersFor] is its inverse.
//  2. [Replay] takes recorded arrivals and service times and decides for each
//     request whether it had to be accepted and when it had to start. It has no
//     sampling error, and so is the sharpest check.
//  3. [WarmUp], [BatchMeans] and [Judge] are for comparing a measurement with a
//     prediction: how long to warm up, the interval, and the verdict.
//
// The models themselves are not exported; they are one family per file.
//
// # Notation
//
// There are c workers and a queue with room for k requests; the system holds c+k
// (books often call that K). The offered load a, in erlangs, is the arrival rate
// times the mean service time; a/c is the load of a worker. Inside the package
// times are in units of the mean service time. A share is a number from 0 to 1.
//
// # Range
//
// There are at most [MaxWorkers] workers, a queue of at most [MaxQueue] or
// [Unbounded], and a load of at most [MaxLoad]. Within it nothing overflows:
// recursions are scaled, or all their terms are positive. What is out of range
// is a [field.Error].
package theory

// Limits of a [Setting].
const (
	MaxWorkers = 1_000_000
	MaxQueue   = 10_000_000 // also of clients
	MaxLoad    = 1e7        // in erlangs

	maxTime = 1e9 // in mean service times
)

// Unbounded is a number of workers, or a length of the queue, without a limit.
const Unbounded = -1

// share removes rounding errors from a share.
func share(p float64) float64 { return min(max(p, 0), 1) }

func boolTo(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
