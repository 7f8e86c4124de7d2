package peers

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
)

// Section is a part of the comparison.
type Section struct {
	Name  string
	needs string // a program that must be installed; "": none
	build func(r *runner) []*contest
	notes func([]*Measurement) []string // remarks; nil: none
}

// contest is one case of a section: generators that do the same on the same kind of
// target, in pairs.
type contest struct {
	Name    string
	About   string // a sentence under the heading; may be empty
	task    task   // its URL, Duration, Dir and TargetPID are filled in for each run
	pairs   [][]contestant
	metrics []metric

	instants []time.Duration               // at which requests were recorded, of a replay
	notes    func([]*Measurement) []string // remarks; nil: none

	section string
	runs    []*Measurement
}

// contestant is one side of a comparison: a tool on a target.
type contestant struct {
	name   string
	tool   *Tool // nil: the blocking ping-pong
	target target
}

// target is a server. All requests are for orders.PathOneUser.
type target struct {
	style   string
	options targets.Options
	other   func(context.Context, *runner) (*server, error) // starts a server that is none of our styles; nil: style
}

// wait is the latency of the backend, and atOnce the ramp-up of clients of a server
// that replies at once.
const (
	wait   = 200 * time.Millisecond
	atOnce = 100 * time.Millisecond
)

// null is a server that replies at once, and logs that many arrivals.
func null(arrivals int) target { return bareTarget(0, arrivals) }

func bareTarget(latency time.Duration, arrivals int) target {
	return target{style: bare.Name, options: targets.Options{Bare: bare.Config{Latency: latency, Arrivals: arrivals}}}
}

// style is a target of the order service.
func style(name string, o targets.Options) target {
	o.Sim.Latency = wait
	return target{style: name, options: o}
}

// Sections lists the sections. What each is about stands in the template of the report.
var Sections = []Section{
	{Name: "efficiency", build: efficiency, notes: growth},
	{Name: "pacing", build: pacing},
	{Name: "replay", build: replays},
	{Name: "rejections", build: rejections},
	{Name: "tls", needs: "nginx", build: overTLS, notes: growthTLS},
	{Name: "http2", needs: "nginx", build: overHTTP2},
	{Name: "grpc", build: overGRPC},
	{Name: "own", build: own},
}

// SectionNames lists the names of Sections.
func SectionNames() []string {
	names := make([]string, len(Sections))
	for i, s := range Sections {
		names[i] = s.Name
	}
	return names
}

// versus pairs ours with each tool on a target, and is ours alone where there is none.
func (r *runner) versus(t target, ours *Tool, is func(Tool) bool) (pairs [][]contestant) {
	for i := range r.Tools {
		if peer := &r.Tools[i]; is(*peer) {
			pairs = append(pairs, []contestant{{ours.Name, ours, t}, {peer.Name, peer, t}})
		}
	}
	if len(pairs) == 0 {
		return [][]contestant{{{ours.Name, ours, t}}}
	}
	return pairs
}

// fewClients is the number of clients that memory is compared with.
const fewClients, manyClients = 10, 10_000

func efficiency(r *runner) []*contest {
	both := func(t target) [][]contestant {
		pairs := r.versus(t, &r.epoll, closed)
		if slices.ContainsFunc(r.Tools, isBombardier) { // a goroutine for each connection, too
			pairs = append(pairs, r.versus(t, &r.goroutine, isBombardier)...)
		}
		return pairs
	}
	slow := bareTarget(wait, 0)
	return []*contest{
		{Name: "64 clients, replies at once", task: closedTask(64, atOnce), pairs: both(null(0)), metrics: costMetrics},
		{Name: "1,000 clients, replies at once", task: closedTask(1000, atOnce), pairs: both(null(0)), metrics: costMetrics},
		{Name: clientsOf(manyClients), task: closedTask(manyClients, wait), pairs: both(slow), metrics: costMetrics},
		{Name: clientsOf(fewClients), task: closedTask(fewClients, wait), pairs: r.versus(slow, &r.epoll, func(t Tool) bool { return t.Name == wrk }), metrics: costMetrics},
	}
}

func closed(t Tool) bool       { return t.can(load.Closed) }
func constant(t Tool) bool     { return t.can(load.Constant) }
func isBombardier(t Tool) bool { return t.Name == bombardier }

func clientsOf(n int) string { return units.Int(n) + " clients, replies after 200 ms" }

// growth compares the memory of a generator with few clients and with many.
func growth(all []*Measurement) []string {
	return growthFrom(all, fewClients, clientsOf(fewClients), manyClients, clientsOf(manyClients))
}

func growthFrom(all []*Measurement, fewer int, ofFewer string, more int, ofMore string) (notes []string) {
	of := func(name, contest string) float64 {
		return median(values(all, name, func(m *Measurement) float64 {
			if m.Case != contest {
				return math.NaN()
			}
			return memory.value(m)
		}))
	}
	for _, name := range namesOf(all) {
		few, many := of(name, ofFewer), of(name, ofMore)
		if !math.IsNaN(few) && !math.IsNaN(many) {
			notes = append(notes, fmt.Sprintf("Memory of %s from %d to %s clients: %s to %s, %s per additional client.",
				name, fewer, units.Int(more), units.Bytes.Text(few), units.Bytes.Text(many), units.Bytes.Text((many-few)/float64(more-fewer))))
		}
	}
	return notes
}

// sharedConnections is the number of connections among which a tool divides a rate.
const sharedConnections = 100

