package targets_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
)

// Requests of other kinds than that for a user's orders.

func post(body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", orders.PathOrders, len(body), body)
}

func TestEveryStylePaysBeforeItAnswers(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{})
		c := dial(t, s)
		seen := map[int64]bool{}
		for i := range int64(5) {
			sent := time.Now()
			c.send(t, post(fmt.Sprintf(`{"user_id":%d,"total_cents":%d}`, 40+i, 1000+i)))
			r := c.read(t, "POST")
			if took := time.Since(sent); took < latency {
				t.Errorf("answered after %v, before the backend's %v were over", took, latency)
			}
			o := readOrder(t, r)
			if r.StatusCode != http.StatusCreated || o.UserID != 40+i || o.TotalCents != 1000+i || o.Status != orders.StatusPaid || o.ID < 1 || seen[o.ID] || o.Created.IsZero() {
				t.Errorf("got %d %s", r.StatusCode, r.body)
			}
			seen[o.ID] = true
		}
		c.send(t, askFor(7)) // the connection, and the room of its last request, serve another kind
		wantOrders(t, c.read(t, "GET"), 7)
		if st := s.Stats(); st.Backend.Calls != 6 {
			t.Errorf("6 requests made %d calls", st.Backend.Calls)
		}
	})
}

// Friends that are asked one after another cost a wait each, those that are
// asked at once one together, whatever the style.
func TestEveryStyleAsksFriendsInTurnOrAtOnce(t *testing.T) {
	t.Parallel()
	const friends = 10
	coming := 0
	for f := range int64(friends) {
		if orders.Comes(orders.Generate(nil, f+1)) {
			coming++
		}
	}
	eachStyle(t, func(t *testing.T, style targets.Style) {
		const wait = 20 * time.Millisecond
		s := start(t, style, targets.Options{Workers: 2, Sim: sim.Config{Latency: wait}})
		c := dial(t, s)
		for i, row := range []struct {
			query, mode string
			waits       time.Duration // at least
		}{
			{"", orders.Sequential, friends},
			{"&mode=concurrent", orders.Concurrent, 1},
			{"&mode=sequential", orders.Sequential, friends},
		} {
			began := time.Now()
			c.send(t, get(fmt.Sprintf("%s?friends=%d%s", orders.PathInvitations, friends, row.query)))
			r := c.read(t, "GET")
			if took := time.Since(began); took < row.waits*wait {
				t.Errorf("%s: answered after %v, want at least %d waits of %v", row.mode, took, row.waits, wait)
			}
			want := fmt.Sprintf(`{"friends":%d,"mode":%q,"coming":%d}`, friends, row.mode, coming)
			if r.StatusCode != 200 || string(r.body) != want {
				t.Errorf("got %d %s, want %s", r.StatusCode, r.body, want)
			}
			if st := s.Stats(); st.Backend.Calls != int64((i+1)*friends) || st.InFlight != 0 {
				t.Errorf("after %d requests: %+v", i+1, st)
			}
		}
	})
}

// All friends are in the backend at the same time: with a connection for each
// of them they take one wait, with one for half of them two.
func TestFriendsAskedAtOnceAreInTheBackendTogether(t *testing.T) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		const wait = 50 * time.Millisecond
		took := func(conns int) time.Duration {
			s := start(t, style, targets.Options{Workers: 1, Sim: sim.Config{Latency: wait, Connections: conns}})
			c := dial(t, s)
			began := time.Now()
			c.send(t, get(orders.PathInvitations+"?friends=20&mode=concurrent"))
			if r := c.read(t, "GET"); r.StatusCode != 200 {
				t.Fatalf("got %d %s", r.StatusCode, r.body)
			}
			return time.Since(began)
		}
		// 10 waits where 2 have room, 1 where 20 have: a machine would have to lose
		// 9 waits to hide that.
		if together, few := took(20), took(2); few < 10*wait || together >= few {
			t.Errorf("20 friends take %v on 20 connections, %v on 2", together, few)
		}
	})
}

// Many callers that each ask many friends at once find their places again.
func TestManyInvitationsAtOnce(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{Workers: 10, Queue: 100})
		var wg sync.WaitGroup
		for caller := range 30 {
			wg.Go(func() {
				c := dial(t, s)
				for range 5 {
					mode := []string{orders.Sequential, orders.Concurrent}[caller%2]
					c.send(t, get(orders.PathInvitations+"?friends=5&mode="+mode))
					if r := c.read(t, "GET"); r.StatusCode != 200 {
						t.Errorf("got %d %s", r.StatusCode, r.body)
					}
				}
			})
		}
		wg.Wait()
		if st := s.Stats(); st.InFlight != 0 || st.Accepted != 150 || st.Backend.Calls != 750 {
			t.Errorf("%+v", st)
		}
	})
}
