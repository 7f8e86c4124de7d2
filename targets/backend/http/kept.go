package http

import (
	"errors"
	"net"
)

// errStale means that the upstream had closed a connection before a request was
// sent on it.
var errStale = errors.New("the upstream had closed the connection that was kept")

// kept is a connection that is checked before it is used again. fasthttp
// writes a request in one piece: ours are shorter than its buffer.
type kept struct {
	net.Conn
	used bool
}

func (k *kept) Write(b []byte) (int, error) {
	if k.used && closed(k.Conn) {
		return 0, errStale
	}
	k.used = true
	return k.Conn.Write(b)
}