func pacing(r *runner) (all []*contest) {
	for _, rate := range []int{1000, 5000} {
		t := null(rate * int(r.Duration/time.Second+10)) // with room for a tool that sends too much
		all = append(all, &contest{
			Name: units.Int(rate) + " per second", task: constantTask(rate, sharedConnections),
			pairs: r.versus(t, &r.epoll, constant), metrics: pacingMetrics,
		})
	}
	return append(all, &contest{
		Name: "1 client", task: closedTask(1, time.Millisecond), metrics: roundTripMetrics,
		About: "The uncorrected latency of ours, compared with the minimum: one thread that writes to a blocking socket and reads from it.",
		pairs: [][]contestant{{{r.epoll.Name, &r.epoll, null(0)}, {"blocking ping-pong", nil, null(0)}}},
	})
}

// replays is ours alone, on an access log.
func replays(r *runner) []*contest {
	replay, instants := replaying(r.Exe)
	return []*contest{{
		Name: "10,000 lines", task: constantTask(1000/3, sharedConnections), metrics: replayMetrics, instants: instants, notes: validity,
		pairs: [][]contestant{{{r.epoll.Name, &replay, null(2 * replayLines)}}},
	}}
}

const fewTLS, manyTLS = 64, 1000

func connectionsOf(n int) string { return units.Int(n) + " connections" }

func growthTLS(all []*Measurement) []string {
	return growthFrom(all, fewTLS, connectionsOf(fewTLS), manyTLS, connectionsOf(manyTLS))
}

// overTLS are loads on nginx with TLS. How close ours keeps to the grid is by the clock of
// the kernel, with TLS and without, as nginx logs milliseconds.
func overTLS(r *runner) (all []*contest) {
	nginx := target{other: nginx(protoTLS)}
	is := func(names ...string) func(Tool) bool {
		return func(t Tool) bool { return slices.Contains(names, t.Name) }
	}
	for _, n := range []int{fewTLS, manyTLS} {
		all = append(all, &contest{
			Name: connectionsOf(n), task: closedTask(n, atOnce), metrics: costMetricsTLS,
			pairs: append(r.versus(nginx, &r.epoll, is(wrk, h2load, bombardier)), r.versus(nginx, &r.goroutine, is(wrk))...),
		})
	}
	fresh := closedTask(fewTLS, 0)
	fresh.Fresh = true
	all = append(all, &contest{
		Name: "64 connections, a new one for each request", task: fresh, metrics: handshakeMetrics,
		About: "Each request has a full handshake of TLS. The rate is by nginx's count, over the time from the start of the generator's process to its end.",
		pairs: append(r.versus(nginx, &r.epoll, is(wrk, h2load)), r.versus(nginx, &r.goroutine, is(wrk))...),
	})
	few := ours(r.Exe, epoll.Name, "--max-connections {clients}") // or its start is handshakes only
	return append(all, &contest{
		Name: "5,000 per second", task: constantTask(5000, sharedConnections), metrics: pacingMetrics[:3],
		About: "Ours alone, with TLS and without, at a server that asks the kernel when it received each request.",
		pairs: [][]contestant{{{few.Name + ", TLS", &few, target{other: logged(protoTLS)}}, {few.Name + ", no TLS", &few, target{other: logged(protoPlain)}}}},
	})
}

func rejections(r *runner) (all []*contest) {
	t := style("blocking", targets.Options{Workers: 100, Queue: targets.NoQueue})
	add := func(name string, task task, is func(Tool) bool) {
		k := &contest{Name: name, task: task, pairs: [][]contestant{{{r.epoll.Name, &r.epoll, t}}}, metrics: rejectionMetrics}
		for i := range r.Tools {
			if peer := &r.Tools[i]; is(*peer) {
				k.pairs = append(k.pairs, []contestant{{peer.Name, peer, t}})
			}
		}
		all = append(all, k)
	}
	paced := func(t Tool) bool { return t.Name == vegeta } // it is built for a rate
	add("1,000 clients", closedTask(1000, wait), func(t Tool) bool { return closed(t) && !paced(t) })
	if slices.ContainsFunc(r.Tools, paced) {
		add("2,000 per second", constantTask(2000, 1000), paced)
	}
	return all
}

func own(r *runner) []*contest {
	on := func(name string, t target) contestant { return contestant{name, &r.watching, t} }
	loop, parked, bareOne := on("eventloop", style("eventloop", targets.Options{})), on("goroutine", style("goroutine", targets.Options{})), on("bare", bareTarget(wait, 0))
	return []*contest{
		{Name: "15,000 clients on eventloop", task: closedTask(15_000, wait), pairs: [][]contestant{{loop}}, metrics: manyClientsMetrics, notes: validity},
		{
			Name: "10,000 clients, our servers and the bare one", task: closedTask(manyClients, wait),
			pairs: [][]contestant{{loop, bareOne}, {parked, bareOne}}, metrics: serverMetrics, notes: validity,
		},
	}
}

// validity is how many runs of ours were valid, with their first remarks.
func validity(all []*Measurement) (notes []string) {
	for _, name := range namesOf(all) {
		valid, runs := 0, 0
		var remarks []string
		for _, m := range all {
			stage := m.Reported.Stage
			if m.Name != name || stage == nil {
				continue
			}
			if runs++; stage.Valid() {
				valid++
			}
			for _, w := range stage.Notes() {
				if w = " Remark: " + w + "."; len(remarks) < 3 && !slices.Contains(remarks, w) {
					remarks = append(remarks, w)
				}
			}
		}
		if runs > 0 {
			notes = append(notes, fmt.Sprintf("%s: valid in %d of %d runs.%s", name, valid, runs, strings.Join(remarks, "")))
		}
	}
	return notes
}
