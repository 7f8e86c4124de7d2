package targets_test

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
)

// What a request had its worker for is the backend's wait and what the target
// does around it, and no wait for the worker: those of one worker, in sum, are
// no longer than the time that it was there.
func TestHeldIsServiceWithoutTheQueue(t *testing.T) {
	const n = 5
	eachStyle(t, func(t *testing.T, style targets.Style) {
		began := time.Now()
		s := start(t, style, targets.Options{Workers: 1, Queue: n})
		var clients [n]*client
		for i := range clients {
			clients[i] = dial(t, s)
			clients[i].send(t, askFor(i+1))
		}
		for i, c := range clients {
			wantOrders(t, c.read(t, "GET"), i+1)
		}
		took := time.Since(began)
		if s.Stats().Workers == 0 { // all of them at once
			took *= n
		}
		st, err := orders.FetchStats(t.Context(), s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		mean := time.Duration(st.ServiceTime.Mean)
		if st.ServiceTime.N != n || mean < latency || n*mean > took {
			t.Errorf("%d requests had a worker for %v on average, in a time of %v; want %d, and at least %v", st.ServiceTime.N, mean, took, n, latency)
		}
	})
}
