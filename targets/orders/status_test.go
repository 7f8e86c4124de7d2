package orders_test

import (
	"strings"
	"testing"

	"github.com/a628bb15/onhold/targets/orders"
)

func TestStatusIsOneOfOurs(t *testing.T) {
	for _, s := range orders.Statuses {
		if got, err := orders.Status(s); got != s || err != nil {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	// Orders are written to JSON without escaping.
	if _, err := orders.Status(`lost","id":"7`); err == nil || !strings.Contains(err.Error(), "none of [placed paid shipped delivered]") {
		t.Errorf("another status: %v", err)
	}
}
