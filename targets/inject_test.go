package targets_test

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/inject"
)

// In every style the injected delay is in as many replies as configured.
func TestEveryStyleDelaysAShare(t *testing.T) {
	const extra, n = 10 * time.Millisecond, 20
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{Inject: inject.Config{Delay: inject.Delay{Length: extra, Percent: 50}, Seed: 1}})
		c := dial(t, s)
		late := 0
		for user := 1; user <= n; user++ {
			sent := time.Now()
			c.send(t, askFor(user))
			r := c.read(t, "GET")
			if time.Since(sent) >= latency+extra {
				late++
			}
			wantOrders(t, r, user)
		}
		if late < n/2 { // a machine that stops for a while makes it more
			t.Errorf("%d of %d requests waited longer, want %d", late, n, n/2)
		}
		if st := s.Stats(); st.InFlight != 0 || st.Backend.Calls != n {
			t.Errorf("at the end the stats are %+v", st)
		}
	})
}

// In every style each order request, and nothing else, burns its CPU time.
func TestEveryStyleBurnsCPU(t *testing.T) {
	const extra, n = 5 * time.Millisecond, 20
	for _, style := range targets.Inline(targets.HTTP) { // one after the other: the CPU time is the process's
		t.Run(style.Name, func(t *testing.T) {
			s := start(t, style, targets.Options{Inject: inject.Config{CPU: extra}})
			c := dial(t, s)
			meter := host.Self()
			metered := meter.Start() == nil // not on every operating system
			for user := 1; user <= n; user++ {
				sent := time.Now()
				c.send(t, askFor(user))
				r := c.read(t, "GET")
				if took := time.Since(sent); took < latency+extra {
					t.Errorf("answered after %v, before %v of CPU and %v of waiting", took, extra, latency)
				}
				wantOrders(t, r, user)
			}
			if !metered {
				return
			}
			used, err := meter.Stop()
			if err != nil {
				t.Fatal(err)
			}
			// The kernel counts a process's time in steps of 10 ms.
			if least := n*extra - 20*time.Millisecond; used.CPU < least {
				t.Errorf("%d requests used %v of CPU, want %v or more", n, used.CPU, least)
			}
		})
	}
}
