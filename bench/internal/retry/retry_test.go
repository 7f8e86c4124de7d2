package retry

import (
	"fmt"
	"testing"
)

// A stage is run again as often as asked, and less often on a machine that disturbs
// all the time.
func TestBudget(t *testing.T) {
	for _, c := range []struct {
		most      int
		disturbed []int // attempts of each stage; 9 is all
		attempts  string
	}{
		{2, []int{0, 1, 2, 0}, "[1 2 3 1]"},
		{2, []int{9, 9, 9, 9}, "[3 2 1 1]"},
		{2, []int{9, 1, 9, 0, 9}, "[3 2 3 1 3]"},
		{2, []int{9, 9, 0, 9, 0, 0, 9}, "[3 2 1 2 1 1 3]"},
		{1, []int{9, 9, 0, 9}, "[2 1 1 2]"},
		{0, []int{0, 9, 1}, "[1 1 1]"},
	} {
		var b Budget
		var attempts []int
		for _, disturbed := range c.disturbed {
			n := 1
			for b.Again(c.most, n, n <= disturbed) {
				n++
			}
			attempts = append(attempts, n)
		}
		if got := fmt.Sprint(attempts); got != c.attempts {
			t.Errorf("%d further attempts at most, disturbed in %v: attempts %s, want %s", c.most, c.disturbed, got, c.attempts)
		}
	}
}
