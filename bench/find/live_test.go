package find_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/find"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

// Faulty servers behind sockets, at a tenth of the times of a search.
func TestFaultyServers(t *testing.T) {
	if testing.Short() {
		t.Skip("drives for seconds; left to the long run")
	}
	t.Parallel()
	const faster = 10
	for _, test := range []struct {
		name    string
		rejects func(level int64, proven bool) bool // whether it rejects what comes at a level
		lateAt  float64                             // from this level on, the generator cannot keep up
		diesAt  float64
		budget  time.Duration
		want    search.Outcome
		fails   error
	}{
		{name: "rejects everything", rejects: func(int64, bool) bool { return true }, want: search.Below},
		{name: "never misses", want: search.Above},
		{name: "changes once it is proven", rejects: func(_ int64, proven bool) bool { return proven }, want: search.Changed},
		{name: "dies", diesAt: 400, want: search.Running, fails: &find.Died{}},
		{name: "does not recover", rejects: func() func(int64, bool) bool {
			var stuck atomic.Bool
			return func(level int64, _ bool) bool {
				stuck.Store(stuck.Load() || level >= 400)
				return stuck.Load()
			}
		}(), want: search.Running, fails: &find.Stuck{}},
		{name: "the generator is the limit", lateAt: 400, want: search.Limited},
		{name: "the budget is short", budget: time.Nanosecond, want: search.Wide},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var level atomic.Int64
			var proven atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if test.rejects != nil && test.rejects(level.Load(), proven.Load()) {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			t.Cleanup(server.Close)
			driver, err := bench.HTTP{URL: server.URL}.Driver()
			if err != nil {
				t.Fatal(err)
			}
			required, err := compare.ParseRequirements("rejected<20%")
			if err != nil {
				t.Fatal(err)
			}
			f := find.Search{Plan: bench.Plan{Load: bench.Load{Rate: 200, Arrivals: load.Constant}, Timeout: time.Second, Extend: 1}}
			if f.Conditions, err = find.Conditions(required, load.Constant); err != nil {
				t.Fatal(err)
			}
			f.Stage = func(ctx context.Context, p bench.Plan) (*result.Stage, error) {
				level.Store(int64(p.Load.Level()))
				p.Duration, p.Warmup, p.MaxLag = p.Duration/faster, p.Warmup/faster, time.Minute
				if test.lateAt > 0 && p.Load.Level() >= test.lateAt {
					p.MaxLag = time.Nanosecond
				}
				if test.diesAt > 0 && p.Load.Level() >= test.diesAt {
					server.CloseClientConnections()
					server.Listener.Close()
				}
				return bench.Run(ctx, p, driver)
			}
			f.Gone = func(ctx context.Context) error {
				c, err := driver.Dial(ctx)
				if err == nil {
					c.Close()
				}
				return err
			}
			f.Visited = func(v search.Visit, _ *result.Stage) error {
				proven.Store(proven.Load() || v.Verdict == search.Meets)
				return nil
			}
			if test.budget == 0 {
				test.budget = time.Hour
			}
			c, err := f.Config(search.Config{Low: 200, High: 400, Precision: 0.1, Confidence: 0.95, Budget: test.budget})
			if err != nil {
				t.Fatal(err)
			}
			r := &search.Record{Config: c, Load: f.Plan.Load}
			err = f.Run(t.Context(), r)
			switch test.fails.(type) {
			case nil:
				if err != nil {
					t.Fatal(err)
				}
			case *find.Died:
				if e, ok := errors.AsType[*find.Died](err); !ok || e.Level != test.diesAt {
					t.Errorf("%v", err)
				}
			case *find.Stuck:
				if e, ok := errors.AsType[*find.Stuck](err); !ok || e.Level != 400 {
					t.Errorf("%v", err)
				}
			}
			if r.Answer.Outcome != test.want || !r.Decide() {
				t.Errorf("%+v", r.Answer)
			}
		})
	}
}
