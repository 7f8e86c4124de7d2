package conformance

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/trace"
)

// A small trace is replayed in no time, whatever it says of the pool, and however
// its requests lie.
func TestSmallTracesAreSoonReplayed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, pool := range []trace.Header{
		{Style: "blocking", Workers: 1}, {Style: "blocking", Workers: 200, Queue: 100},
		{Style: "blocking", Workers: 1_000_000}, {Style: "blocking", Workers: 1, Queue: 1_000_000}, {Style: "blocking", Workers: 2000, Queue: 5000},
		{Style: "blocking", Workers: math.MaxInt32, Queue: math.MaxInt32},
	} {
		tr := &trace.Trace{Header: pool}
		at := time.Duration(0)
		for i := range 3000 {
			at += time.Duration(1 + r.IntN(1000))
			rec := trace.Record{At: at, Accepted: i%3 != 0}
			if rec.Accepted {
				rec.Started = at + time.Duration(r.IntN(1_000_000))
				rec.Done = rec.Started + time.Duration(1+r.IntN(1_000_000_000))
				rec.Worker = int32(r.IntN(min(pool.Workers, 5000)))
			}
			tr.Records = append(tr.Records, rec)
		}
		var b bytes.Buffer
		if err := trace.Write(&b, tr); err != nil {
			continue // a pool that is none
		}
		read, err := trace.Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		if read.Workers > 1_000_000 {
			continue // more than the exact queue takes, which says so
		}
		f, err := CompareDecisions(read)
		if err != nil {
			t.Fatalf("%d workers: %v", pool.Workers, err)
		}
		// Whoever turned somebody away while nearly all workers were free did wrong.
		if pool.Workers == 1_000_000 && len(f.Admission) != 1000 {
			t.Errorf("%d decisions contradict what was inside, want 1000", len(f.Admission))
		}
	}
}
