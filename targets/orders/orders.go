// Package orders is the order service that every target offers: its paths, how
// a request is checked, how an answer is written, and what is counted. It
// knows nothing of how a target waits, so that two targets differ in that
// alone.
//
// A request goes through in four steps:
//
//  1. [Route] answers what needs no backend (errors, health, stats) and hands
//     back the [Request] of what does.
//  2. Package admission admits the request, or [Busy] rejects it.
//  3. The target asks its backend, in its own style.
//  4. The request leaves, then [Answer], [Placed] or [Invited] writes the result, or
//     [Failed] the reason.
package orders

import (
	"strconv"
	"time"
)

// Order is one order of a user.
type Order struct {
	ID         int64     `json:"id"`
	UserID     int64     `json:"user_id"`
	Status     string    `json:"status"` // one of Statuses: written to JSON without escaping
	TotalCents int64     `json:"total_cents"`
	Created    time.Time `json:"created"`
}

// Statuses are the states an order can be in.
var Statuses = [...]string{StatusPlaced, StatusPaid, "shipped", "delivered"}

// The states in which an order begins.
const (
	StatusPlaced = "placed"
	StatusPaid   = "paid"
)

// MaxGenerated is the largest number of orders that Generate appends.
const MaxGenerated = 5

// firstOrder is when the oldest generated order can have been placed.
var firstOrder = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Generate appends one to MaxGenerated orders that follow from the user alone:
// the same user always has the same orders, in every process.
func Generate(dst []Order, user int64) []Order {
	r := mix(uint64(user))
	for range 1 + r%MaxGenerated {
		r = mix(r)
		dst = append(dst, Order{
			ID:         int64(r >> 11), // 53 bits, which a JSON reader with floats keeps exact
			UserID:     user,
			Status:     Statuses[r%uint64(len(Statuses))],
			TotalCents: int64(100 + r>>20%50_000),
			Created:    firstOrder.Add(time.Duration(r>>30%(365*24*3600)) * time.Second),
		})
	}
	return dst
}

// mix is the output function of the SplitMix64 generator: neighbouring users
// get unrelated orders.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// AppendJSON appends the orders as a JSON list. It is written by hand because
// it runs once for every request, where reflection would be a good part of
// what is measured.
func AppendJSON(dst []byte, list []Order) []byte {
	dst = append(dst, '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = list[i].AppendJSON(dst)
	}
	return append(dst, ']')
}

// AppendJSON appends the order as a JSON object.
func (o *Order) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, o.ID, 10)
	dst = append(dst, `,"user_id":`...)
	dst = strconv.AppendInt(dst, o.UserID, 10)
	dst = append(dst, `,"status":"`...)
	dst = append(dst, o.Status...)
	dst = append(dst, `","total_cents":`...)
	dst = strconv.AppendInt(dst, o.TotalCents, 10)
	dst = append(dst, `,"created":"`...)
	dst = o.Created.AppendFormat(dst, time.RFC3339)
	return append(dst, `"}`...)
}
