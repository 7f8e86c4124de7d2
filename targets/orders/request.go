package orders

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// Kind is what a request asks for.
type Kind uint8

// The kinds of requests that need a backend.
const (
	Find   Kind = iota // the orders of a user
	Place              // that an order be placed and paid
	Invite             // that friends be asked whether they come, each with a query of its own
	Follow             // the events of an order
)

// MaxFriends is the largest number of friends in one request.
const MaxFriends = 100

// Request is what a caller asks for.
type Request struct {
	Kind       Kind
	UserID     int64 // of Find and Place
	TotalCents int64 // of Place
	OrderID    int64 // of Follow
	Friends    int   // of Invite: how many, from 1 to MaxFriends
	Concurrent bool  // of Invite: all are asked at once, not one after another
}

// The modes of an Invite.
const (
	Sequential = "sequential"
	Concurrent = "concurrent"
)

func (r Request) mode() string {
	if r.Concurrent {
		return Concurrent
	}
	return Sequential
}

// Queries is how many times a backend is asked for the request.
func (r Request) Queries() int {
	if r.Kind == Invite {
		return r.Friends
	}
	return 1
}

// Order is the order to place, with a new id of 53 bits, which a JSON reader with
// floats keeps exact. Ids are drawn at random, so that several
// processes need not agree on them.
func (r Request) Order() Order {
	return Order{
		ID:         1 + rand.Int64N(1<<53-1),
		UserID:     r.UserID,
		Status:     StatusPlaced,
		TotalCents: r.TotalCents,
		Created:    time.Now().UTC(),
	}
}

// Comes reports whether a friend with these orders comes: one with an odd number of
// them does. It follows from the friend alone.
func Comes(list []Order) bool { return len(list)%2 == 1 }

// parseFind reads the one parameter of a GET of [PathOrders].
func parseFind(args *fasthttp.Args) (r Request, err error) {
	r.Kind = Find
	r.UserID, err = wholeNumber(args, "user_id", math.MaxInt64)
	return r, err
}

// parseInvitations reads the parameters of [PathInvitations].
func parseInvitations(args *fasthttp.Args) (Request, error) {
	n, err := wholeNumber(args, "friends", MaxFriends)
	if err != nil {
		return Request{}, err
	}
	r := Request{Kind: Invite, Friends: int(n)}
	if !args.Has("mode") {
		return r, nil
	}
	const modes = "allowed is one of " + Sequential + " and " + Concurrent
	switch value, err := only(args, "mode"); {
	case err != nil:
		return Request{}, fmt.Errorf("%w; %s", err, modes)
	case string(value) == Concurrent:
		r.Concurrent = true
	case string(value) != Sequential:
		return Request{}, fmt.Errorf("mode is %s; %s", quote(value), modes)
	}
	return r, nil
}

// wholeNumber reads a parameter that must be a number from 1 to most, given once.
func wholeNumber(args *fasthttp.Args, name string, most int64) (int64, error) {
	value, err := only(args, name)
	if err != nil {
		return 0, fmt.Errorf("%w; %s", err, allowed(most))
	}
	n, ok := positive(value)
	if !ok || n > most {
		return 0, fmt.Errorf("%s is %s; %s", name, quote(value), allowed(most))
	}
	return n, nil
}

func allowed(most int64) string {
	return fmt.Sprintf("allowed is one whole number from 1 to %d", most)
}

// only is the value of a parameter that must be given once.
func only(args *fasthttp.Args, name string) (value []byte, err error) {
	given := 0
	for k, v := range args.All() {
		if string(k) == name {
			value = v
			given++
		}
	}
	switch given {
	case 0:
		return nil, fmt.Errorf("%s is missing", name)
	case 1:
		return value, nil
	}
	return nil, fmt.Errorf("%s is given %d times", name, given)
}

// positive reads a whole number above 0.
func positive(text []byte) (n int64, ok bool) {
	if len(text) == 0 || text[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil && n > 0
}

// MaxTotalCents is the largest total of an order.
const MaxTotalCents = 1_000_000_000

// parseOrder reads the body of a POST.
func parseOrder(body []byte) (Request, error) {
	const like = `want a JSON object like {"user_id":42,"total_cents":1999}`
	var in struct {
		UserID     *int64 `json:"user_id"`
		TotalCents *int64 `json:"total_cents"`
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return Request{}, errors.New("the body is empty; " + like)
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Request{}, fmt.Errorf("the body is %s; %s", quote(body), like)
	}
	switch {
	case in.UserID == nil:
		return Request{}, errors.New("user_id is missing; " + like)
	case in.TotalCents == nil:
		return Request{}, errors.New("total_cents is missing; " + like)
	}
	r := Request{Kind: Place, UserID: *in.UserID, TotalCents: *in.TotalCents}
	return r, r.Validate()
}

// Validate checks a request of kind Find or Place.
func (r Request) Validate() error {
	switch {
	case r.UserID < 1:
		return fmt.Errorf("user_id is %d; %s", r.UserID, allowed(math.MaxInt64))
	case r.TotalCents < 0 || r.TotalCents > MaxTotalCents:
		return fmt.Errorf("total_cents is %d; allowed is 0 to %d", r.TotalCents, int64(MaxTotalCents))
	}
	return nil
}
