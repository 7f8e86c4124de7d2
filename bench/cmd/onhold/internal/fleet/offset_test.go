package fleet

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// trueClock is an agent's clock that is ahead and drifts, by the coordinator's.
type trueClock struct {
	ahead time.Duration
	drift float64
}

func (c trueClock) at(coordinator time.Duration) time.Duration {
	return coordinator + c.ahead + time.Duration(c.drift*float64(coordinator))
}

func drawClock(t *rapid.T, ppm float64) trueClock {
	return trueClock{
		ahead: time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "ahead")),
		drift: rapid.Float64Range(-ppm, ppm).Draw(t, "ppm") * 1e-6,
	}
}

// Whatever the delays of each way and the drift, the true clock is within the bound.
func TestOffsetIsWithinItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawClock(t, 200)
		delay := rapid.Int64Range(0, int64(300*time.Millisecond))
		var o offsets
		if _, _, ok := o.at(0); ok {
			t.Fatal("a clock is known without a ping")
		}
		sent := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "first"))
		quickest := time.Hour
		for range rapid.IntRange(1, 2*mostPings).Draw(t, "pings") {
			read := sent + time.Duration(delay.Draw(t, "there"))
			got := read + time.Duration(delay.Draw(t, "back"))
			quickest = min(quickest, got-sent)
			o.add(ping{sent, got, c.at(read)})
			sent = got + time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "gap"))
		}
		for range 3 {
			at := time.Duration(rapid.Int64Range(0, 2*int64(time.Hour)).Draw(t, "at"))
			got, within, ok := o.at(at)
			if d := got - c.at(at); !ok || d > within+2 || d < -within-2 {
				t.Fatalf("the clock is %v at %v, want %v: off by %v, beyond the bound of %v (known %v)", got, at, c.at(at), d, within, ok)
			}
		}
		// Half the quickest round trip, and what clocks drift from then to now.
		if _, within, _ := o.at(sent); within > quickest/2+time.Duration(maxDrift*float64(sent))+4*tick {
			t.Fatalf("the bound is %v, with a round trip of %v", within, quickest)
		}
	})
}

func TestBoundOfOnePing(t *testing.T) {
	var o offsets
	o.add(ping{sent: time.Second, got: time.Second + 10*time.Millisecond, agent: 9 * time.Second})
	_, at, _ := o.at(time.Second + 5*time.Millisecond)
	_, later, _ := o.at(11*time.Second + 5*time.Millisecond)
	if want := 5*time.Millisecond + time.Microsecond + tick; at < want-time.Microsecond || at > want {
		t.Errorf("within %v, want half the round trip, 5 ms, and the drift of it", at)
	}
	if grown := later - at; grown < 1999*time.Microsecond || grown > 2001*time.Microsecond {
		t.Errorf("10 s later the bound has grown by %v, want 200 ppm of that: 2 ms", grown)
	}
}

// Pings over a minute bound the drift: the bound grows more slowly than that of one.
func TestPingsBoundTheDrift(t *testing.T) {
	c, one := trueClock{3 * time.Second, 100e-6}, offsets{}
	var many offsets
	for s := range 60 {
		sent := time.Duration(s) * time.Second
		p := ping{sent, sent + time.Millisecond, c.at(sent + 300*time.Microsecond)}
		many.add(p)
		one = offsets{[]ping{p}}
	}
	_, narrow, _ := many.at(159 * time.Second)
	_, wide, _ := one.at(159 * time.Second)
	if narrow > wide/8 {
		t.Errorf("after 100 s without a ping the bound is %v, and that of one ping %v", narrow, wide)
	}
}

// A clock that is set, or a machine that is moved, makes the old pings worthless.
func TestClockThatIsSet(t *testing.T) {
	var o offsets
	for s := range 10 {
		sent := time.Duration(s) * time.Second
		o.add(ping{sent, sent + time.Millisecond, sent + 3*time.Second})
	}
	sent := 10 * time.Second
	o.add(ping{sent, sent + time.Millisecond, sent - time.Second})
	if got, within, _ := o.at(sent); got > 9001*time.Millisecond || got < 8998*time.Millisecond || within > time.Millisecond {
		t.Errorf("%v within %v after the clock was set, want 9 s", got, within)
	}
}
