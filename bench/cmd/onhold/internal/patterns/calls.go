package patterns

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets/orders"
)

// httpStyles are the styles of the story, which speak HTTP and work before they
// answer.
var httpStyles = []string{"blocking", "goroutine", "eventloop"}

// callers are how many friends are called.
const callers = 3

// phoneCalls makes three calls that take 2 s each, one after another and at once:
// from the caller's side as three requests, and from the server's, of each style, as
// one request that asks three friends.
func phoneCalls(ctx context.Context, l *lab) (pattern.Pattern, error) {
	call := l.scaled(2 * time.Second)
	var addrs []string
	for _, style := range httpStyles {
		p, err := l.serve(ctx, style, withLatency(call))
		if err != nil {
			return pattern.Pattern{}, err
		}
		addrs = append(addrs, p.Addr)
	}
	group, ctx := errgroup.WithContext(ctx) // all only wait, so they do not disturb each other
	// one makes a request, and stores when it began and ended, from an instant on.
	one := func(s *pattern.Span, style int, path, lane string, from time.Duration) error {
		*s = pattern.Span{Lane: lane, Style: httpStyles[style], Wait: true, From: clock.Now() - from}
		err := request(ctx, addrs[style], path, (callers+2)*call+5*time.Second)
		s.To = clock.Now() - from
		s.Label = units.Duration(s.To - s.From)
		return err
	}
	const caller = 1 // the style of the caller's own requests: any would do
	own := make([]pattern.Span, 2*callers)
	inTurn, atOnce := own[:callers], own[callers:]
	group.Go(func() error {
		began := clock.Now()
		for i := range inTurn {
			if err := one(&inTurn[i], caller, orders.PathOneUser, fmt.Sprintf("call %d", i+1), began); err != nil {
				return err
			}
		}
		began = clock.Now()
		var texts errgroup.Group
		for i := range atOnce {
			texts.Go(func() error { return one(&atOnce[i], caller, orders.PathOneUser, fmt.Sprintf("text %d", i+1), began) })
		}
		return texts.Wait()
	})
	modes := []struct{ name, lane string }{{orders.Sequential, ", in turn"}, {orders.Concurrent, ", at once"}}
	fanOut := make([]pattern.Span, len(modes)*len(httpStyles))
	for i, style := range httpStyles {
		group.Go(func() error {
			for j, mode := range modes {
				path := fmt.Sprintf("%s?friends=%d&mode=%s", orders.PathInvitations, callers, mode.name)
				if err := one(&fanOut[i*len(modes)+j], i, path, style+mode.lane, clock.Now()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return pattern.Pattern{}, err
	}
	last := slices.MaxFunc(atOnce, func(a, b pattern.Span) int { return cmp.Compare(a.To, b.To) })
	return pattern.Pattern{
		Question: "Phone calls, or one group text?",
		Finding: fmt.Sprintf("Three calls of %s block the caller for %s one after another, and for %s at once",
			units.Duration(call), units.Duration(inTurn[callers-1].To), units.Duration(last.To)),
		Text: "A phone call blocks the caller until it is over, so three calls take the sum of their times. After a text is sent the next one can follow, so three texts take as long as the slowest. " +
			"The same holds inside a server that asks three others for one request, in every style: what counts is whether it waits for each answer before it asks the next.",
		Caption: fmt.Sprintf("Backend latency %s; each bar is one request, from its send to its reply, by the caller's clock. Left: three requests of one caller to style %s. Right: one request that asks three friends.", units.Duration(call), httpStyles[caller]),
		Panels: []pattern.Panel{
			{Title: "The caller: three calls in turn, three texts at once", Spans: own},
			{Title: "The server: one request that asks three friends", Spans: fanOut},
		},
	}, nil
}

// request makes one request over a connection of its own.
func request(ctx context.Context, addr, path string, timeout time.Duration) error {
	dial, err := bench.HTTP{URL: "http://" + addr + path}.Dial()
	if err != nil {
		return err
	}
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // an interrupt does not wait for it
	defer stop()
	if r := conn.Do(timeout); r.Outcome != result.OK {
		return fmt.Errorf("GET %s ended as %s: %s", path, r.Outcome, r.Why)
	}
	return nil
}
