package fleet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/reports/result"
)

// A message arrives as it was sent, and one that is cut short is not read.
func TestMessages(t *testing.T) {
	var latency result.Sparse
	latency.Record(20 * time.Millisecond)
	progress := &Progress{To: time.Second, Counts: counts{result.OK: 1}, Latency: binaryOf(&latency), Lag: binaryOf(new(result.Sparse)), Disturbed: true}
	for _, s := range []State{
		{Run: "r", Epoch: 1, Agent: "a"}, {Run: "r", Phase: Started, Live: progress},
		{Run: "r", Phase: Done, Live: progress, Size: 9, From: 2, Part: []byte("a\npart\x00"), Sum: "s"},
	} {
		same(t, s, func(s *State) any { return s })
	}
	same(t, Order{Run: "r", Goal: Prepare, Plan: []byte(`{"a":1}` + "\n"), Spec: []byte{0, 255}}, func(o *Order) any { return o })
	same(t, Call{Run: "r"}, func(c *Call) any { return c })
	same(t, Hello{Run: "r", Agent: "a"}, func(h *Hello) any { return h })
}

func same[M any](t *testing.T, message M, pointer func(*M) any) {
	t.Helper()
	data, err := encode(pointer(&message))
	if err != nil {
		t.Fatal(err)
	}
	var got M
	if err := decode(data, pointer(&got)); err != nil {
		t.Fatal(err)
	}
	equate := cmp.Comparer(func(a, b []byte) bool { return string(a) == string(b) })
	if diff := cmp.Diff(message, got, equate); diff != "" {
		t.Error(diff)
	}
	for n := range data {
		var short M
		if decode(data[:n], pointer(&short)) == nil {
			t.Errorf("%d of %d bytes of a %T are read", n, len(data), message)
		}
	}
}
