package peers

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// number finds the number that the first group of pattern matches in a tool's
// text.
func number(out []byte, pattern *regexp.Regexp) (float64, bool) {
	m := pattern.FindSubmatch(out)
	if m == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	return v, err == nil
}

// count finds a count.
func count(out []byte, what string, pattern *regexp.Regexp) (int64, error) {
	v, ok := number(out, pattern)
	if !ok || v < 0 || v > 1e15 {
		return 0, fmt.Errorf("its output lacks the %s", what)
	}
	return int64(v), nil
}

// duration is v units, nil where that is no duration.
func duration(v float64, unit time.Duration) *time.Duration {
	ns := v * float64(unit)
	if !(ns >= 0 && ns < float64(24*time.Hour)) {
		return nil
	}
	return new(time.Duration(ns))
}

// share is part of all, nil where all is 0.
func share(part, all int64) *float64 {
	if all <= 0 || part < 0 || part > all {
		return nil
	}
	return new(float64(part) / float64(all))
}
