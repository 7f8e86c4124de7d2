package queue

import (
	"testing"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// An order is rejected, and counted so, when too many wait for the broker. A full
// stream is tested over sockets.
func TestTooManyUnacknowledgedAreRejected(t *testing.T) {
	s := &Server{}
	s.placing.Limit = 1
	if !s.placing.Enter() {
		t.Fatal("there is no place")
	}
	var j backend.Job
	j.Begin(orders.Request{Kind: orders.Place, UserID: 1})
	if s.ask(&j) {
		t.Error("a second order was let in")
	}
	if st := s.counts(orders.BackendStats{}); st.Accepted != 0 || st.Rejected != 1 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}
