package fleet

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// BenchmarkThousandAgents is a second of a coordinator: each of 1,000 agents reports what
// has ended, and what they report is put together. The bus is not part of it.
func BenchmarkThousandAgents(b *testing.B) {
	const agents = 1000
	c := newCoordinator(0, coordinator{run: "r", epoch: 1, version: "v", agents: agents, plan: []byte("plan"), gather: time.Minute})
	r := rand.New(rand.NewPCG(1, 1))
	p := &Progress{}
	var latency, lag result.Sparse
	for range 20_000 {
		latency.Record(time.Duration(20e6 + r.ExpFloat64()*10e6))
		lag.Record(time.Duration(r.ExpFloat64() * 50e3))
		p.Counts[result.OK]++
	}
	p.Latency, p.Lag = binaryOf(&latency), binaryOf(&lag)
	for i := range agents {
		c.hello(0, Hello{Run: "r", Agent: fmt.Sprintf("agent-%d", i), Instance: "i", Version: "v"})
	}
	c.share()
	c.step, c.stage, c.start, c.current.length = running, 1, time.Second, time.Hour
	shown := int64(0)
	live := newLive(bench.Plan{Watch: func(l bench.Live) { shown += l.Latency.N() }})
	b.ReportAllocs()
	now := 2 * time.Second
	for seq := uint64(1); b.Loop(); seq++ {
		now += time.Second
		p.To = now - c.start
		b.StopTimer()
		var messages [agents][]byte
		for i := range messages {
			data, err := encode(&State{Run: "r", Epoch: 1, Sent: now - time.Millisecond, Clock: now, Seq: seq, Agent: fmt.Sprintf("agent-%d", i), Instance: "i", Hash: c.hash, Stage: 1, Phase: Started, Live: p})
			if err != nil {
				b.Fatal(err)
			}
			messages[i] = data
		}
		b.StartTimer()
		for _, data := range messages {
			var s State
			if err := decode(data, &s); err != nil {
				b.Fatal(err)
			}
			c.state(now, s)
		}
		for range 100 {
			c.tick(now)
			c.out = nil
		}
		live.look(c, now)
	}
	if shown == 0 {
		b.Error("nothing was put together")
	}
	b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N), "%core")
}
