package orders_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/a628bb15/onhold/targets/orders"
)

// shop is a service that keeps one order.
type shop struct{}

func (shop) Stats() orders.Stats { return orders.Stats{Style: "shop"} }

func (shop) Track(id int64) (o orders.Order, ok bool, err error) {
	return orders.Order{ID: id, UserID: 1, Status: orders.StatusPaid}, id == 17, nil
}

func route(method, uri, body string, s orders.Service) (orders.Request, bool, *fasthttp.Response) {
	var h fasthttp.RequestHeader
	h.SetMethod(method)
	h.SetRequestURI(uri)
	resp := &fasthttp.Response{}
	r, wait := orders.Route(&h, []byte(body), resp, s)
	return r, wait, resp
}

func TestAnOrderIsReadFromTheBody(t *testing.T) {
	for _, row := range []struct {
		body  string
		want  orders.Request
		error string
	}{
		{`{"user_id":42,"total_cents":1999}`, orders.Request{Kind: orders.Place, UserID: 42, TotalCents: 1999}, ""},
		{` {"total_cents":0,"user_id":1,"note":"gift"} `, orders.Request{Kind: orders.Place, UserID: 1}, ""},
		{``, orders.Request{}, "body is empty"},
		{`user_id=42`, orders.Request{}, "user_id=42"},
		{`{}`, orders.Request{}, "user_id is missing"},
		{`null`, orders.Request{}, "user_id is missing"},
		{`{"user_id":0,"total_cents":1}`, orders.Request{}, "user_id is 0"},
		{`{"user_id":1.5,"total_cents":1}`, orders.Request{}, "want a JSON object"},
		{`{"user_id":1}`, orders.Request{}, "total_cents is missing"},
		{`{"user_id":1,"total_cents":-1}`, orders.Request{}, "total_cents is -1"},
		{`{"user_id":1,"total_cents":1000000001}`, orders.Request{}, "allowed is 0 to 1000000000"},
	} {
		got, wait, resp := route("POST", orders.PathOrders, row.body, shop{})
		if row.error == "" {
			if !wait || got != row.want {
				t.Errorf("%s: got %+v, %t, %s", row.body, got, wait, resp.Body())
			}
			continue
		}
		if wait || resp.StatusCode() != 400 || !strings.Contains(message(t, resp), row.error) {
			t.Errorf("%s: got %d %s, want 400 with %q", row.body, resp.StatusCode(), resp.Body(), row.error)
		}
	}
}

func message(t *testing.T, resp *fasthttp.Response) string {
	var e struct{ Error string }
	if err := json.Unmarshal(resp.Body(), &e); err != nil {
		t.Errorf("%s: %v", resp.Body(), err)
	}
	return e.Error
}

func TestAServiceThatKeepsOrdersTellsHowTheyAreDoing(t *testing.T) {
	for _, row := range []struct {
		method, id string
		status     int
		text       string
	}{
		{"GET", "17", 200, `"status":"paid"`},
		{"GET", "18", 404, "there is no order 18"},
		{"GET", "", 400, "whole number"},
		{"GET", "x", 400, `\"x\"`},
		{"DELETE", "17", 405, "GET, HEAD"},
	} {
		_, wait, resp := route(row.method, orders.PathOrders+"/"+row.id, "", shop{})
		if wait || resp.StatusCode() != row.status || !strings.Contains(string(resp.Body()), row.text) {
			t.Errorf("%s %s: got %d %s, want %d with %s", row.method, row.id, resp.StatusCode(), resp.Body(), row.status, row.text)
		}
	}
}

// Whatever comes is either a request in bounds or a 4xx that is JSON.
func FuzzRoute(f *testing.F) {
	f.Add("GET", "/api/orders?user_id=42", "")
	f.Add("POST", "/api/orders", `{"user_id":42,"total_cents":1999}`)
	f.Add("GET", "/api/invitations?friends=10&mode=concurrent", "")
	f.Add("GET", "/api/orders/17", "")
	f.Add("GET", "http://x/stats", "")
	f.Fuzz(func(t *testing.T, method, uri, body string) {
		if _, err := url.Parse(uri); err != nil || strings.ContainsAny(method+uri, " \r\n\x00") {
			t.Skip("no request line has it")
		}
		r, wait, resp := route(method, uri, body, shop{})
		if !wait {
			if !json.Valid(resp.Body()) || resp.StatusCode() >= 500 {
				t.Fatalf("got %d %q", resp.StatusCode(), resp.Body())
			}
			return
		}
		n := r.Queries()
		if n < 1 || n > orders.MaxFriends || r.Kind != orders.Invite && (r.UserID < 1 || n != 1) || r.TotalCents < 0 || r.TotalCents > orders.MaxTotalCents {
			t.Fatalf("%s %s %q is read as %+v", method, uri, body, r)
		}
	})
}
