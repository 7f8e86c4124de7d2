package patterns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
)

const users = 1001

// user1001 lets 1,001 users call at the same instant.
func user1001(ctx context.Context, l *lab) (pattern.Pattern, error) {
	// A long wait, so that all users arrive before the first is served, also on a
	// slow machine. The first wave is the warm-up.
	const wait = time.Second
	plan := bench.Plan{Load: bench.Load{Burst: users, BurstInterval: 2 * wait}, Warmup: 2 * wait, Duration: 2 * wait, Extend: bench.DefaultExtend}
	poolStage, err := l.measure(ctx, drive{style: "blocking", latency: wait, options: targets.Options{Workers: 1000, Queue: targets.NoQueue}, plan: plan})
	if err != nil {
		return pattern.Pattern{}, err
	}
	loopStage, err := l.measure(ctx, drive{style: "eventloop", latency: wait, plan: plan})
	if err != nil {
		return pattern.Pattern{}, err
	}
	pool, loop := wave(poolStage), wave(loopStage)
	fate := func(s result.Slice) string {
		parts := []string{units.Int(s.Counts[result.OK]) + " served"}
		for _, o := range result.Outcomes {
			if n := s.Counts[o]; n > 0 && o != result.OK {
				parts = append(parts, units.Int(n)+" "+o.String())
			}
		}
		return strings.Join(parts, ", ")
	}
	threads := func(s *result.Stage, one result.Slice) string {
		text := "median wait " + units.Duration(one.Latency.Quantile(0.5))
		if n := s.Target.ThreadsMax; n > 0 {
			text = units.Int(n) + " threads, " + text
		}
		return text
	}
	return pattern.Pattern{
		Question: "What happens to user 1001?",
		Finding: fmt.Sprintf("Of 1,001 users at once, 1,000 workers reject %s; the event loop serves %s",
			units.Int(pool.Counts[result.Rejected]), units.Int(loop.Counts[result.OK])),
		Text: "Each worker holds one user for the complete wait, although it only waits. A user who arrives when all workers are taken is rejected at once, while the threads sleep. " +
			"The event loop keeps a list entry per user and holds no thread, so one more user is one more entry.",
		Caption: fmt.Sprintf("One wave of 1,001 requests, sent at the same instant over open connections; backend latency %s; blocking with 1,000 workers and no queue.", units.Duration(wait)),
		Panels: []pattern.Panel{
			{Title: "blocking, 1,000 workers: " + fate(pool), Dots: dots(pool), Note: threads(poolStage, pool)},
			{Title: "eventloop: " + fate(loop), Dots: dots(loop), Note: threads(loopStage, loop)},
		},
	}, nil
}

// wave is the first wave that the machine did not disturb, or the first: a stage runs on
// for another where it did.
func wave(s *result.Stage) result.Slice {
	i := slices.IndexFunc(s.Slices, func(w result.Slice) bool { return w.Disturbed == 0 })
	return s.Slices[max(0, i)]
}

// dots are the callers of a wave, the served ones first. Which of them had which
// latency is not kept; each has one that was measured.
func dots(s result.Slice) (out []pattern.Dot) {
	for _, o := range result.Outcomes {
		for i := range s.Counts[o] {
			d := pattern.Dot{Outcome: o}
			if o == result.OK {
				d.Latency = s.Latency.Quantile((float64(i) + 0.5) / float64(s.Counts[o]))
			}
			out = append(out, d)
		}
	}
	return out
}
