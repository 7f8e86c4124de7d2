package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// shop is a server where one logs in, and then lists and orders with a token.
func shop() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"token":"for-%s"}`, r.Header.Get("X-User"))
	})
	mux.HandleFunc("GET /items", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer for-"+r.Header.Get("X-User") {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) { time.Sleep(20 * time.Millisecond) })
	return httptest.NewServer(mux)
}

// shopping is a session in a shop.
func shopping(s *bench.Session) {
	user := fmt.Sprintf("X-User: %d-%d", s.Client, s.Iteration)
	login := s.Do("log in", bench.Step{Method: "POST", Path: "/login", Header: []string{user}, Body: []byte("{}")})
	var got struct{ Token string }
	if !login.OK || json.Unmarshal(login.Body, &got) != nil {
		s.Fail("no token")
		return
	}
	s.Think(10 * time.Millisecond)
	header := []string{user, "Authorization: Bearer " + got.Token}
	if !s.Do("list", bench.Step{Path: "/items?page=1", Header: header}).OK {
		return
	}
	s.Do("order", bench.Step{Method: "POST", Path: "/orders", Header: header, Body: []byte(`{"item":17}`)})
}

// Clients log in, list and order. The token of the first step is carried on to the others.
func ExampleScenario() {
	server := shop()
	defer server.Close()
	shop := bench.Scenario{Name: "shop", HTTP: bench.HTTP{URL: server.URL}, Session: shopping}
	stages, err := shop.Run(context.Background(), bench.Plan{Load: bench.Load{Clients: 2}, Duration: time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, stage := range stages {
		fmt.Printf("%-8s all ok: %v, p50 of 20 ms or more: %v\n", stage.Settings.Get(result.KeyStep),
			stage.Counts[result.OK] == stage.Counts.Planned(), stage.Latency.Quantile(0.5) >= 20*time.Millisecond)
	}
	// Output:
	// session  all ok: true, p50 of 20 ms or more: true
	// log in   all ok: true, p50 of 20 ms or more: false
	// list     all ok: true, p50 of 20 ms or more: false
	// order    all ok: true, p50 of 20 ms or more: true
}

// Each session and each step is counted once, with its own outcome and time.
func TestScenario(t *testing.T) {
	t.Parallel()
	server := shop()
	defer server.Close()
	var sessions atomic.Int64
	sc := bench.Scenario{HTTP: bench.HTTP{URL: server.URL}, Session: func(s *bench.Session) {
		sessions.Add(1)
		if s.Client == 1 { // has no token
			s.Do("list", bench.Step{Path: "/items", Header: []string{"X-User: 1"}})
			return
		}
		shopping(s)
	}}
	stages, err := sc.Run(t.Context(), bench.Plan{Load: bench.Load{Clients: 2, Backoff: 20 * time.Millisecond}, Duration: 500 * time.Millisecond, MaxLag: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]*result.Stage{}
	for _, s := range stages {
		by[s.Settings.Get(result.KeyStep)] = s
		if data, err := json.Marshal(s); err != nil {
			t.Error(err)
		} else if err := json.Unmarshal(data, new(result.Stage)); err != nil {
			t.Errorf("%s cannot be read again: %v", s.Settings, err)
		}
	}
	whole := by["session"]
	for name, s := range by {
		var sum result.Counts
		for i, slice := range s.Slices {
			sum.Add(slice.Counts)
			if len(s.Slices) != len(whole.Slices) || slice.Offset != whole.Slices[i].Offset || slice.Disturbed != whole.Slices[i].Disturbed {
				t.Fatalf("%s: slice %d differs from that of the sessions", name, i)
			}
		}
		if sum != s.Counts || s.Shown().Length != whole.Shown().Length {
			t.Errorf("%s: %v in slices, %v in all; %v and %v are undisturbed", name, sum, s.Counts, s.Shown().Length, whole.Shown().Length)
		}
	}
	if n := whole.Counts.Planned(); len(stages) != 4 || n == 0 || n != sessions.Load() {
		t.Fatalf("%d stages, %d sessions of %d", len(stages), n, sessions.Load())
	}
	// The last step of a session may be planned for after the window.
	ok, ordered := whole.Counts[result.OK], by["order"].Counts[result.OK]
	if ok == 0 || ordered > ok || ordered < ok-2 || ok != by["log in"].Counts[result.OK] || whole.Counts[result.Error] != by["list"].Counts[result.Error] {
		t.Errorf("sessions %v, logged in %v, listed %v, ordered %v", whole.Counts, by["log in"].Counts, by["list"].Counts, by["order"].Counts)
	}
	if got := whole.Latency.Quantile(0.01); got < 30*time.Millisecond {
		t.Errorf("a session took %v: less than its think time and its order", got)
	}
}

// What is in flight when the drain timeout has passed is unfinished, step and session.
func TestScenarioThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	sc := bench.Scenario{HTTP: bench.HTTP{URL: server.URL}, Session: func(s *bench.Session) { s.Do("wait", bench.Step{Path: "/"}) }}
	stages, err := sc.Run(t.Context(), bench.Plan{Load: bench.Load{Clients: 3}, Duration: 50 * time.Millisecond, DrainTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stages {
		if n := s.Counts.Planned(); n == 0 || s.Counts[result.Unfinished] != n {
			t.Errorf("%s: %v", s.Settings.Get(result.KeyStep), s.Counts)
		}
	}
}

func TestBadScenarios(t *testing.T) {
	server := shop()
	defer server.Close()
	good := bench.Scenario{HTTP: bench.HTTP{URL: server.URL}, Session: func(s *bench.Session) { s.Do("list", bench.Step{Path: "items"}) }}
	none, path, body, many := good, good, good, good
	many.Session = func(s *bench.Session) {
		for i := range 101 {
			s.Do(fmt.Sprint("item ", i), bench.Step{Path: "/items"})
		}
	}
	none.Session, path.HTTP.URL, body.HTTP.Body = nil, server.URL+"/a", []byte("x")
	for _, c := range []struct {
		sc   bench.Scenario
		l    bench.Load
		want string
	}{
		{none, bench.Load{}, "Session"}, {path, bench.Load{}, "URL"}, {body, bench.Load{}, "HTTP"}, {good, bench.Load{Rate: 5}, "Load"}, {good, bench.Load{}, "Step.Path"},
		{many, bench.Load{}, "Step"},
	} {
		_, err := c.sc.Run(t.Context(), bench.Plan{Load: c.l, Duration: 10 * time.Millisecond})
		var e *field.Error
		if !errors.As(err, &e) || e.Field != c.want {
			t.Errorf("%v, want an error of %s", err, c.want)
		}
	}
}
