package model_test

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

// stage has the settings of the text, key=value each, and 300 arrivals in 3 s.
func stage(text string) *result.Stage {
	s := result.NewStage()
	for kv := range strings.FieldsSeq(text) {
		k, v, _ := strings.Cut(kv, "=")
		s.Settings = s.Settings.With(k, v)
	}
	s.Length = 3 * time.Second
	s.Counts[result.OK] = 300
	return s
}

const sim = "backend=sim backend-latency=200ms "

func TestWhichModelAStageIsACaseOf(t *testing.T) {
	const inf = theory.Unbounded
	for _, c := range []struct {
		why, settings   string
		workers, places int
	}{
		{"a pool", sim + "target=blocking workers=10 queue=5 load=poisson level=90", 10, 5},
		{"a pool without a queue", sim + "target=blocking workers=10 queue=0 load=poisson level=90", 10, 0},
		{"a gRPC server with a pool", sim + "target=grpc workers=10 queue=5 load=closed level=9", 10, 5},
		{"and without", sim + "target=grpc load=closed level=9", inf, inf},
		{"no limit", sim + "target=goroutine load=poisson level=90", inf, inf},
		{"a limit turns away at once", sim + "target=eventloop max-inflight=20 load=constant level=90", 20, 0},
		{"connections are the workers of who has no limit", sim + "target=goroutine backend-connections=30 load=poisson level=90", 30, inf},
		{"of a pool, workers without one wait too", sim + "target=blocking workers=50 queue=5 backend-connections=30 load=poisson level=90", 30, 25},
		{"more connections than workers change nothing", sim + "target=blocking workers=50 queue=5 backend-connections=60 load=poisson level=90", 50, 5},
		{"a connection of gRPC carries any number of calls", "backend=grpc backend-latency=200ms target=goroutine backend-connections=3 load=poisson level=90", inf, inf},
	} {
		got, ok := model.Of(stage(c.settings))
		if !ok || got.Workers != c.workers || got.Queue != c.places {
			t.Errorf("%s: %v, %d workers, %d places; want %d and %d", c.why, ok, got.Workers, got.Queue, c.workers, c.places)
		}
	}
	for _, c := range []struct{ why, settings string }{
		{"a server that is not ours", "target=http://127.0.0.1/ load=poisson level=90"},
		{"orders that are paid later", sim + "target=queue load=poisson level=90"},
		{"a backend that stalls", sim + "target=goroutine load=poisson level=90 backend-stall=2s@5s"},
		{"a planted regression", sim + "target=goroutine load=poisson level=90 inject-cpu=40us"},
		{"a planted delay", sim + "target=goroutine load=poisson level=90 inject-delay=20ms@2%"},
		{"connecting is part of each request", sim + "target=goroutine load=poisson level=90 new-connection=true"},
		{"somebody else's upstream", sim + "target=goroutine load=poisson level=90 backend-url=http://h:1"},
		{"no load", sim + "target=goroutine level=90"},
		{"a pool of unknown size", sim + "target=blocking load=poisson level=90"},
		{"nobody knows when rejected clients come again", sim + "target=blocking workers=2 queue=1 load=closed level=9"},
	} {
		if got, ok := model.Of(stage(c.settings)); ok {
			t.Errorf("%s: taken for %+v", c.why, got)
		}
	}
}

// What was measured counts, and not what was asked for.
func TestTheMeasuredGoesIntoTheModel(t *testing.T) {
	s := stage(sim + "target=blocking workers=10 queue=5 load=poisson level=90")
	c, _ := model.Of(s)
	if c.Measured || c.ServiceTime != 200*time.Millisecond || c.Load.Rate != 100 {
		t.Errorf("nobody measured the service: %+v; and 300 came in 3 s, not 90 a second", c)
	}
	s.Target.ServiceTime = result.MeanTime{N: 300, Mean: 203 * time.Millisecond}
	if c, _ = model.Of(s); !c.Measured || c.ServiceTime != 203*time.Millisecond {
		t.Errorf("service %v, want the 203 ms that were measured", c.ServiceTime)
	}
	s.Settings = s.Settings.With("backend-connections", "3")
	if c, _ = model.Of(s); c.Measured || c.ServiceTime != 200*time.Millisecond {
		t.Errorf("a worker that waits for a connection: %v is not how long one is held", c.ServiceTime)
	}
	s.Settings = s.Settings.With("backend-dist", "lognormal")
	if c, _ = model.Of(s); c.ServiceLaw != (theory.Law{Kind: theory.Lognormal, CV: 1}) {
		t.Errorf("law %+v", c.ServiceLaw)
	}
}

func TestWherePredictionsEnd(t *testing.T) {
	for _, c := range []struct {
		why, settings string
		holds         bool
		p50           time.Duration // 0: not known
	}{
		{"clients that begin evenly: all take as long", sim + "target=blocking workers=200 queue=100 load=closed level=300 ramp-up=300ms", true, 300 * time.Millisecond},
		{"those that begin at once: the law is not known", sim + "target=blocking workers=200 queue=100 load=closed level=300 ramp-up=10ms", true, 0},
		{"a wave that is over before the next", sim + "target=blocking workers=2 queue=2 load=burst level=5 burst-interval=500ms", true, 200 * time.Millisecond},
		{"a wave that is not", sim + "target=blocking workers=2 queue=2 load=burst level=5 burst-interval=300ms", false, 0},
		{"clients that give up first", sim + "target=blocking workers=2 queue=2 load=poisson level=5 timeout=100ms", false, 0},
	} {
		of, ok := model.Of(stage(c.settings))
		if !ok {
			t.Fatalf("%s: no case", c.why)
		}
		p, err := of.Predict()
		if (err == nil) != c.holds {
			t.Errorf("%s: %v", c.why, err)
		}
		if err != nil {
			continue
		}
		if got := p.Latency.P50; (got == nil) != (c.p50 == 0) || got != nil && time.Duration(*got).Round(time.Microsecond) != c.p50 {
			t.Errorf("%s: p50 %v, want %v", c.why, got, c.p50)
		}
	}
}

func TestWarmUpIsOfOpenLoadsAtALimit(t *testing.T) {
	for _, c := range []struct {
		why, settings string
		want          time.Duration // 0: no rule
	}{
		{"no queue: five services", sim + "target=blocking workers=10 queue=0 load=poisson level=50", time.Second},
		{"a queue that takes long to fill", sim + "target=blocking workers=10 queue=10 load=constant level=50", 3 * time.Second},
		{"a closed load is there at once", sim + "target=blocking workers=10 queue=10 load=closed level=50 backoff=1s", 0},
		{"no limit", sim + "target=goroutine load=poisson level=50", 0},
		{"never steady", sim + "target=goroutine backend-connections=5 load=poisson level=50", 0},
	} {
		of, ok := model.Planned(stage(c.settings).Settings)
		if !ok {
			t.Fatalf("%s: no case", c.why)
		}
		if got, ok := of.WarmUp(); got != c.want || ok != (c.want > 0) {
			t.Errorf("%s: %v, %v; want %v", c.why, got, ok, c.want)
		}
	}
}
