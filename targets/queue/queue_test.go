package queue

import (
	"testing"

	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// none is a backend that nobody asks.
type none struct{ backend.Backend }

func (none) Stats() (s orders.BackendStats) { return s }

// An order is rejected, and counted so, when too many wait for the broker. A full
// stream is tested over sockets.
func TestTooManyUnacknowledgedAreRejected(t *testing.T) {
	s := &Server{
		admission: admission.New(Name, admission.Config{Backend: none{}}),
		placing:   admission.New(Name, admission.Config{MaxInflight: 1}),
	}
	if !s.placing.Enter() {
		t.Fatal("there is no place")
	}
	var j backend.Job
	j.Begin(orders.Request{Kind: orders.Place, UserID: 1})
	if s.ask(&j) {
		t.Error("a second order was let in")
	}
	if st := s.counts(); st.Accepted != 0 || st.Rejected != 1 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}
