package theory

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// chain is M/M/c/K by its weights, one after the other.
func chain(c, k int, a float64) (p []float64) {
	p = make([]float64, c+k+1)
	sum := 0.0
	for j := range p {
		p[j] = 1
		if j > 0 {
			p[j] = p[j-1] * a / float64(min(j, c))
		}
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
	}
	return p
}

func TestMMcKAgainstTheChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 40).Draw(t, "c")
		k := rapid.IntRange(0, 40).Draw(t, "k")
		a := rapid.OneOf(rapid.Float64Range(0.01, 80), rapid.Just(float64(c)), rapid.Just(float64(c)*(1+1e-13))).Draw(t, "a")
		q := mmcK(c, k, a)
		p := chain(c, k, a)
		wantClose(t, "rejected", q.rejected, p[c+k], 1e-10)
		var waits, mean, inside float64
		for j := range p {
			inside += float64(j) * p[j]
			if j >= c && j < c+k {
				waits += p[j] / (1 - p[c+k])
				mean += p[j] / (1 - p[c+k]) * float64(j-c+1) / float64(c)
			}
		}
		wantClose(t, "wait probability", q.waitProbability, waits, 1e-10)
		wantClose(t, "mean wait", q.waitMean, mean, 1e-10)
		wantClose(t, "in flight", q.inFlight(), inside, 1e-9)
		// Who finds j waiting waits for j+1 departures: an Erlang law.
		at := rapid.Float64Range(0, 5).Draw(t, "t")
		var tail float64
		for j := c; j < c+k; j++ {
			tail += p[j] / (1 - p[c+k]) * poissonAtMost(j-c, float64(c)*at)
		}
		if got := q.waitTail(at); math.Abs(got-tail) > 1e-11 {
			t.Errorf("P(W > %v) = %v, want %v", at, got, tail)
		}
	})
}

// The mean of a law is the integral of its tail, and quantiles invert it.
func lawHolds(t errorer, about string, q *queue, relative float64) {
	t.Helper()
	const steps = 2_000
	last, ok := q.waitQuantile(1 - 1e-9)
	if !ok {
		t.Errorf("%s: no law", about)
		return
	}
	var sum float64
	h := last / steps
	before := q.waitTail(0)
	for i := 1; i <= steps && last > 0; i++ {
		now := q.waitTail(float64(i) * h)
		if now > before+1e-12 {
			t.Errorf("%s: the tail rises at %v: %v, %v", about, float64(i)*h, before, now)
			return
		}
		sum += h * (before + now) / 2
		before = now
	}
	if math.Abs(sum-q.waitMean) > relative*q.waitMean+1e-7 {
		t.Errorf("%s: mean wait %v, of the law %v", about, q.waitMean, sum)
	}
	if math.Abs(q.waitTail(0)-q.waitProbability) > 1e-9 {
		t.Errorf("%s: %v wait, of the law %v", about, q.waitProbability, q.waitTail(0))
	}
	for _, p := range []float64{0.1, 0.5, 0.9, 0.99, 0.999} {
		at, ok := q.waitQuantile(p)
		if !ok || at > 0 && (q.waitTail(at) > 1-p+1e-9 || q.waitTail(at*(1-1e-6)) < 1-p-1e-6) {
			t.Errorf("%s: the %v-quantile %v has a tail of %v", about, p, at, q.waitTail(at))
		}
	}
}

func TestMMcKLaw(t *testing.T) {
	for _, row := range []struct {
		c, k int
		a    float64
	}{{1, 1, 0.5}, {10, 10, 9}, {10, 10, 12}, {100, 100, 150}, {10, 1_000, 10}, {3, Unbounded, 2.5}} {
		lawHolds(t, "M/M/c/K", mmcK(row.c, row.k, row.a), 1e-4)
	}
}

func TestMMcKLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 200).Draw(t, "c")
		k := rapid.IntRange(0, 200).Draw(t, "k")
		a := rapid.Float64Range(0.01, 400).Draw(t, "a")
		q := mmcK(c, k, a)
		if none := mmcK(c, 0, a); none.rejected > erlangB(c, a)*(1+1e-12) || none.waitMean != 0 {
			t.Errorf("without places: %v", none.rejected)
		}
		for about, better := range map[string]*queue{"a place": mmcK(c, k+1, a), "a worker": mmcK(c+1, k, a), "a lower load": mmcK(c, k, a*0.99)} {
			if better.rejected > q.rejected*(1+1e-12) {
				t.Errorf("%s makes it worse: %v, %v", about, better.rejected, q.rejected)
			}
		}
		if q.rejected < 1-float64(c)/a-1e-12 || q.rejected > erlangB(c, a)*(1+1e-12) {
			t.Errorf("%v is out of bounds", q.rejected)
		}
	})
	// Very many places are as good as any number.
	bounded, unbounded := mmcK(10, 100_000, 9.9), mmcK(10, Unbounded, 9.9)
	wantClose(t, "wait", bounded.waitMean, unbounded.waitMean, 1e-9)
	wantClose(t, "tail", bounded.waitTail(30), unbounded.waitTail(30), 1e-9)
	// In heavy overload the rejected share is 1-c/a, and the wait the queue.
	heavy := mmcK(100, 100, 150)
	wantClose(t, "overload", heavy.rejected, 1-100.0/150, 1e-9)
	wantClose(t, "wait in overload", heavy.waitMean, 0.98, 1e-9)
}

// As large as it goes, and as small.
func TestMMcKAtTheEdges(t *testing.T) {
	for _, row := range []struct {
		c, k int
		a    float64
	}{
		{100_000, 1_000_000, 100_000}, {100_000, 1_000_000, 1e7}, {100_000, 1_000_000, 1e-300},
		{1, 1_000_000, 1}, {1, 1_000_000, 1e7}, {1, 0, 5e-324}, {100_000, 0, 1e5},
	} {
		q := mmcK(row.c, row.k, row.a)
		sane(t, q)
	}
	wantClose(t, "as likely in each state", mmcK(1, 1_000_000, 1).rejected, 1.0/1_000_002, 1e-9)
}

// sane is what must be so of any queue.
func sane(t errorer, q *queue) {
	t.Helper()
	for about, v := range map[string]float64{"rejected": q.rejected, "waits": q.waitProbability, "utilisation": q.utilisation()} {
		if !(v >= 0 && v <= 1) {
			t.Errorf("%+v: %s = %v", *q, about, v)
		}
	}
	for about, v := range map[string]float64{"mean wait": q.waitMean, "in flight": q.inFlight(), "throughput": q.throughput()} {
		if !(v >= 0) || math.IsInf(v, 0) {
			t.Errorf("%+v: %s = %v", *q, about, v)
		}
	}
	if q.tail == nil {
		return
	}
	var last float64
	for _, p := range []float64{0, 0.5, 0.9, 0.99} {
		v, ok := q.waitQuantile(p)
		if !ok || !(v >= last) || math.IsInf(v, 0) {
			t.Errorf("%+v: %v-quantile %v", *q, p, v)
		}
		last = v
	}
}

func TestErlangC(t *testing.T) {
	// By the chain, cut off where it is nothing.
	p := chain(5, 2_000, 4)
	var waits float64
	for _, v := range p[5:] {
		waits += v
	}
	wantClose(t, "C", erlangC(5, 4), waits, 1e-12)
	wantClose(t, "one worker", erlangC(1, 0.7), 0.7, 1e-12)
	q := mmcK(1, Unbounded, 0.7)
	wantClose(t, "mean of M/M/1", q.waitMean, 0.7/0.3, 1e-12)
}

