package queue

import (
	"bytes"
	"strconv"
)

// Numbers in a body stand at the right end of as many characters as the
// largest has, so that Fill need not move anything. JSON allows the spaces.
const (
	userWidth  = 7
	users      = 1_000_000
	centsWidth = 6
	beforeUser = `{"user_id":`
	between    = `,"total_cents":`
)

// Body is the body of a POST that places an order, for a generator to fill.
func Body() []byte {
	blank := func(n int) string { return string(bytes.Repeat([]byte{' '}, n-1)) + "1" }
	return []byte(beforeUser + blank(userWidth) + between + blank(centsWidth) + "}")
}

// Fill makes a body from Body that of the n-th order, unlike its neighbours.
func Fill(body []byte, n uint64) {
	user := body[len(beforeUser):][:userWidth]
	number(user, 1+n%users)
	number(body[len(beforeUser)+userWidth+len(between):][:centsWidth], 100+n*7%99_900)
}

// number writes n at the right end of the field.
func number(field []byte, n uint64) {
	for i := len(field) - 1; i >= 0; i-- {
		field[i] = ' '
		if n > 0 {
			field[i] = '0' + byte(n%10)
		}
		n /= 10
	}
}

// Accepted reads the order's id from a reply.
func Accepted(reply []byte) (id uint64, ok bool) {
	rest, ok := bytes.CutPrefix(reply, []byte(`{"id":`))
	digits, _, more := bytes.Cut(rest, []byte(","))
	if !ok || !more {
		return 0, false
	}
	id, err := strconv.ParseUint(string(digits), 10, 64)
	return id, err == nil && id > 0
}
