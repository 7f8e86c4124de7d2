package orders_test

import (
	"encoding/json"
	"slices"
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
