package bench_test

import (
	"math"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
)

// A duration or number that is negative or near the largest there is makes no
// plan: the end of a stage would lie before its start.
func TestEveryFieldOfAPlanIsBounded(t *testing.T) {
	fields := reflect.TypeFor[bench.Plan]()
	for _, model := range load.Models {
		for i := range fields.NumField() {
			var bad []int64
			switch fields.Field(i).Type {
			case reflect.TypeFor[time.Duration]():
				bad = []int64{-1, math.MinInt64, math.MaxInt64, int64(load.MaxDuration) + 1}
			case reflect.TypeFor[int]():
				bad = []int64{-1, math.MinInt64}
				if name := fields.Field(i).Name; name != "Repeat" && name != "TargetPID" {
					bad = append(bad, math.MaxInt64)
				}
			}
			for _, v := range bad {
				p := bench.Plan{Load: load.Of(model, 1), Duration: time.Second}
				reflect.ValueOf(&p).Elem().Field(i).SetInt(v)
				if err := p.Validate(); err == nil || !strings.Contains(err.Error(), " is ") || !strings.Contains(err.Error(), "want ") {
					t.Errorf("%s: %s is %d: %v", model, fields.Field(i).Name, v, err)
				}
			}
		}
		p := longest(model)
		if err := p.Validate(); err != nil {
			t.Errorf("%s: the longest of all: %v", model, err)
		}
	}
}

// longest has the largest of all durations.
func longest(model load.Model) bench.Plan {
	const most = load.MaxDuration
	return bench.Plan{
		Load:     loadOf(model, load.MaxClients, bench.Load{ThinkTime: most, Backoff: most, RampUp: most, BurstInterval: most}),
		Duration: most, Warmup: most, DrainTimeout: most, Timeout: most,
		MaxLag: most, Wait: most,
	}
}

// No sum of the durations of a plan overflows, a year after the start of the
// clock.
func TestSumsOfAPlanDoNotOverflow(t *testing.T) {
	p, sum := longest(load.Closed), 366*24*time.Hour
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if d, ok := v.Field(i).Interface().(time.Duration); ok {
			if sum += d; sum < 0 {
				t.Fatalf("with %s the sum is %v", v.Type().Field(i).Name, sum)
			}
		}
	}
}

// The clients of a closed load begin one after the other, evenly, whatever the
// product of their number and the time is.
func TestClientsBeginEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.IntRange(1, load.MaxClients).Draw(t, "level")
		p := bench.Plan{Load: bench.Load{Clients: level, RampUp: time.Duration(rapid.Int64Range(0, int64(load.MaxDuration)).Draw(t, "spread"))}}
		i := rapid.IntRange(0, level-1).Draw(t, "client")
		at := p.Begins(i)
		if want := float64(p.Load.RampUp) * float64(i) / float64(level); math.Abs(float64(at)-want) > 1+want*1e-12 {
			t.Fatalf("client %d of %d begins at %v, want %v", i, level, at, time.Duration(want))
		}
		if at < 0 || at > p.Load.RampUp || i > 0 && at < p.Begins(i-1) {
			t.Fatalf("client %d begins at %v, that before at %v", i, at, p.Begins(i-1))
		}
	})
}

// A stage whose drain limit is the longest that there is ends when its last
// reply has come, and not at once.
func TestLongestDrainWaits(t *testing.T) {
	eachDriver(t, func(t *testing.T, made made) {
		s := newScripted(t, func(c net.Conn) bool {
			time.Sleep(80 * time.Millisecond)
			return says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(c)
		})
		stage := run(t, bench.Plan{Load: bench.Load{Clients: 1}, Duration: 40 * time.Millisecond, DrainTimeout: load.MaxDuration, Timeout: load.MaxDuration}, made(t, bench.HTTP{URL: s.url()}))
		if stage.Counts.Planned() != 1 || stage.Latency.N() != 1 {
			t.Errorf("%v, want one that was served after the window", stage.Counts)
		}
	})
}
