package backend

import (
	"sync"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/orders"
)

// Waits sums up how long something was waited for. It is safe for concurrent
// use: one histogram behind one lock is cheap enough, at some ten thousand a
// second.
type Waits struct {
	mu   sync.Mutex
	hist *result.Hist
}

// NewWaits returns one without any.
func NewWaits() *Waits { return &Waits{hist: result.NewHist()} }

// Record adds a wait.
func (w *Waits) Record(d time.Duration) {
	w.mu.Lock()
	w.hist.Record(d)
	w.mu.Unlock()
}

// Sum tells of all of them.
func (w *Waits) Sum() *orders.WaitError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &orders.WaitError{
		N:    w.hist.N(),
		Mean: int64(w.hist.Mean()),
		P50:  int64(w.hist.Quantile(0.5)),
		P99:  int64(w.hist.Quantile(0.99)),
		Max:  int64(w.hist.Max()),
	}
}
