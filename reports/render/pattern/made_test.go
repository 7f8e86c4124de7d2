package pattern

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// madePatterns are experiments as a machine with two cores would have them.
func madePatterns() []Pattern {
	return []Pattern{phoneCalls(), user1001(), heldOrFree(), payLater(), sameWait(), poolIsLimit(), handshake()}
}

var madeStyles = []string{"blocking", "goroutine", "eventloop"}

func ms(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }

func phoneCalls() Pattern {
	panel := func(title string, together bool) Panel {
		p := Panel{Title: title, X: Axis{Label: "since the first call"}}
		for k, s := range madeStyles {
			from := 0.0
			for i := range 3 {
				took := 2001 + float64(3*k+i)
				p.Spans = append(p.Spans, Span{Lane: s, Label: fmt.Sprintf("friend %d", i+1), Style: s, From: ms(from), To: ms(from + took), Wait: true})
				if !together {
					from += took
				}
			}
		}
		return p
	}
	return Pattern{
		Name: "phone-calls", Question: "Phone calls, or one group text?",
		Finding:  "Three friends who take 2 s each: 6.01 s one after another, 2.01 s asked at once – in every style",
		Text:     "One user asks three friends, each of whom takes 2 s to answer. Asked in turn, the waits add up; asked at once, the longest of them is all there is. That holds for each style: what differs is what waits meanwhile.",
		Command:  "onhold patterns phone-calls",
		Caption:  "1 client · 3 queries a request · backend sim 2 s constant",
		Warnings: []string{"goroutine, at once: the generator was late: p99 of its lag is 3.78ms"},
		Panels:   []Panel{panel("One after another: three phone calls", false), panel("At once: one group text", true)},
	}
}

func user1001() Pattern {
	field := func(title, note string, rejected int) Panel {
		p := Panel{Title: title, Note: note}
		for i := range 1001 {
			d := Dot{result.OK, ms(200 + float64(i*37%130)/10)}
			if i == rejected {
				d = Dot{result.Rejected, ms(0.812)}
			}
			p.Dots = append(p.Dots, d)
		}
		return p
	}
	return Pattern{
		Name: "user-1001", Question: "What does user 1,001 hear?",
		Finding: "1,001 users at once: 1,000 workers serve 1,000 and turn one away after 812 µs; the event loop serves all",
		Text:    "A pool of 1,000 workers without a queue has a place for each of 1,000 users, and the busy tone for the next.",
		Command: "onhold patterns user-1001",
		Caption: "burst of 1,001 clients · backend sim 200 ms constant",
		Panels: []Panel{
			field("blocking: 1,000 workers, no queue", "", 733),
			field("eventloop: 2 threads", "A dot is one caller, in the order in which they came.", -1),
		},
	}
}

var madeLevels = []float64{1, 10, 50, 100, 200, 500, 1000, 2000}

func curveOver(name, style string, f func(n float64) float64) Line {
	l := Line{Name: name, Style: style}
	for _, n := range madeLevels {
		l.Add(n, f(n))
	}
	return l
}

