package orders_test

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets/orders"
	"pgregory.net/rapid"
)

func TestOrdersFollowFromTheUser(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		user := rapid.Int64Min(1).Draw(t, "user")
		list := orders.Generate(nil, user)
		if !slices.Equal(list, orders.Generate(nil, user)) {
			t.Fatal("the same user has other orders the second time")
		}
		if len(list) < 1 || len(list) > orders.MaxGenerated {
			t.Fatalf("%d orders", len(list))
		}
		for _, o := range list {
			if o.UserID != user || o.ID < 0 || o.ID >= 1<<53 || o.TotalCents < 1 || !slices.Contains(orders.Statuses[:], o.Status) {
				t.Fatalf("order %+v of user %d", o, user)
			}
		}

		// What the hand-written JSON says is what a reader gets.
		var read []struct {
			ID         int64     `json:"id"`
			UserID     int64     `json:"user_id"`
			Status     string    `json:"status"`
			TotalCents int64     `json:"total_cents"`
			Created    time.Time `json:"created"`
		}
		if err := json.Unmarshal(orders.AppendJSON(nil, list), &read); err != nil {
			t.Fatal(err)
		}
		for i, o := range list {
			if got := read[i]; got.ID != o.ID || got.UserID != o.UserID || got.Status != o.Status ||
				got.TotalCents != o.TotalCents || !got.Created.Equal(o.Created) {
				t.Fatalf("order %+v was written as %+v", o, got)
			}
		}
	})
	if a, b := orders.Generate(nil, 1), orders.Generate(nil, 2); slices.Equal(a, b) {
		t.Error("two users have the same orders")
	}
	if got := string(orders.AppendJSON(nil, nil)); got != "[]" {
		t.Errorf("no orders are written as %s", got)
	}
}

// However many come at once, no more than the limit are inside, and none is
// turned away while there is room.
func TestAdmissionIsExact(t *testing.T) {
	const limit, visitors, rounds = 8, 24, 200
	g := orders.Admission{Limit: limit}
	for round := range rounds {
		var wg sync.WaitGroup
		for range visitors {
			wg.Go(func() { g.Enter() })
		}
		wg.Wait()
		st := g.Stats("", 0, orders.BackendStats{})
		if st.InFlight != limit || st.Accepted != int64(limit*(round+1)) || st.Rejected != int64((visitors-limit)*(round+1)) {
			t.Fatalf("round %d: %+v", round, st)
		}
		for range limit {
			wg.Go(g.Leave)
		}
		wg.Wait()
	}
	// Never more than limit at once, so nobody may be turned away.
	before := g.Stats("", 0, orders.BackendStats{}).Rejected
	var wg sync.WaitGroup
	for range limit {
		wg.Go(func() {
			for range 10_000 {
				if !g.Enter() {
					return
				}
				g.Leave()
			}
		})
	}
	wg.Wait()
	if st := g.Stats("", 0, orders.BackendStats{}); st.Rejected != before || st.InFlight != 0 {
		t.Errorf("turned away although there was room: %+v", st)
	}
}
