package epoll

import (
	"strconv"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

var _ bench.Configured = (*Driver)(nil)

// Settings are those of the requests, the number of loops, and for how long they
// spin where they do.
func (d *Driver) Settings() result.Settings {
	s := d.sends.With("threads", strconv.Itoa(d.threads))
	if d.spin > 0 {
		s = s.With("spin", d.spin.String())
	}
	return s
}