func heldOrFree() Pattern {
	clients := Axis{Label: "clients", Unit: units.Count, Log: true}
	panel := func(title, y string, u units.Unit, of map[string]func(float64) float64) Panel {
		p := Panel{Title: title, X: clients, Y: Axis{Label: y, Unit: u, Log: true}}
		for _, s := range madeStyles {
			p.Lines = append(p.Lines, curveOver(s, s, of[s]))
		}
		return p
	}
	served := func(n float64) float64 { return n * 0.998 }
	capped := func(n float64) float64 { return min(n, 200) }
	p := Pattern{
		Name: "held-or-free", Question: "Is the line held, or free, while a request waits?",
		Finding: "During one wait of 200 ms, 200 workers serve 200 requests and no more; goroutines serve 1,996 on 10 threads, the event loop on 10",
		Text:    "A blocked worker is busy with nothing.",
		Command: "onhold patterns held-or-free",
		Caption: "closed load · backend sim 200 ms constant · blocking: 200 workers, queue 100",
		Panels: []Panel{
			panel("Served meanwhile: during one wait", "requests", units.Count, map[string]func(float64) float64{
				"blocking": capped, "goroutine": served, "eventloop": func(n float64) float64 { return n * 0.996 }}),
			panel("Threads", "threads", units.Count, map[string]func(float64) float64{
				"blocking":  func(n float64) float64 { return 208 + min(n, 200)/40 },
				"goroutine": func(n float64) float64 { return 7 + math.Log10(n) },
				"eventloop": func(float64) float64 { return 9 }}),
			panel("Memory: resident, the most", "bytes", units.Bytes, map[string]func(float64) float64{
				"blocking":  func(n float64) float64 { return 18.5*(1<<20) + n*18e3 },
				"goroutine": func(n float64) float64 { return 14.3*(1<<20) + n*19e3 },
				"eventloop": func(n float64) float64 { return 14.4*(1<<20) + n*3e3 }}),
			panel("CPU: of one request", "time", units.Time, map[string]func(float64) float64{
				"blocking":  func(n float64) float64 { return 2e6 / math.Pow(n, 0.45) },
				"goroutine": func(n float64) float64 { return 5e5 / math.Pow(n, 0.32) },
				"eventloop": func(n float64) float64 { return 22e5 / math.Pow(n, 0.53) }}),
		},
	}
	p.Panels[0].Lines[0].Hollow = []bool{false, false, false, false, false, false, true, true}
	return p
}

func payLater() Pattern {
	var t, backlog, accepted, processed, inline, turned []units.Value
	b := units.Value(0)
	for i := range 241 {
		s := units.Value(i) / 4
		if s < 20 {
			b += (200 - 50) / 4.0
		} else {
			b = max(0, b-50/4.0)
		}
		t = append(t, s*1e9)
		backlog = append(backlog, b)
		accepted = append(accepted, 1.2e6+units.Value(i*13%7)*3e4)
		processed = append(processed, 200e6+b/50*1e9)
		if s < 20 {
			inline, turned = append(inline, min(2e9, 200e6+s*0.5e9)), append(turned, min(s/4, 1)*0.75)
		} else {
			inline, turned = append(inline, units.Value(math.NaN())), append(turned, 0)
		}
	}
	seconds := Axis{Label: "since the first order", Unit: units.Time}
	return Pattern{
		Name: "pay-later", Question: "Pay at the till, or order now and pay later?",
		Finding: "Orders are accepted within 1.4 ms while 3,000 of them pile up, and the last is paid 60 s later; inline, 75 % are rejected",
		Text:    "The queue says yes at once and works later.",
		Command: "onhold patterns pay-later",
		Caption: "200 orders/s for 20 s · backend sim 200 ms constant · 10 workers",
		Panels: []Panel{
			{Title: "How long it takes", X: seconds, Y: Axis{Label: "time since the order", Unit: units.Time, Log: true}, Lines: []Line{
				{Name: "paid", Style: "queue", X: t[:80], Y: processed[:80]},
				{Name: "inline", Style: "blocking", X: t, Y: inline},
				{Name: "accepted", Style: "queue", X: t[:80], Y: accepted[:80]}}},
			{Title: "Backlog: accepted, not yet paid", X: seconds, Y: Axis{Label: "orders", Unit: units.Count}, Lines: []Line{
				{Name: "queue", Style: "queue", X: t, Y: backlog, Fill: true, Step: true}}},
			{Title: "Rejected", X: seconds, Y: Axis{Label: "share of orders", Unit: units.Share}, Lines: []Line{
				{Name: "inline", Style: "blocking", X: t, Y: turned, Fill: true},
				{Name: "queue", Style: "queue", X: t, Y: make([]units.Value, len(t))}}},
		},
	}
}