// Latency of M/M/1 is exponential at the rate 1-a; of M/M/c it has a closed form;
// of M/M/c/K it is a mixture, integrated by small steps.
func TestExponentialLatency(t *testing.T) {
	exponential := Law{Kind: Exponential}
	at := mmcK(1, Unbounded, 0.7).latencyQuantiles(exponential, 0.5, 0.99)
	if at == nil {
		t.Fatal("no law")
	}
	wantClose(t, "M/M/1, p50", at[0], math.Ln2/0.3, 1e-8)
	wantClose(t, "M/M/1, p99", at[1], math.Log(100)/0.3, 1e-8)

	q := mmcK(10, Unbounded, 9.5)
	tail := q.exponentialTail()
	c, rate := q.waitProbability, 0.5
	for _, x := range []float64{0, 0.01, 1, 5, 30} {
		want := math.Exp(-x) + c*(math.Exp(-rate*x)-math.Exp(-x))/(1-rate)
		wantClose(t, "M/M/c", tail(x), want, 1e-8)
	}
	// With a queue that is long against a service.
	long := mmcK(1, 10_000, 1.5)
	at = long.latencyQuantiles(exponential, 0.5)
	w, _ := long.waitQuantile(0.5)
	if d := at[0] - w; d < 0 || d > 2 {
		t.Errorf("latency %v, of which %v is the wait", at[0], w)
	}
	for _, row := range []struct {
		c, k int
		a    float64
	}{{1, 5, 2}, {10, 10, 12}, {4, 300, 4}} {
		q := mmcK(row.c, row.k, row.a)
		tail := q.exponentialTail()
		const h = 1e-4
		sum := 1.0 // exp(-x) at 0
		x := 0.0
		for range 40_000 {
			sum = sum*math.Exp(-h) + h*math.Exp(-h/2)*q.waitTail(x+h/2)
			x += h
		}
		wantClose(t, "M/M/c/K", tail(x), sum, 1e-6)
	}
	if at := mmcK(10, 0, 12).latencyQuantiles(exponential, 0.5); !close(at[0], math.Ln2, 1e-9) {
		t.Errorf("without a queue: %v", at)
	}
}

func TestDeadline(t *testing.T) {
	wantClose(t, "10 workers, a = 12, half a service", mmcD(10, 12, 0.5).rejected, 0.19955421, 1e-7)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 100).Draw(t, "c")
		a := rapid.OneOf(rapid.Float64Range(0.1, 200), rapid.Just(float64(c)), rapid.Just(float64(c)*(1+1e-14))).Draw(t, "a")
		longest := rapid.Float64Range(0, 20).Draw(t, "longest")
		q := mmcD(c, a, longest)
		sane(t, q)
		if more := mmcD(c, a, longest+0.1); more.rejected > q.rejected*(1+1e-9) {
			t.Errorf("more patience loses more: %v, %v", more.rejected, q.rejected)
		}
		if q.waitMean > longest || q.rejected < 1-float64(c)/a-1e-9 || q.rejected > erlangB(c, a)+1e-12 {
			t.Errorf("out of bounds: %v, %v", q.waitMean, q.rejected)
		}
	})
	for _, row := range []struct {
		c          int
		a, longest float64
	}{{1, 0.5, 1}, {10, 12, 0.5}, {10, 10, 3}, {100, 150, 14}, {100, 150, 11.999}, {2, 1, 30}} {
		lawHolds(t, "M/M/c+D", mmcD(row.c, row.a, row.longest), 1e-4)
	}
	// Of 12 that come in a service time a fifth waits for half of one, and is gone.
	q := mmcD(10, 12, 0.5)
	wantClose(t, "in flight", q.inFlight(), q.throughput()*(1+q.waitMean)+12*q.rejected*0.5, 1e-12)
	s := must(simulateOpen(openSim{Workers: 10, Places: Unbounded, Load: 12, Longest: 0.5, Service: Law{Kind: Exponential}, Requests: 10_000, Confidence: 0.999}))
	holds(t, "in flight", s.inFlight, q.inFlight(), 0)
	wantClose(t, "no patience", mmcD(7, 5, 0).rejected, erlangB(7, 5), 1e-12)
	patient, forever := mmcD(7, 5, 1e6), mmcK(7, Unbounded, 5)
	wantClose(t, "patience", patient.waitMean, forever.waitMean, 1e-12)
	wantClose(t, "patience", patient.waitTail(1), forever.waitTail(1), 1e-12)
}
