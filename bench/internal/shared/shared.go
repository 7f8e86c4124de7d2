// Package shared hands out connections that take several requests at once: to each client
// its own, or those of a few places that all share.
package shared

import (
	"context"
	"slices"
	"sync"
)

// Conn is such a connection.
type Conn interface {
	Usable() bool // whether further requests can be made
	Close()
}

// Pool makes connections and hands them out.
type Pool[C Conn] struct {
	open   func(context.Context) (C, error)
	places []*place[C] // none: to each client its own

	mu sync.Mutex // guards the users, and what a place has
}

// place is for one connection at a time.
type place[C Conn] struct {
	making sync.Mutex // held while a client makes the connection
	has    *held[C]   // nil: none, or none that is usable
	users  int
}

// held is a connection in use.
type held[C Conn] struct {
	conn  C
	users int
}

// New is a pool of so many connections; of any number, to each client its own, where that
// is 0.
func New[C Conn](connections int, open func(context.Context) (C, error)) *Pool[C] {
	p := &Pool[C]{open: open}
	for range connections {
		p.places = append(p.places, new(place[C]))
	}
	return p
}

// Lease is a client's use of a connection.
type Lease[C Conn] struct {
	Conn  C
	Fresh bool // it was made for this client

	pool  *Pool[C]
	place *place[C]
	held  *held[C]
}

// Get is the use of a connection on which requests can be made. Of those that are shared
// it is that of the place with the fewest users.
func (p *Pool[C]) Get(ctx context.Context) (*Lease[C], error) {
	if len(p.places) == 0 {
		return p.make(ctx, nil)
	}
	p.mu.Lock()
	at := slices.MinFunc(p.places, func(a, b *place[C]) int { return a.users - b.users })
	at.users++
	p.mu.Unlock()

	at.making.Lock() // as long as others need, whose contexts end as ours does
	defer at.making.Unlock()
	p.mu.Lock()
	if h := at.has; h != nil && h.conn.Usable() {
		h.users++
		p.mu.Unlock()
		return &Lease[C]{Conn: h.conn, pool: p, place: at, held: h}, nil
	}
	p.mu.Unlock()
	lease, err := p.make(ctx, at)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		at.users--
		return nil, err
	}
	at.has = lease.held
	return lease, nil
}

func (p *Pool[C]) make(ctx context.Context, at *place[C]) (*Lease[C], error) {
	conn, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	return &Lease[C]{Conn: conn, Fresh: true, pool: p, place: at, held: &held[C]{conn, 1}}, nil
}

// Release ends the use, once. The last one closes the connection.
func (l *Lease[C]) Release() {
	p := l.pool
	p.mu.Lock()
	l.held.users--
	last := l.held.users == 0
	if at := l.place; at != nil {
		if at.users--; last && at.has == l.held {
			at.has = nil
		}
	}
	p.mu.Unlock()
	if last {
		l.Conn.Close()
	}
}