func sameWait() Pattern {
	curve := func(name string, more float64) Line {
		return curveOver(name, "", func(n float64) float64 { return 200.2e6 + more + n*1.1e3 })
	}
	bars := []Bar{
		{Label: "nothing", Value: 31e3, Unit: units.Time},
		{Label: "query", Value: 150e3, Unit: units.Time},
		{Label: "RPC", Value: 420e3, Unit: units.Time},
		{Label: "REST", Value: 610e3, Unit: units.Time},
	}
	return Pattern{
		Name: "same-wait", Question: "REST, query or RPC: does it matter what one waits for?",
		Finding: "Behind each of them is the same wait, and the curves lie on each other: what differs is 150 µs, 420 µs and 610 µs of overhead",
		Text:    "What waits does not ask for what.",
		Command: "onhold patterns same-wait",
		Caption: "closed load · style goroutine · backends with a wait of 200 ms",
		Panels: []Panel{
			{Title: "Latency: p50 of ok", X: Axis{Label: "clients", Unit: units.Count, Log: true}, Y: Axis{Label: "time", Unit: units.Time, Log: true},
				Lines: []Line{curve("REST", 610e3), curve("query", 150e3), curve("RPC", 420e3)}},
			{Title: "Overhead: what a call takes beyond the wait, p50", Bars: bars},
		},
	}
}

func poolIsLimit() Pattern {
	clients := Axis{Label: "clients", Unit: units.Count, Log: true}
	bound := func(conns float64) func(float64) float64 {
		return func(n float64) float64 { return min(n, conns) / 0.2 }
	}
	curve := func(conns float64) Line {
		return curveOver(fmt.Sprintf("%v connections", conns), "", func(n float64) float64 { return bound(conns)(n) * 0.985 })
	}
	theory := curveOver("theory: min(clients, connections) ÷ wait", "", bound(100))
	theory.Dashed = true
	wait := curveOver("theory", "", func(n float64) float64 { return max(1, n/100) * 200e6 })
	wait.Dashed = true
	return Pattern{
		Name: "pool", Question: "What is the limit: threads, or the pool?",
		Finding: "Whatever the style, 100 connections to a database of 200 ms serve 493 a second, 1 % below what theory allows",
		Text:    "The pool is the limit.",
		Command: "onhold patterns pool",
		Caption: "closed load · style goroutine · backend sim 200 ms constant",
		Panels: []Panel{
			{Title: "Served", X: clients, Y: Axis{Label: "ok per second", Unit: units.Rate, Log: true},
				Lines: []Line{curve(10), curve(100), curve(500), theory}},
			{Title: "Latency: p99", X: clients, Y: Axis{Label: "time", Unit: units.Time, Log: true},
				Lines: []Line{
					curveOver("100 connections", "", func(n float64) float64 { return max(1, n/100)*200e6 + 8e6 }), wait}},
		},
	}
}

func handshake() Pattern {
	var bars []Bar
	for i, s := range madeStyles {
		for k, label := range []string{"kept", "new per request"} {
			v := 38e3 + units.Value(k*105e3+i*4e3)
			bars = append(bars, Bar{Label: label, Group: s, Style: s, Value: v, Unit: units.Time, Low: 0.9 * v, High: 1.4 * v})
		}
	}
	cpu := slices.Clone(bars)
	for i := range cpu {
		cpu[i].Value, cpu[i].Low, cpu[i].High = 0.6*cpu[i].Value, 0.6*cpu[i].Low, 0.6*cpu[i].High
	}
	return Pattern{
		Name: "handshake", Question: "What does saying hello cost?",
		Finding: "A new connection for each request costs 105 µs, 3.8 times a request on a kept one",
		Text:    "Without a wait, what is left is the talking itself.",
		Command: "onhold patterns handshake",
		Caption: "closed load of 1 client · no backend wait · loopback, no TLS",
		Panels: []Panel{
			{Title: "Latency: p50", Bars: bars},
			{Title: "CPU: of a request", Bars: cpu, Note: "On loopback, a round trip takes next to nothing: over a network, each handshake adds one."},
		},
	}
}
