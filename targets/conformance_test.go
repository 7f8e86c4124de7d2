package targets_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
)

// What a request gets, in every style.

func TestEveryStyleAnswersAfterTheWait(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{})
		c := dial(t, s)
		for user := 1; user <= 20; user++ { // over one connection: keep-alive
			sent := time.Now()
			c.send(t, askFor(user))
			r := c.read(t, "GET")
			if took := time.Since(sent); took < latency {
				t.Errorf("answered after %v, before the backend's %v were over", took, latency)
			}
			wantOrders(t, r, user)
			wantHeader(t, r, "Server", orders.ServerName)
			if _, err := http.ParseTime(r.Header.Get("Date")); err != nil {
				t.Errorf("Date: %v", err)
			}
		}
		if st := s.Stats(); st.Accepted != 20 || st.Backend.Calls != 20 {
			t.Errorf("20 requests made %d accepted and %d backend calls", st.Accepted, st.Backend.Calls)
		}
	})
}

func TestEveryStyleAnswersAtOnceWhatNeedsNoBackend(t *testing.T) {
	t.Parallel()
	rows := []struct {
		what           string
		method, target string
		status         int
		text           string // in the error; empty: no error wanted
	}{
		{"health", "GET", "/healthz", 200, ""},
		{"health with a query", "GET", "/healthz?x", 200, ""},
		{"absolute form of the target", "GET", "http://x/healthz", 200, ""},
		{"stats", "GET", "/stats", 200, ""},

		{"no user", "GET", "/api/orders", 400, "missing"},
		{"another parameter", "GET", "/api/orders?user=1", 400, "missing"},
		{"an empty user", "GET", "/api/orders?user_id=", 400, "whole number"},
		{"no number", "GET", "/api/orders?user_id=abc", 400, `"abc"`},
		{"a number and more", "GET", "/api/orders?user_id=12x", 400, `"12x"`},
		{"zero", "GET", "/api/orders?user_id=0", 400, "from 1 to 9223372036854775807"},
		{"a negative number", "GET", "/api/orders?user_id=-1", 400, `"-1"`},
		{"a sign", "GET", "/api/orders?user_id=%2B1", 400, `"+1"`},
		{"above 63 bits", "GET", "/api/orders?user_id=9223372036854775808", 400, "whole number"},
		{"a fraction", "GET", "/api/orders?user_id=1.5", 400, "whole number"},
		{"a user twice", "GET", "/api/orders?user_id=1&user_id=2", 400, "2 times"},
		{"a long value is cut", "GET", "/api/orders?user_id=" + strings.Repeat("9", 500), 400, "…"},
		{"a quote in a value", "GET", "/api/orders?user_id=%22%0a", 400, "whole number"},

		{"no friends", "GET", "/api/invitations", 400, "friends is missing"},
		{"zero friends", "GET", "/api/invitations?friends=0", 400, "from 1 to 100"},
		{"too many friends", "GET", "/api/invitations?friends=101", 400, `"101"`},
		{"friends twice", "GET", "/api/invitations?friends=1&friends=2", 400, "2 times"},
		{"another mode", "GET", "/api/invitations?friends=1&mode=fast", 400, "sequential and concurrent"},
		{"two modes", "GET", "/api/invitations?friends=1&mode=sequential&mode=concurrent", 400, "mode is given 2 times"},
		{"a method on invitations", "POST", "/api/invitations?friends=1", 405, `"POST"`},

		{"an order without a body", "POST", "/api/orders", 400, "body is empty"},
		{"one order, where none is kept", "GET", "/api/orders/17", 404, "/api/orders/17"},

		{"the root", "GET", "/", 404, "/api/orders"},
		{"another path", "GET", "/nope", 404, `"/nope"`},
		{"a slash too many", "GET", "/api/orders/?user_id=1", 404, ""},
		{"another path and method", "DELETE", "/nope", 404, ""},

		{"a method on orders", "DELETE", "/api/orders?user_id=1", 405, `"DELETE"`},
		{"a method on health", "OPTIONS", "/healthz", 405, "GET, HEAD"},
		{"a method on stats", "POST", "/stats", 405, `"POST"`},
	}
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{Sim: sim.Config{Latency: time.Hour}})
		c := dial(t, s)
		for _, row := range rows {
			t.Run(row.what, func(t *testing.T) {
				c.send(t, row.method+" "+row.target+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
				r := c.read(t, row.method)
				switch {
				case r.StatusCode != row.status:
					t.Errorf("got %d %s, want %d", r.StatusCode, r.body, row.status)
				case row.status == 200:
					if !json.Valid(r.body) {
						t.Errorf("the body is no JSON: %s", r.body)
					}
				default:
					wantError(t, r, row.status, row.text)
				}
				if row.status == 405 {
					allow := "GET, HEAD"
					if strings.HasPrefix(row.target, orders.PathOrders) {
						allow += ", POST"
					}
					wantHeader(t, r, "Allow", allow)
				}
			})
		}
		if st := s.Stats(); st.Accepted != 0 || st.Rejected != 0 || st.Backend.Calls != 0 {
			t.Errorf("nothing was for the backend, but stats say %+v", st)
		}
	})
}

func TestEveryStyleTakesTheLargestUser(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		c := dial(t, start(t, style, targets.Options{}))
		for _, query := range []string{"user_id=9223372036854775807", "a=b&user_id=%39223372036854775807&c"} {
			c.send(t, get(orders.PathOrders+"?"+query))
			wantOrders(t, c.read(t, "GET"), 9223372036854775807)
		}
	})
}

func TestEveryStyleShowsItsStats(t *testing.T) {
	t.Parallel()
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{Workers: 7, Queue: 9, MaxInflight: 11, Loops: 1})
		c := dial(t, s)
		c.send(t, askFor(1))
		c.read(t, "GET")
		c.send(t, get(orders.PathStats))
		var got map[string]any
		if err := json.Unmarshal(c.read(t, "GET").body, &got); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"workers", "queue", "max_inflight", "loops", "busy", "queued", "in_flight", "accepted", "rejected"} {
			if _, ok := got[key].(float64); !ok {
				t.Errorf("%s is %v, want a number", key, got[key])
			}
		}
		if got["style"] != style.Name || got["accepted"] != 1.0 || got["in_flight"] != 0.0 {
			t.Errorf("after one request the stats are %v", got)
		}
		wait := got["backend"].(map[string]any)["wait_error_ns"].(map[string]any)
		if wait["n"] != 1.0 || wait["max"].(float64) < 0 {
			t.Errorf("after one request the wait error is %v", wait)
		}
	})
}
