package load

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

func TestLoads(t *testing.T) {
	for _, test := range []struct {
		load  Load
		model Model
		level float64
		text  string
	}{
		{Load{}, Closed, 1, "1 client"},
		{Load{Clients: 100, ThinkTime: time.Second, Backoff: time.Minute, RampUp: time.Second}, Closed, 100, "100 clients"},
		{Load{Rate: 0.5}, Poisson, 0.5, "0.5 arrivals per second (poisson)"},
		{Load{Rate: 200, Arrivals: Constant}, Constant, 200, "200 arrivals per second (constant)"},
		{Load{Burst: 1001, BurstInterval: time.Second}, Burst, 1001, "bursts of 1001"},
		{Load{Ramp: Range{100, 2000}}, Ramp, 2000, "100 to 2000 arrivals per second"},
	} {
		if err := test.load.Validate(); err != nil {
			t.Errorf("%s: %v", test.text, err)
		}
		if m, level := test.load.Model(), test.load.Level(); m != test.model || level != test.level || test.load.String() != test.text {
			t.Errorf("%+v is %s at %g, %q; want %s at %g, %q", test.load, m, level, test.load, test.model, test.level, test.text)
		}
		if at := test.load.At(7); at.Level() != 7 || at.Model() != test.model {
			t.Errorf("%s at level 7 is %s", test.load, at)
		}
		text, err := json.Marshal(test.load)
		var back Load
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || back != test.load {
			t.Errorf("%s reads as %+v, want %+v: %v", text, back, test.load, err)
		}
	}
}

func TestLoadsThatAreNone(t *testing.T) {
	for name, load := range map[string]Load{
		"Clients":       {Clients: -1},
		"Burst":         {Burst: MaxClients + 1},
		"Rate":          {Rate: math.NaN()},
		"Ramp.From":     {Ramp: Range{0, 10}},
		"Ramp.To":       {Ramp: Range{10, math.Inf(1)}},
		"ThinkTime":     {Rate: 1, ThinkTime: 1},
		"Backoff":       {Burst: 1, Backoff: 1},
		"RampUp":        {RampUp: -1},
		"BurstInterval": {Clients: 1, BurstInterval: 1},
		"Arrivals":      {Rate: 1, Arrivals: Burst},
	} {
		var e *field.Error
		if err := load.Validate(); !errors.As(err, &e) || e.Field != name {
			t.Errorf("%+v: %v, want an error of %s", load, err, name)
		}
	}
	for _, two := range []Load{{Clients: 1, Rate: 1}, {Rate: 1, Burst: 1}, {Burst: 1, Ramp: Range{1, 2}}, {Clients: 1, Ramp: Range{1, 2}}} {
		if two.Validate() == nil {
			t.Errorf("%+v is taken for one load", two)
		}
	}
}
