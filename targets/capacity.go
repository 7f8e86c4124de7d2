package targets

import (
	"time"

	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/eventloop"
	"github.com/a628bb15/onhold/targets/goroutine"
	"github.com/a628bb15/onhold/targets/grpc"
)

// atOnce is how many requests a target of the style can wait for its backend
// with at once, where that has so many connections; 0 means any number.
func (o Options) atOnce(style string, conns int) int {
	n := conns
	limit := func(by int) {
		if by > 0 && (n == 0 || by < n) {
			n = by
		}
	}
	switch style {
	case blocking.Name:
		limit(o.Workers)
	case goroutine.Name, eventloop.Name:
		limit(o.MaxInflight)
	case grpc.Name:
		if o.RPCLimit == LimitPool {
			limit(o.Workers)
		}
	}
	return n
}

// OnceEach is the time in which a target of the style can serve each of
// clients once: one backend wait, or as many as it takes where workers,
// connections or a limit allow only some at a time.
//
// Clients of a closed load that begin over that time keep a pool's waits
// spread evenly. Were they to begin faster, all workers would be taken in the
// first moments and, as every wait takes the same time, would come free in the
// same moments for ever after.
func (o Options) OnceEach(style string, clients int) time.Duration {
	o = o.withDefaults()
	b, err := FindBackend(o.Backend)
	if err != nil {
		return 0 // no such target will start
	}
	wait, conns := b.wait(o)
	if n := o.atOnce(style, conns); n > 0 && n < clients {
		return time.Duration(float64(wait) * float64(clients) / float64(n))
	}
	return wait
}
