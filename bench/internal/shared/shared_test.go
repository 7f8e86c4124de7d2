package shared

import (
	"context"
	"errors"
	"testing"
)

type conn struct{ broken, closed bool }

func (c *conn) Usable() bool { return !c.broken }
func (c *conn) Close()       { c.closed = true }

// Clients spread over the places. A connection is closed with its last user, and one that
// is broken is replaced for those who come.
func TestPool(t *testing.T) {
	made := 0
	p := New(2, func(context.Context) (*conn, error) { made++; return new(conn), nil })
	get := func() *Lease[*conn] {
		l, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	a, b, c := get(), get(), get()
	if made != 2 || a.Conn == b.Conn || c.Conn != a.Conn || !a.Fresh || !b.Fresh || c.Fresh {
		t.Errorf("%d made; %+v %+v %+v", made, a, b, c)
	}
	a.Conn.broken = true
	b.Release()
	if !b.Conn.closed || a.Conn.closed {
		t.Error("the wrong connection is closed")
	}
	d, e, f := get(), get(), get() // two at the place that b had, then one at that of a and c
	if made != 4 || !d.Fresh || e.Conn != d.Conn || f.Conn == d.Conn || f.Conn == a.Conn || !f.Fresh {
		t.Errorf("%d made; %+v %+v %+v", made, d, e, f)
	}
	a.Release()
	if c.Conn.closed {
		t.Error("a connection is closed that is in use")
	}
	c.Release()
	if g := get(); !a.Conn.closed || f.Conn.closed || g.Conn != f.Conn {
		t.Error("the connection that replaced a broken one is gone with that")
	}
}

// Without places each client has its own. One that cannot be made takes no place.
func TestPoolOfOwn(t *testing.T) {
	bad := errors.New("refused")
	var err error
	open := func(context.Context) (*conn, error) { return new(conn), err }
	own, one := New(0, open), New(1, open)
	a, _ := own.Get(t.Context())
	b, _ := own.Get(t.Context())
	if a.Conn == b.Conn || !a.Fresh || !b.Fresh {
		t.Error("one connection for two")
	}
	if a.Release(); !a.Conn.closed || b.Conn.closed {
		t.Error("the wrong connection is closed")
	}
	err = bad
	if _, got := one.Get(t.Context()); got != bad || one.places[0].users != 0 {
		t.Errorf("%v, %d users", got, one.places[0].users)
	}
}
