package backend

import (
	"sync"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/orders"
)

// Waits sums up durations for [orders.BackendStats]. Its zero value is empty and
// ready for use. It is safe for concurrent use.
//
// One histogram behind its own lock is cheap enough: recording takes well under
// a microsecond, at some ten thousand calls a second.
type Waits struct {
	mu   sync.Mutex
	hist *result.Hist
}

// Record counts one duration. A negative one counts as zero.
func (w *Waits) Record(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made().Record(d)
}

// Stats is what was counted so far.
func (w *Waits) Stats() *orders.Durations {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.made()
	return &orders.Durations{
		N:    h.N(),
		Mean: int64(h.Mean()),
		P50:  int64(h.Quantile(0.5)),
		P99:  int64(h.Quantile(0.99)),
		Max:  int64(h.Max()),
	}
}

func (w *Waits) made() *result.Hist {
	if w.hist == nil {
		w.hist = result.NewHist()
	}
	return w.hist
}
