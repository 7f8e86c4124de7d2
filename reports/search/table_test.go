package search_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/search"
)

var (
	searches = flag.Int("searches", 40, "searches of each cell of the table")
	first    = flag.Int("first", 0, "the first search: a table can be made in pieces")
	cell     = flag.String("cell", "", "the one system to search, by its name")
)

// row is a cell of the table.
type row struct {
	n, covered, wrongMeets, wrongMisses, bothEnds, changed int
	widths, seconds                                        []float64
}

// slack is by how much the truths of the systems may be wrong.
const slack = 0.002

func (w *row) add(truth, meets, misses, seconds float64) {
	w.n++
	if meets <= truth*(1+slack) && (misses == 0 || misses >= truth*(1-slack)) {
		w.covered++
	}
	if meets > 0 && misses > 0 {
		w.bothEnds++
		w.widths = append(w.widths, misses/meets-1)
	}
	w.seconds = append(w.seconds, seconds)
}

func (w *row) String() string {
	percent := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(w.n)) }
	return strings.Join([]string{
		percent(w.covered), fmt.Sprintf("%d, %d", w.wrongMeets, w.wrongMisses), percent(w.bothEnds),
		fmt.Sprintf("%.0f %%", 100*quantile(w.widths, 0.5)), fmt.Sprintf("%.0f s", quantile(w.seconds, 0.5)),
	}, " | ")
}

func quantile(x []float64, q float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	slices.Sort(x)
	return x[min(int(q*float64(len(x))), len(x)-1)]
}

// simulate searches a system n times and counts what was decided wrongly.
func simulate(y *system, from, n int, c search.Config) *row {
	w := &row{}
	for k := from; k < from+n; k++ {
		s, _ := y.search(rand.New(rand.NewPCG(uint64(k), 1)), c)
		a := s.Answer()
		w.add(y.truth, a.Low, a.High, a.Spent.Seconds())
		if a.Outcome == search.Changed {
			w.changed++
		}
		for _, l := range a.Levels {
			switch {
			case l.Verdict == search.Meets && l.Level > y.truth*(1+slack):
				w.wrongMeets++
			case l.Verdict == search.Misses && l.Level < y.truth*(1-slack):
				w.wrongMisses++
			}
		}
	}
	return w
}

// The table of README.md in small: the truth lies within the ends.
func TestCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("computes for seconds; left to the long run")
	}
	t.Parallel()
	for i := range systems {
		w := simulate(&systems[i], 0, 8, config(0.1, 10*time.Minute))
		if w.wrongMeets+w.wrongMisses > 0 && !systems[i].rare {
			t.Errorf("%s: %s", systems[i].name, w)
		}
	}
}

// The table of README.md, beside the methods of other tools:
// go test ./reports/search -run SlowTable -v -searches 1000
func TestSlowTable(t *testing.T) {
	slow.Only(t)
	for i := range systems {
		y := &systems[i]
		if *cell != "" && *cell != y.name {
			continue
		}
		w := simulate(y, *first, *searches, config(0.1, 10*time.Minute))
		bisection, sweep := &row{}, &row{}
		for k := *first; k < *first+*searches; k++ {
			r := rand.New(rand.NewPCG(uint64(k), 2))
			meets, misses, seconds := y.bisect(r, 0.1, 10)
			bisection.add(y.truth, meets, misses, seconds)
			meets, misses, seconds = y.sweep(r, 0.1, 30)
			sweep.add(y.truth, meets, misses, seconds)
		}
		fmt.Printf("| %s | %s | %.1f %%, %.0f s | %.1f %%, %.0f s |\n", y.name, w,
			100*float64(bisection.covered)/float64(bisection.n), quantile(bisection.seconds, 0.5),
			100*float64(sweep.covered)/float64(sweep.n), quantile(sweep.seconds, 0.5))
		if n := float64(w.n); !y.rare && (float64(w.covered) < 0.95*n || float64(w.wrongMeets) > max(1, 0.01*n) || float64(w.wrongMisses) > max(1, 0.01*n) || float64(w.changed) > max(1, 0.01*n)) {
			t.Errorf("%s: %s, %d changed", y.name, w, w.changed)
		}
	}
}

// The truths of the systems, by long runs at levels around them and a line through
// the logarithms of their bad shares.
func TestSlowTruth(t *testing.T) {
	slow.Only(t)
	for i := range systems {
		y := &systems[i]
		if *cell != "" && *cell != y.name {
			continue
		}
		r := rand.New(rand.NewPCG(1, uint64(i)))
		var sx, sy, sxx, sxy, n float64
		for x := -0.04; x < 0.041; x += 0.01 {
			share, _ := y.share(r, y.truth*math.Exp(x), 30, 5_000)
			log := math.Log(share / 0.01)
			sx, sy, sxx, sxy, n = sx+x, sy+log, sxx+x*x, sxy+x*log, n+1
		}
		slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
		found := y.truth * math.Exp(-(sy-slope*sx)/n/slope)
		t.Logf("%s: %.1f, slope %.1f", y.name, found, slope)
		if math.Abs(found/y.truth-1) > 0.01 {
			t.Errorf("%s: the truth is %.1f, not %.1f", y.name, found, y.truth)
		}
	}
}

// A queue without a bound and a limit on latency that no visit lasts for: requests in
// flight show what is too much by more than a few percent.
func TestOverload(t *testing.T) {
	t.Parallel()
	y := system{workers: 10, queue: -1, service: exponential(0.02), deadline: 60}
	const capacity = 500
	for k := range 8 {
		s, _ := y.search(rand.New(rand.NewPCG(uint64(k), 1)), config(0.1, 10*time.Minute))
		if a := s.Answer(); a.Outcome != search.Found || a.Low > capacity*1.05 || a.High < capacity*0.98 || a.Spent > 6*time.Minute {
			t.Errorf("%s: %.0f to %.0f in %v, want %d", a.Outcome, a.Low, a.High, a.Spent, capacity)
		}
	}
}

// A server that slows all the time has no capacity.
func TestDrift(t *testing.T) {
	t.Parallel()
	y := systems[0]
	y.drift = 0.01
	const all = 12
	changed := 0
	for k := range all {
		s, visits := y.search(rand.New(rand.NewPCG(uint64(k), 1)), config(0.1, 10*time.Minute))
		a := s.Answer()
		if a.Outcome == search.Changed {
			changed++
		}
		for _, at := range a.Changed {
			if at >= len(visits) {
				t.Errorf("visit %d of %d", at, len(visits))
			}
		}
	}
	if changed < all/2 {
		t.Errorf("%d of %d were seen to change", changed, all)
	}
}
