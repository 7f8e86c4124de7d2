package theory

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"
)

// number is what any model may return: 0 or more, and finite.
func number(t *testing.T, about string, v float64, err error) {
	t.Helper()
	var out *RangeError
	switch {
	case err == nil && (!(v >= 0) || math.IsInf(v, 0)):
		t.Errorf("%s is %v", about, v)
	case err != nil && !errors.As(err, &out):
		t.Errorf("%s: %v", about, err)
	case err != nil && v != 0:
		t.Errorf("%s is %v with an error, %v", about, v, err)
	}
}

// No input of a model gives NaN, a negative number, or a panic; what is not valid
// is a RangeError. Sizes above some thousand are left to the tests, as they take
// longer.
func FuzzModels(f *testing.F) {
	f.Add(10, 10, 9.0, 0.5, 0.99)
	f.Add(1, 0, 0.0, 0.0, 0.0)
	f.Add(2, 3, 2.0, 1.0, 0.5)
	f.Add(300, 2_000, 299.999999, 1e-300, 1-1e-16)
	f.Add(-1, -1, -1.0, -1.0, -1.0)
	f.Add(5, 7, math.NaN(), math.Inf(1), math.NaN())
	f.Add(1, 2, 5e-324, 5e-324, 5e-324)
	f.Add(2, 2, 1e7, 1e9, 0.9)
	f.Add(2_000, 1, 1e-7, 100.0, 1e-9)
	f.Fuzz(func(t *testing.T, c, k int, a, x, p float64) {
		if c > 2_000 && c <= MaxWorkers || k > 2_000 && k <= MaxPlaces {
			return
		}
		b, err := ErlangB(c, a)
		number(t, "ErlangB", b, err)
		v, err := ErlangC(c, a)
		number(t, "ErlangC", v, err)
		v, err = erlangBLoad(c, p)
		number(t, "erlangBLoad", v, err)
		n, err := ErlangBWorkers(min(a, 2_000), p)
		number(t, "ErlangBWorkers", float64(n), err)
		v, err = Engset(k, c, x)
		number(t, "Engset", v, err)
		v, err = DMc(c, a)
		number(t, "DMc", v, err)
		v, err = MG1Wait(a, x)
		number(t, "MG1Wait", v, err)
		v, err = WarmUp(c, k, a)
		number(t, "WarmUp", v, err)
		v, err = AnySlow(c, p)
		number(t, "AnySlow", v, err)
		flat, err := FlatOut(k, c, 1, x)
		number(t, "FlatOut", flat.Rejected, err)
		number(t, "FlatOut", flat.Sent, err)
		for _, law := range []Law{{}, {Kind: Exponential}, {Lognormal, x}} {
			f := FanOut{Calls: c, Mean: x, Law: law}
			m, q, ok, err := f.Sequential(p)
			number(t, "Sequential", m, err)
			if ok {
				number(t, "Sequential", q, err)
			}
			m, q, err = f.Concurrent(p)
			number(t, "Concurrent", m, err)
			number(t, "Concurrent", q, err)
		}
		queues := map[string]func() (*Queue, error){
			"MMcK":        func() (*Queue, error) { return MMcK(c, k, a) },
			"MMcD":        func() (*Queue, error) { return MMcD(c, a, x) },
			"MDc":         func() (*Queue, error) { return MDc(c, a) },
			"MD1K":        func() (*Queue, error) { return MD1K(k, a) },
			"MD2K":        func() (*Queue, error) { return MD2K(min(k, 40), a) },
			"ClosedChain": func() (*Queue, error) { return ClosedChain(k, c, k, x) },
		}
		for about, model := range queues {
			q, err := model()
			if err != nil {
				number(t, about, 0, err)
				continue
			}
			sane(t, q)
			if tail := q.WaitTail(x); q.tail != nil && !math.IsNaN(x) && !(tail >= 0 && tail <= 1) {
				t.Errorf("%s: P(W > %v) = %v", about, x, tail)
			}
			if w, ok := q.WaitQuantile(p); ok {
				number(t, about, w, nil)
			}
		}
	})
}

// Nothing that a prediction is asked makes it panic, or say NaN; and an error names
// a flag or what cannot be simulated.
func FuzzPredict(f *testing.F) {
	loads := []string{LoadPoisson, LoadConstant, LoadClosed, LoadBurst, ""}
	kinds := []string{Constant, Exponential, Lognormal, "", "other"}
	f.Add(uint8(0), uint8(0), 50.0, 10, 10, 0, int64(200e6), int64(0), int64(0), 0.0)
	f.Add(uint8(1), uint8(1), 50.0, 10, 0, 0, int64(200e6), int64(0), int64(0), 0.0)
	f.Add(uint8(2), uint8(2), 0.0, 10, 10, 30, int64(200e6), int64(1e9), int64(0), 1.0)
	f.Add(uint8(3), uint8(0), 0.0, 10, 10, 30, int64(200e6), int64(0), int64(1), 0.0)
	f.Add(uint8(0), uint8(2), math.NaN(), -1, -1, -1, int64(-1), int64(-1), int64(-1), math.Inf(1))
	f.Fuzz(func(t *testing.T, load, kind uint8, rate float64, workers, places, clients int, service, think, wait int64, cv float64) {
		if workers > 200 && workers <= MaxWorkers || places > 200 && places <= MaxPlaces || clients > 500 && clients <= MaxPlaces || service > 0 && rate*float64(service)/1e9 > 1_000 {
			return
		}
		law := Law{kinds[int(kind)%len(kinds)], cv}
		s := Setting{Load: loads[int(load)%len(loads)], Rate: rate, Clients: clients, Think: time.Duration(think), RejectPause: time.Duration(think / 2), ThinkLaw: Law{Kind: kinds[int(kind/8)%len(kinds)]},
			Workers: workers, Places: places, Service: time.Duration(service), ServiceLaw: law, MaxWait: time.Duration(wait), Runs: 2, Requests: 50}
		p, err := Predict(s)
		if err != nil {
			var out *RangeError
			if !errors.As(err, &out) {
				t.Errorf("%+v: %v", s, err)
			}
			return
		}
		sound(t, s.Load, p)
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
			var fate Fate
			if fate, err = next(now, time.Duration(int16(binary.LittleEndian.Uint16(data[2:])))); err == nil && (fate.Slack < 0 || fate.Departure < fate.Start) {
				t.Errorf("%+v", fate)
			}
		}
		var out *RangeError
		if err != nil && !errors.As(err, &out) {
			t.Error(err)
		}
	})
}
