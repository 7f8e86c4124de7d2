package host

import (
	"maps"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// Busy are all that Busiest chooses from.
func (o *Neighbours) Busy(cpus []int, target int, length time.Duration) []result.Process {
	return o.busy(cpus, target, length)
}

// What a child used before it ended must not count for its parent again.
func TestUsedSince(t *testing.T) {
	const s = time.Second
	before := map[int]account{
		1: {name: "init", cpu: 100 * s}, 10: {name: "make", parent: 1, cpu: 5 * s}, 11: {name: "sh", parent: 10, cpu: 2 * s}, 12: {name: "cc1", parent: 11, cpu: 30 * s},
		20: {name: "reused", parent: 1, started: 7, cpu: 40 * s}, 30: {name: "nice", cpu: s},
	}
	now := map[int]account{
		1: {name: "init", cpu: 141 * s}, 10: {name: "make", parent: 1, cpu: 5*s + 3*s + 34*s}, // sh and cc1 ended, with 3 s and 34 s
		20: {name: "new", parent: 1, started: 9, cpu: s}, 30: {name: "nice", cpu: 9 * s, yields: true}, 40: {name: "a very long name \n\x1b[31m of a thread", cpu: 2 * s},
	}
	got := map[string]time.Duration{}
	for _, a := range usedSince(before, now) {
		got[a.name] = a.cpu
	}
	want := map[string]time.Duration{"init": s, "make": 5 * s, "new": s, `a very long name \u001b[31m of a…`: 2 * s}
	if !maps.Equal(got, want) {
		t.Errorf("used %v, want %v", got, want)
	}
}
