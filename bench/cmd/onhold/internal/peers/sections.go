package peers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
)

// atOnce is the ramp-up of clients of a server that replies at once.
const atOnce = 100 * time.Millisecond

// pairsOf pairs ours with each tool that can generate the load, and is ours
// alone where there is none.
func (r *runner) pairsOf(t target, model load.Model, names ...string) [][]contestant {
	one := contestant{tool: &r.main, target: t}
	var pairs [][]contestant
	for i := range r.found {
		peer := &r.found[i]
		if peer.can(model) && (len(names) == 0 || names[0] == peer.Name) {
			pairs = append(pairs, []contestant{one, {tool: peer, target: t}})
		}
	}
	if len(pairs) == 0 {
		return [][]contestant{{one}}
	}
	return pairs
}

// fewClients is the number of clients that memory is compared with.
const fewClients, manyClients = 10, 10_000

func efficiency(r *runner) []contest {
	instant, slow := null(0), bareTarget(wait, 0)
	both := func(t target) [][]contestant {
		pairs := r.pairsOf(t, load.Closed)
		for i := range r.found {
			for j := range r.others { // a goroutine for each connection, as bombardier
				if r.found[i].Name == bombardier.Name {
					pairs = append(pairs, []contestant{{tool: &r.others[j], target: t}, {tool: &r.found[i], target: t}})
				}
			}
		}
		return pairs
	}
	return []contest{
		{section: "efficiency", name: "64 clients, replies at once", task: closedTask(64, atOnce), pairs: both(instant), metrics: costMetrics},
		{section: "efficiency", name: "1,000 clients, replies at once", task: closedTask(1000, atOnce), pairs: both(instant), metrics: costMetrics},
		{section: "efficiency", name: clientsOf(manyClients), task: closedTask(manyClients, wait), pairs: both(slow), metrics: costMetrics},
		{section: "efficiency", name: clientsOf(fewClients), task: closedTask(fewClients, wait), pairs: r.pairsOf(slow, load.Closed, wrk.Name), metrics: costMetrics},
	}
}

func clientsOf(n int) string { return units.Int(n) + " clients, replies after 200 ms" }

// growth compares the memory of a generator with few clients and with many.
func growth(all []*Measurement) (notes []string) {
	byName := func(name string) (few, many []float64) {
		for _, m := range all {
			switch {
			case m.Name != name || m.Failed != "":
			case m.Case == clientsOf(fewClients):
				few = append(few, float64(m.RSS))
			case m.Case == clientsOf(manyClients):
				many = append(many, float64(m.RSS))
			}
		}
		return few, many
	}
	seen := map[string]bool{}
	for _, m := range all {
		if few, many := byName(m.Name); !seen[m.Name] && len(few) > 0 && len(many) > 0 {
			few, many := median(few), median(many)
			notes = append(notes, fmt.Sprintf("Memory of %s from %d to %s clients: %s to %s, %s per additional client.",
				m.Name, fewClients, units.Int(manyClients), units.Bytes.Text(few), units.Bytes.Text(many), units.Bytes.Text((many-few)/(manyClients-fewClients))))
		}
		seen[m.Name] = true
	}
	return notes
}

// sharedConnections is the number of connections among which a tool divides a rate.
const sharedConnections = 100

func pacing(r *runner) []contest {
	var all []contest
	for _, rate := range []int{1000, 5000} {
		t := null(rate * int(r.Duration/time.Second+10)) // with room for a tool that sends too much
		all = append(all, contest{
			section: "pacing", name: units.Int(rate) + " per second", task: constantTask(rate, sharedConnections),
			pairs: r.pairsOf(t, load.Constant), metrics: pacingMetrics,
		})
	}
	t := null(0)
	return append(all, contest{
		section: "pacing", name: "1 client", task: closedTask(1, time.Millisecond), metrics: roundTripMetrics,
		about: "The uncorrected latency of ours, compared with the minimum: one thread that writes to a blocking socket and reads from it.",
		pairs: [][]contestant{{{tool: &r.main, target: t}, {target: t}}},
	})
}

func rejections(r *runner) []contest {
	t := style("blocking", targets.Options{Workers: 100, Queue: targets.NoQueue})
	var closed, paced [][]contestant
	closed = append(closed, []contestant{{tool: &r.main, target: t}})
	for i := range r.found {
		// vegeta is built for a rate.
		if peer := &r.found[i]; peer.Name == vegeta.Name {
			paced = append(paced, []contestant{{tool: &r.main, target: t}}, []contestant{{tool: peer, target: t}})
		} else if peer.can(load.Closed) {
			closed = append(closed, []contestant{{tool: peer, target: t}})
		}
	}
	all := []contest{{section: "rejections", name: "1,000 clients", task: closedTask(1000, wait), pairs: closed, metrics: rejectionMetrics}}
	if len(paced) > 0 {
		all = append(all, contest{section: "rejections", name: "2,000 per second", task: constantTask(2000, 1000), pairs: paced, metrics: rejectionMetrics})
	}
	return all
}

func own(r *runner) []contest {
	loop, parked, bareOne := style("eventloop", targets.Options{}), style("goroutine", targets.Options{}), bareTarget(wait, 0)
	on := func(name string, t target) contestant { return contestant{name: name, tool: &r.main, target: t} }
	return []contest{
		{
			section: "own", name: "15,000 clients on eventloop", task: closedTask(15_000, wait), watch: true,
			pairs: [][]contestant{{on("eventloop", loop)}}, metrics: manyClientsMetrics, notes: validity,
		},
		{
			section: "own", name: "10,000 clients, our servers and the bare one", task: closedTask(manyClients, wait), watch: true,
			pairs:   [][]contestant{{on("eventloop", loop), on("bare", bareOne)}, {on("goroutine", parked), on("bare", bareOne)}},
			metrics: serverMetrics, notes: validity,
		},
	}
}

// validity is how many runs of ours were valid, with their first remarks.
func validity(all []*Measurement) (notes []string) {
	type runs struct {
		valid, all int
		remarks    []string
	}
	byName := map[string]*runs{}
	var names []string
	for _, m := range all {
		ours := m.Reported.Ours
		if ours == nil {
			continue
		}
		r := byName[m.Name]
		if r == nil {
			r = &runs{}
			byName[m.Name] = r
			names = append(names, m.Name)
		}
		r.all++
		if ours.Valid {
			r.valid++
		}
		for _, w := range ours.Warnings {
			if len(r.remarks) < 3 && !slices.Contains(r.remarks, w) {
				r.remarks = append(r.remarks, w)
			}
		}
	}
	for _, name := range names {
		r := byName[name]
		var note strings.Builder
		fmt.Fprintf(&note, "%s: valid in %d of %d runs.", name, r.valid, r.all)
		for _, w := range r.remarks {
			note.WriteString(" Remark: " + w + ".")
		}
		notes = append(notes, note.String())
	}
	return notes
}
