package grpc

import (
	"context"
	"slices"
	"sync"
)

// pool hands out channels: to each caller its own, or those of a few slots.
type pool struct {
	open  func(context.Context) (*channel, error)
	slots []*slot // none: to each its own

	mu sync.Mutex // guards the users of channels and slots, and which channel a slot has
}

// slot is a place for one channel that callers share.
type slot struct {
	making  sync.Mutex // held while a caller makes the channel
	channel *channel   // nil: none, or none that is alive
	users   int
}

// get is a channel on which calls can be made, and whether it was made for this
// caller. Of those that are shared it is that of the slot with the fewest users.
func (p *pool) get(ctx context.Context) (c *channel, fresh bool, err error) {
	if len(p.slots) == 0 {
		c, err = p.open(ctx)
		return c, true, err
	}
	p.mu.Lock()
	s := slices.MinFunc(p.slots, func(a, b *slot) int { return a.users - b.users })
	s.users++
	p.mu.Unlock()

	s.making.Lock() // as long as others need, whose contexts end as ours does
	defer s.making.Unlock()
	p.mu.Lock()
	if c = s.channel; c != nil && c.alive() {
		c.users++
		p.mu.Unlock()
		return c, false, nil
	}
	p.mu.Unlock()
	c, err = p.open(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		s.users--
		return nil, false, err
	}
	c.slot, c.users, s.channel = s, 1, c
	return c, true, nil
}

// put ends a caller's use of a channel. The last one closes it.
func (p *pool) put(c *channel) {
	if s := c.slot; s != nil {
		p.mu.Lock()
		s.users--
		c.users--
		if c.users > 0 {
			p.mu.Unlock()
			return
		}
		if s.channel == c {
			s.channel = nil
		}
		p.mu.Unlock()
	}
	c.cc.Close()
}
