package field

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestErrors(t *testing.T) {
	other := errors.New("other")
	for _, test := range []struct {
		err  error
		want string
	}{
		{Check(true, "Rate", 1, "above 0"), "<nil>"},
		{Check(false, "Rate", -1, "above 0"), "Rate is -1, want above 0"},
		{First(nil, nil), "<nil>"},
		{First(nil, Check(false, "Timeout", -time.Second, "0 or more"), other), "Timeout is -1s, want 0 or more"},
		{In("Sim", Check(false, "Latency", 0, "above 0")), "Sim.Latency is 0, want above 0"},
		{In("Sim", other), "other"},
		{In("Sim", nil), "<nil>"},
	} {
		if got := fmt.Sprint(test.err); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	var e *Error
	if err := fmt.Errorf("stage 2: %w", In("Sim", Check(false, "Latency", 0, "above 0"))); !errors.As(err, &e) || e.Field != "Sim.Latency" {
		t.Errorf("%v is no field's error", err)
	}
}
