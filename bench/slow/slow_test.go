package slow

import (
	"fmt"
	"strings"
	"testing"
)

type recorded struct{ name, did string }

func (r *recorded) Helper()                      {}
func (r *recorded) Name() string                 { return r.name }
func (r *recorded) Skipf(f string, args ...any)  { r.did = "skip" }
func (r *recorded) Fatalf(f string, args ...any) { r.did = "fatal"; panic(fmt.Sprintf(f, args...)) }
func (r *recorded) longest()                     { defer func() { recover() }(); Longest(r) }
func (r *recorded) only()                        { defer func() { recover() }(); Only(r) }

func TestOnly(t *testing.T) {
	for _, c := range []struct{ name, value, did string }{
		{"TestSlowSweep", "", "skip"},
		{"TestSlowSweep", "0", "skip"},
		{"TestSlowSweep", "1", ""},
		{"TestSlowSweep", "all", ""},
		{"TestSlowSweep/part", "1", ""},
		{"TestSlowSweep (longest)", "1", "skip"},
		{"TestSlowSweep (longest)", "all", ""},
		{"TestSweep (longest)", "all", "fatal"},
		{"TestSweep", "", "fatal"},
		{"TestSweep", "1", "fatal"},
	} {
		t.Setenv(Variable, c.value)
		r := &recorded{name: c.name}
		if strings.Contains(c.name, "longest") {
			r.longest()
		} else {
			r.only()
		}
		if r.did != c.did {
			t.Errorf("%s with %q: %q, want %q", c.name, c.value, r.did, c.did)
		}
	}
}
