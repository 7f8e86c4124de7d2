package main

import (
	"slices"
	"testing"
)

func TestParseLevels(t *testing.T) {
	got, err := parseLevels("1, 50,100")
	if err != nil || !slices.Equal(got, []float64{1, 50, 100}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "0", "1,,2", "1,x", "-5", "1.5", "5,5", "5,4"} {
		if _, err := parseLevels(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
