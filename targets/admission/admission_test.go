package admission

import (
	"sync"
	"testing"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// none is a backend that nobody asks.
type none struct{ backend.Backend }

func (none) Stats() (s orders.BackendStats) { return s }

// However many come at once, no more than the limit are inside, and none is
// rejected while there is room.
func TestLimitIsExact(t *testing.T) {
	const limit, visitors, rounds = 8, 24, 200
	g := New("", Config{MaxInflight: limit, Backend: none{}})
	for round := range rounds {
		var wg sync.WaitGroup
		for range visitors {
			wg.Go(func() { g.Enter() })
		}
		wg.Wait()
		st := g.Stats()
		if st.InFlight != limit || st.Accepted != int64(limit*(round+1)) || st.Rejected != int64((visitors-limit)*(round+1)) {
			t.Fatalf("round %d: %+v", round, st)
		}
		for range limit {
			wg.Go(g.Leave)
		}
		wg.Wait()
	}
	// Never more than limit at once, so none may be rejected.
	before := g.Stats().Rejected
	var wg sync.WaitGroup
	for range limit {
		wg.Go(func() {
			for range 10_000 {
				if !g.Enter() {
					return
				}
				g.Leave()
			}
		})
	}
	wg.Wait()
	if st := g.Stats(); st.Rejected != before || st.InFlight != 0 {
		t.Errorf("rejected although there was room: %+v", st)
	}
}
