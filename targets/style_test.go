package targets

import (
	"context"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// toy is a server of a style that is in no table.
type toy struct{ backend backend.Backend }

func (toy) Addr() string                   { return "127.0.0.1:1" }
func (t toy) Stats() orders.Stats          { return orders.Stats{Style: "toy", Backend: t.backend.Stats()} }
func (toy) Shutdown(context.Context) error { return nil }

// An entry of the table is all that a style needs, beside its folder: it is
// started with its backend, its limit decides how fast it serves and whether it
// can be traced, and its settings are recorded.
func TestAnEntryMakesAStyle(t *testing.T) {
	s := Style{
		Name: "toy", Uses: []string{"max-inflight"}, room: Options.inflight, traced: true,
		start: func(c admission.Config, _ Options) (Server, error) { return toy{c.Backend}, nil },
	}
	o := Options{MaxInflight: 10, Backend: "sim"}
	server, err := s.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	if st := server.Stats(); st.Style != "toy" || st.Backend.Name != "sim" {
		t.Errorf("stats %+v", st)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.OnceEach(o, 100); got != 2*time.Second {
		t.Errorf("100 clients are served once each in %v, want 10 times 200 ms", got)
	}
	if s.Traceable(o) != nil || s.Traceable(Options{}) == nil || s.Threads(o) != 0 {
		t.Errorf("with a limit %v, without %v, threads %d", s.Traceable(o), s.Traceable(Options{}), s.Threads(o))
	}
	set := o.Settings(s)
	if set.Get("max_inflight")+set.Get("max-inflight") != "10" || set.Get(result.KeyWorkers) != "" || set.Get(result.KeyBackend) != "sim" {
		t.Errorf("settings %v", set)
	}
}

// Nothing but the two tables refers to what is served, and names are unique.
func TestTablesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range append(append([]Style{}, Styles...), Helpers...) {
		if seen[s.Name] || s.Name == "" || s.About == "" || s.room == nil || (s.start == nil) == (s.alone == nil) {
			t.Errorf("style %+v", s)
		}
		seen[s.Name] = true
		for _, key := range s.Uses {
			if !isSetting(key) {
				t.Errorf("%s uses %q, which is no setting", s.Name, key)
			}
		}
	}
	for _, b := range Backends {
		if b.About == "" || b.check == nil || b.open == nil || b.wait == nil || (b.Upstream == "") != (b.Scheme == "") {
			t.Errorf("backend %+v", b)
		}
		for _, key := range b.Uses {
			if !isSetting(key) {
				t.Errorf("%s uses %q, which is no setting", b.Name, key)
			}
		}
	}
}

func isSetting(key string) bool {
	for _, s := range settings {
		if s.key == key {
			return s.special
		}
	}
	return false
}
