package result

import "time"

// CompletionEvent is what is reported of a request that was accepted earlier.
type CompletionEvent uint8

// The events.
const (
	Completed      CompletionEvent = iota // its work is complete
	Redelivered                           // it was delivered again after its work had begun; no work was repeated
	CompletedAgain                        // its work was done a second time
)

// Completion is what became of the requests that a target accepted, to work on them
// after the reply. The stage's latency is then the time until a request was accepted,
// and the completion latency the time until its work was complete.
type Completion struct {
	Accepted       int64 `json:"accepted"`        // requests that were answered as accepted: the ok ones
	Backlog        int64 `json:"backlog"`         // of them, not complete at the drain timeout, and still queued
	Lost           int64 `json:"lost"`            // of them, not complete, and no longer queued anywhere
	Unknown        int64 `json:"unknown"`         // of them, not known to be complete, because nobody could be asked
	Duplicates     int64 `json:"duplicates"`      // deliveries and completions that were reported again before the stage had drained
	CompletedAgain int64 `json:"completed_again"` // of the duplicates, those whose work was repeated

	Latency *Hist `json:"latency_ns"` // work complete − planned instant, of the accepted requests that were completed
}

// NewCompletion returns a Completion without requests.
func NewCompletion() *Completion { return &Completion{Latency: NewHist()} }

// Completed is how many of the accepted requests were completed.
func (c *Completion) Completed() int64 { return c.Latency.N() }

// Quantile is the quantile of the completion latency of all accepted requests, where
// one that was not completed counts as infinitely slow, as in [Stage.Adjusted]. It is
// false where the quantile is infinite: more than 1−q of them are not complete. The
// histogram alone would look better the less was completed.
func (c *Completion) Quantile(at float64) (time.Duration, bool) {
	k := rank(at, c.Accepted)
	if k < 1 || k > c.Completed() {
		return 0, false
	}
	return c.Latency.atRank(k), true
}

// Thin reports whether fewer than ten accepted requests lie beyond the
// quantile: see [Hist.Thin].
func (c *Completion) Thin(at float64) bool { return beyond(at, c.Accepted) < 10 }

// Resolved reports whether at least one accepted request is expected beyond the
// quantile: see [Hist.Resolved].
func (c *Completion) Resolved(at float64) bool { return beyond(at, c.Accepted) >= 1 }

// Clone is a copy.
func (c *Completion) Clone() *Completion {
	clone := NewCompletion()
	clone.Merge(c)
	return clone
}

// Merge adds what o counted.
func (c *Completion) Merge(o *Completion) {
	c.Accepted += o.Accepted
	c.Backlog += o.Backlog
	c.Lost += o.Lost
	c.Unknown += o.Unknown
	c.Duplicates += o.Duplicates
	c.CompletedAgain += o.CompletedAgain
	c.Latency.Merge(o.Latency)
}
