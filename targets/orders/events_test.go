package orders_test

import (
	"strings"
	"testing"

	"github.com/a628bb15/onhold/targets/orders"
)

// The states come in order, however many events a stream has.
func TestEvents(t *testing.T) {
	for n, want := range map[int]string{
		1: "accepted",
		3: "accepted paid packed",
		5: "accepted paid packed shipped delivered",
		8: "accepted paid packed shipped in transit in transit in transit delivered",
	} {
		var text []byte
		for k := range n {
			text = orders.Events{N: n}.Append(text, 17, k)
		}
		var got []string
		for event := range strings.SplitSeq(strings.TrimSuffix(string(text), "data: [DONE]\n\n"), "\n\n") {
			if _, status, ok := strings.Cut(event, `data: {"id":17,"status":"`); ok {
				got = append(got, strings.TrimSuffix(status, `"}`))
			}
		}
		if strings.Join(got, " ") != want || !strings.HasSuffix(string(text), "\n\ndata: [DONE]\n\n") || strings.Count(string(text), "[DONE]") != 1 {
			t.Errorf("%d events: %q, want %q; all:\n%s", n, got, want, text)
		}
	}
	if got := string(orders.Events{N: 2}.Append(nil, 1<<62, 0)); got != "id: 1\ndata: {\"id\":4611686018427387904,\"status\":\"accepted\"}\n\n" {
		t.Errorf("%q", got)
	}
	if got := orders.EventsPath(42); got != "/api/orders/42/events" {
		t.Error(got)
	}
}
