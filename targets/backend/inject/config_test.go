package inject

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseDelay(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		text string
		want Delay
	}{
		{"", Delay{}},
		{"20ms@2%", Delay{20 * ms, 2}},
		{"1m@100%", Delay{time.Minute, 100}},
		{"500us@0.25%", Delay{ms / 2, 0.25}},
		{"500µs@.5%", Delay{ms / 2, 0.5}},
	} {
		if got, err := ParseDelay(row.text); err != nil || got != row.want {
			t.Errorf("%q: got %v, %v, want %v", row.text, got, err, row.want)
		}
	}
	for _, text := range []string{
		"20ms", "@", "20@2%", "20ms@2", "20ms@%", "20ms@two%", "20ms@2%@3%", "20ms@2%,30ms@1%",
		"0s@2%", "0s@0%", "-1ms@2%", "61s@2%", "20ms@0%", "20ms@-2%", "20ms@100.1%", "20ms@NaN%",
	} {
		if got, err := ParseDelay(text); err == nil || !strings.Contains(err.Error(), "want LENGTH@SHARE%, such as 20ms@2%") {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func FuzzParseDelay(f *testing.F) {
	for _, text := range []string{"", "20ms@2%", "1m@100%", "500µs@.5%", "1s@1e-300%", "@", "1s@", "@2%", "-1s@NaN%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDelay(text)
		if err != nil {
			return
		}
		if again, err := ParseDelay(d.String()); err != nil || again != d {
			t.Fatalf("%q is read as %v, which is read as %v, %v", text, d, again, err)
		}
		if err := (Config{Delay: d}).Validate(); err != nil {
			t.Fatalf("%q is read as %v, which is not valid: %v", text, d, err)
		}
		if d == (Delay{}) {
			return
		}
		draw := newDraw(d.Percent, 1)
		for _, n := range []uint64{0, 1, 99, 1 << 40} { // it must end, whatever the share
			draw.has(n)
		}
	})
}

func TestValidate(t *testing.T) {
	for _, row := range []struct {
		config Config
		want   string
	}{
		{Config{}, ""},
		{Config{CPU: MaxCPU, Delay: Delay{MaxDelay, 100}}, ""},
		{Config{CPU: -1}, "CPU is -1ns, want 0s to 1s"},
		{Config{CPU: MaxCPU + 1}, "CPU is 1.000000001s, want 0s to 1s"},
		{Config{Delay: Delay{time.Second, 0}}, "Delay is 1s@0%, want LENGTH@SHARE%, such as"},
		{Config{Delay: Delay{time.Second, math.NaN()}}, "Delay is 1s@NaN%, want LENGTH@SHARE%, such as"},
		{Config{Delay: Delay{0, 1}}, "Delay is 0s@1%, want LENGTH@SHARE%, such as"},
	} {
		switch err := row.config.Validate(); {
		case row.want == "" && err != nil:
			t.Errorf("%+v: %v", row.config, err)
		case row.want != "" && (err == nil || !strings.HasPrefix(err.Error(), row.want)):
			t.Errorf("%+v: got %v, want %q…", row.config, err, row.want)
		}
		if _, err := Wrap(nil, row.config); (err == nil) != (row.want == "") {
			t.Errorf("Wrap(%+v): %v", row.config, err)
		}
	}
}
