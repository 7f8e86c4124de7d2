package patterns

import (
	"slices"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

const ms = time.Millisecond

// four orders: one paid, one turned away, one accepted and never paid, one
// that failed.
func four() *placing {
	return &placing{began: 1000 * ms, orders: []order{
		{planned: 1000 * ms, replied: 1010 * ms, outcome: result.OK, id: 1, paid: 1300 * ms},
		{planned: 1400 * ms, replied: 1401 * ms, outcome: result.Rejected},
		{planned: 1600 * ms, replied: 1630 * ms, outcome: result.OK, id: 2},
		{planned: 1900 * ms, replied: 1950 * ms, outcome: result.Error, why: "HTTP status 502"},
	}}
}

func TestEveryOrderHasOneFate(t *testing.T) {
	p := four()
	for f, want := range map[fate]int{paid: 1, turnedAway: 1, lost: 1, failed: 1} {
		if got := p.count(f); got != want {
			t.Errorf("%s: %d, want %d", f, got, want)
		}
	}
	if p.taken() != "2" || p.longest() != 30*ms || p.ended() != 950*ms {
		t.Errorf("taken %s, longest %v, ended %v", p.taken(), p.longest(), p.ended())
	}
	if w := p.warnings("queue"); len(w) != 1 {
		t.Errorf("warnings %q", w)
	}
}

func TestClocksOverTime(t *testing.T) {
	p := four()
	accepted := p.overTime("accepted", "queue", (*order).answered)
	if !slices.Equal(accepted.X, []float64{float64(250 * ms), float64(750 * ms)}) || !slices.Equal(accepted.Y, []float64{float64(10 * ms), float64(30 * ms)}) {
		t.Errorf("accepted %v at %v", accepted.Y, accepted.X)
	}
	if done := p.overTime("paid", "queue", (*order).processed); !slices.Equal(done.Y, []float64{float64(300 * ms)}) {
		t.Errorf("paid %v", done.Y)
	}
	backlog := p.backlog("queue", p.ended())
	if want := []float64{1, 1, 0, 1, 1}; !slices.Equal(backlog.Y, want) { // at 0, 250, … 1000 ms
		t.Errorf("backlog %v, want %v", backlog.Y, want)
	}
}

func TestWhatTheBrokerTellsIsCountedOnce(t *testing.T) {
	c, p := newCompletions(), four()
	p.orders[0].paid, p.orders[2].paid = 0, 0
	c.told(2, result.Done) // before its reply is looked at
	c.told(2, result.Done)
	c.told(1, result.Again)
	c.told(1, result.Done)
	if err := c.settle(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if p.count(paid) != 2 || p.count(lost) != 0 || p.again != 2 {
		t.Errorf("%d paid, %d lost, %d again", p.count(paid), p.count(lost), p.again)
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		seconds(6*time.Second + 3*ms): "6 s", seconds(2190 * ms): "2.2 s", seconds(200 * ms): "200 ms", seconds(5 * ms): "5 ms", seconds(0): "0 ms",
		micro(882_400): "882 µs", micro(1_410 * time.Microsecond): "1.4 ms",
		thousands(1): "1", thousands(1001): "1,001", thousands(1234567): "1,234,567",
		list(nil): "none", list([]string{"a"}): "a", list([]string{"a", "b", "c"}): "a, b and c",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{Only: []string{"nothing"}}, {Scale: -1}, {Scale: 11}, {Scale: 0.001}} {
		if c.Validate() == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if err := (Config{Only: Names(), Scale: 0.5}).Validate(); err != nil {
		t.Error(err)
	}
}
