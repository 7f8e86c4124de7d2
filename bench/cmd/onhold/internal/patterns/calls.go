package patterns

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
)

// callers are how many friends are called.
const callers = 3

// phoneCalls makes three calls that take 2 s each, one after another and at
// once: from the caller's side as three requests, and from the server's as one
// request that asks three friends.
func phoneCalls(ctx context.Context, l *lab) (pattern.Pattern, error) {
	call := l.scaled(2 * time.Second)
	var all sync.WaitGroup
	out := make([]calls, len(targets.Styles))
	errs := make([]error, len(targets.Styles))
	var servers []*targets.Process
	styles := httpStyles()
	for _, style := range styles {
		p, err := l.serve(ctx, style, withLatency(call))
		if err != nil {
			return pattern.Pattern{}, err
		}
		servers = append(servers, p)
	}
	for i, style := range styles { // they only wait, so they do not disturb each other
		all.Go(func() { out[i], errs[i] = callAll(ctx, style, servers[i].Addr, call) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return pattern.Pattern{}, err
		}
	}
	return callsPattern(call, out[:len(styles)]), nil
}

// httpStyles are the styles of the story, which speak HTTP and work before they
// answer.
func httpStyles() []string { return []string{"blocking", "goroutine", "eventloop"} }

// calls are when the calls to one style began and ended.
type calls struct {
	style          string
	inTurn, atOnce [callers]pattern.Span // of the caller's own requests
	fanOut         [2]pattern.Span       // of one request that asks all friends: in turn, at once
}

func callAll(ctx context.Context, style, addr string, call time.Duration) (c calls, err error) {
	c.style = style
	one := func(path string, lane string, from time.Duration) (pattern.Span, error) {
		s := pattern.Span{Lane: lane, Style: style, Wait: true, From: clock.Now() - from}
		err := request(ctx, addr, path, (callers+2)*call+5*time.Second)
		s.To = clock.Now() - from
		return s, err
	}
	var both sync.WaitGroup
	var callErr, fanOutErr error
	both.Go(func() { // the caller's own requests
		began := clock.Now()
		for i := range c.inTurn {
			if c.inTurn[i], callErr = one(oneUser, fmt.Sprintf("call %d", i+1), began); callErr != nil {
				return
			}
		}
		began = clock.Now()
		var all sync.WaitGroup
		var errs [callers]error
		for i := range c.atOnce {
			all.Go(func() { c.atOnce[i], errs[i] = one(oneUser, fmt.Sprintf("text %d", i+1), began) })
		}
		all.Wait()
		callErr = errors.Join(errs[:]...)
	})
	both.Go(func() { // the server's
		for i, mode := range []string{orders.Sequential, orders.Concurrent} {
			path := fmt.Sprintf("%s?friends=%d&mode=%s", orders.PathInvitations, callers, mode)
			lane := style + map[string]string{orders.Sequential: ", in turn", orders.Concurrent: ", at once"}[mode]
			if c.fanOut[i], fanOutErr = one(path, lane, clock.Now()); fanOutErr != nil {
				return
			}
		}
	})
	both.Wait()
	return c, errors.Join(callErr, fanOutErr)
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

func callsPattern(call time.Duration, all []calls) pattern.Pattern {
	mine := all[1] // any would do: the caller waits alike
	var spans, fanOut []pattern.Span
	inTurn, atOnce := mine.inTurn[callers-1].To, time.Duration(0)
	spans = append(spans, mine.inTurn[:]...)
	for _, s := range mine.atOnce {
		atOnce = max(atOnce, s.To)
		spans = append(spans, s)
	}
	for i := range spans {
		spans[i].Label = units.Duration(spans[i].To - spans[i].From)
	}
	for _, c := range all {
		for _, s := range c.fanOut {
			s.Label = units.Duration(s.To - s.From)
			fanOut = append(fanOut, s)
		}
	}
	return pattern.Pattern{
		Question: "Phone calls, or one group text?",
		Finding: fmt.Sprintf("Three calls of %s block the caller for %s one after another, and for %s at once",
			units.Duration(call), units.Duration(inTurn), units.Duration(atOnce)),
		Text: "A phone call blocks the caller until it is over, so three calls take the sum of their times. After a text is sent the next one can follow, so three texts take as long as the slowest. " +
			"The same holds inside a server that asks three others for one request, in every style: what counts is whether it waits for each answer before it asks the next.",
		Caption: fmt.Sprintf("Backend latency %s; each bar is one request, from its send to its reply, by the caller's clock. Left: three requests of one caller to style %s. Right: one request that asks three friends.", units.Duration(call), mine.style),
		Panels: []pattern.Panel{
			{Title: "The caller: three calls in turn, three texts at once", Spans: spans},
			{Title: "The server: one request that asks three friends", Spans: fanOut},
		},
	}
}
