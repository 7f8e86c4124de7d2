package theory

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

// No input of a model within its range gives NaN, a negative number, or a panic.
// Sizes above some thousand are left to the tests, as they take longer.
func FuzzModels(f *testing.F) {
	f.Add(10, 10, 9.0, 0.5, 0.99)
	f.Add(1, 0, 0.0, 0.0, 0.0)
	f.Add(2, 3, 2.0, 1.0, 0.5)
	f.Add(300, 2_000, 299.999999, 1e-300, 1-1e-16)
	f.Add(1, 2, 5e-324, 5e-324, 5e-324)
	f.Add(2, 2, 1e7, 1e9, 0.9)
	f.Add(2_000, 1, 1e-7, 100.0, 1e-9)
	f.Fuzz(func(t *testing.T, c, k int, a, x, p float64) {
		if c < 1 || c > 2_000 || k < 0 || k > 2_000 || !(a >= 0 && a <= MaxLoad) || !(x >= 0 && x <= maxTime) || !(p > 0 && p < 1) {
			return
		}
		number := func(about string, v float64) {
			if !(v >= 0) || math.IsInf(v, 0) {
				t.Errorf("%s is %v", about, v)
			}
		}
		number("erlangB", erlangB(c, a))
		number("engset", engset(k+1, c, min(x, MaxLoad)))
		number("dmc", dmc(c, a))
		number("warm-up", must(WarmUp(c, k, a)))
		if n, err := erlangBWorkers(min(a, 2_000), p); err == nil {
			number("erlangBWorkers", float64(n))
		}
		for _, law := range []Law{{}, {Kind: Exponential}, {Kind: Lognormal, CV: min(x, maxCV)}} {
			for _, concurrent := range []bool{false, true} {
				law, mean := law.together(c%maxCalls+1, concurrent)
				number("mean of calls", mean)
				number("variance of calls", max(law.variance(), 0)) // but for rounding
				if q := law.quantile(p); !math.IsNaN(q) {
					number("quantile of calls", q)
				}
			}
		}
		steady := min(a, float64(c)*(1-1e-9))
		queues := map[string]*queue{
			"mmcK": mmcK(c, k, a), "mmc": mmcK(c, Unbounded, steady), "mmcD": mmcD(c, a, x), "mdc": mdc(c, steady), "md1K": md1K(k, a),
			"md2K": md2K(min(k, 40), min(a, maxMD2KLoad)), "closedChain": closedChain(k+1, c, k, max(x, 1e-9)), "closedFull": closedFull(c+k+1, c, k, max(x, 1e-6)), "burst": burst(k+1, c, k),
		}
		for about, q := range queues {
			sane(t, q)
			if tail := q.waitTail(x); q.tail != nil && !(tail >= 0 && tail <= 1) {
				t.Errorf("%s: P(W > %v) = %v", about, x, tail)
			}
			if w, ok := q.waitQuantile(p); ok {
				number(about, w)
			}
		}
	})
}

// Nothing that a prediction is asked makes it panic, or say NaN; and an error names
// a field.
func FuzzPredict(f *testing.F) {
	kinds := []string{Constant, Exponential, Lognormal, "", "other"}
	f.Add(uint8(0), uint8(0), 50.0, 10, 10, 0, int64(200e6), int64(0), int64(0), 0.0)
	f.Add(uint8(1), uint8(1), 50.0, 10, 0, 0, int64(200e6), int64(0), int64(0), 0.0)
	f.Add(uint8(2), uint8(2), 0.0, 10, 10, 30, int64(200e6), int64(1e9), int64(0), 1.0)
	f.Add(uint8(3), uint8(0), 0.0, 10, 10, 30, int64(200e6), int64(0), int64(1), 0.0)
	f.Add(uint8(0), uint8(2), math.NaN(), -1, -1, -1, int64(-1), int64(-1), int64(-1), math.Inf(1))
	f.Fuzz(func(t *testing.T, which, kind uint8, rate float64, workers, places, clients int, service, think, wait int64, cv float64) {
		if workers > 200 && workers <= MaxWorkers || places > 200 && places <= MaxQueue || clients > 500 && clients <= MaxQueue || service > 0 && rate*float64(service)/1e9 > 1_000 {
			return
		}
		law := Law{Kind: kinds[int(kind)%len(kinds)], CV: cv}
		s := Setting{ThinkLaw: Law{Kind: kinds[int(kind/8)%len(kinds)]}, Workers: workers, Queue: places, ServiceTime: time.Duration(service), ServiceLaw: law,
			Calls: int(kind / 64), Concurrent: kind%2 == 0, MaxWait: time.Duration(wait), Runs: 2, Requests: 50}
		switch which % 5 {
		case 0:
			s.Load = load.Load{Rate: rate}
		case 1:
			s.Load = load.Load{Rate: rate, Arrivals: load.Constant}
		case 2:
			s.Load = load.Load{Clients: clients, ThinkTime: time.Duration(think), Backoff: time.Duration(think / 2)}
		case 3:
			s.Load = load.Load{Burst: clients}
		default:
			s.Load = load.Load{Ramp: load.Range{From: 1, To: rate}}
		}
		p, err := Predict(s)
		if err != nil {
			var out *field.Error
			if !errors.As(err, &out) {
				t.Errorf("%+v: %v", s, err)
			}
			return
		}
		sound(t, s.Load.String(), p)
		var again Prediction
		if err := json.Unmarshal(must(json.Marshal(p)), &again); err != nil {
			t.Error(err)
		}
	})
}

// A record of any bytes is replayed, or an error.
func FuzzReplay(f *testing.F) {
	f.Add(1, 1, []byte{0, 0, 5, 0, 1, 0, 5, 0})
	f.Add(0, -2, []byte{})
	f.Add(3, -1, []byte{1, 0, 0, 0, 1, 0, 255, 255, 9, 9, 9, 9})
	f.Fuzz(func(t *testing.T, c, k int, data []byte) {
		if c > 100 && c <= MaxWorkers {
			return
		}
		r, err := NewReplay(c, k)
		now := time.Duration(0)
		for ; len(data) >= 4 && err == nil; data = data[4:] {
			now += time.Duration(int16(binary.LittleEndian.Uint16(data)))
			next := r.Next
			if data[0]%3 == 0 {
				next = r.Admit
			}
			var decision Decision
			if decision, err = next(now, time.Duration(int16(binary.LittleEndian.Uint16(data[2:])))); err == nil && (decision.Slack < 0 || decision.Departure < decision.Start) {
				t.Errorf("%+v", decision)
			}
		}
		var out *field.Error
		if err != nil && !errors.As(err, &out) {
			t.Error(err)
		}
	})
}
