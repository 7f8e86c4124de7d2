package result

import (
	"errors"
	"fmt"
	"time"
)

// Queue is what became of the requests that a target accepted, to do the work
// of them later: the second clock of a stage. Latency is then the time until a
// request was accepted, and Processed the time until its work was done.
type Queue struct {
	Accepted   int64 // requests that the target answered so: the ok ones
	Backlog    int64 // of them, not done at the drain limit, and still to be
	Lost       int64 // of them, not done, and nobody has them any more
	Unknown    int64 // of them, not known to be done, and nobody could say what became of them
	Duplicates int64 // told once more to be done, or to be handed out, before the stage had drained; later ones are not
	Twice      int64 // of the duplicates, those of which the work was done again

	Processed *Hist // work done − planned instant, of the accepted ones of which it was done
}

// NewQueue returns a queue without requests.
func NewQueue() *Queue { return &Queue{Processed: NewHist()} }

// Done is how many of the accepted requests were done.
func (q *Queue) Done() int64 { return q.Processed.N() }

// Quantile is that of the time until the work was done, of all accepted
// requests: one of which it was not done counts as infinitely slow, as in
// [Stage.Adjusted]. It is false where the quantile is infinite: more than 1−q
// of them are undone. Processed alone would tell less the less was done.
func (q *Queue) Quantile(at float64) (time.Duration, bool) {
	k := rank(at, q.Accepted)
	if k < 1 || k > q.Done() {
		return 0, false
	}
	return q.Processed.atRank(k), true
}

// Thin reports whether fewer than ten accepted requests lie beyond the
// quantile: see [Hist.Thin].
func (q *Queue) Thin(at float64) bool { return beyond(at, q.Accepted) < 10 }

// Resolved reports whether at least one accepted request is expected beyond the
// quantile: see [Hist.Resolved].
func (q *Queue) Resolved(at float64) bool { return beyond(at, q.Accepted) >= 1 }

// Clone is a copy.
func (q *Queue) Clone() *Queue {
	c := NewQueue()
	c.merge(q)
	return c
}

func (q *Queue) merge(o *Queue) {
	q.Accepted += o.Accepted
	q.Backlog += o.Backlog
	q.Lost += o.Lost
	q.Unknown += o.Unknown
	q.Duplicates += o.Duplicates
	q.Twice += o.Twice
	q.Processed.Merge(o.Processed)
}

type queueJSON struct {
	Accepted   int64 `json:"accepted"`
	Processed  int64 `json:"processed"`
	Backlog    int64 `json:"backlog"`
	Lost       int64 `json:"lost"`
	Unknown    int64 `json:"unknown"`
	Duplicates int64 `json:"duplicates"`
	Twice      int64 `json:"processed_twice"`
}

func (q *Queue) json() *queueJSON {
	return &queueJSON{q.Accepted, q.Done(), q.Backlog, q.Lost, q.Unknown, q.Duplicates, q.Twice}
}

// queue checks that every accepted request has exactly one end. The histogram
// is still to be read.
func (j *queueJSON) queue() (*Queue, error) {
	for _, n := range []int64{j.Accepted, j.Processed, j.Backlog, j.Lost, j.Unknown, j.Duplicates, j.Twice} {
		if n < 0 {
			return nil, errors.New("queue: a count is negative")
		}
	}
	if sum := j.Processed + j.Backlog + j.Lost + j.Unknown; sum != j.Accepted {
		return nil, fmt.Errorf("queue: accepted is %d, but processed, backlog, lost and unknown add up to %d", j.Accepted, sum)
	}
	q := NewQueue()
	q.Accepted, q.Backlog, q.Lost, q.Unknown, q.Duplicates, q.Twice = j.Accepted, j.Backlog, j.Lost, j.Unknown, j.Duplicates, j.Twice
	return q, nil
}
