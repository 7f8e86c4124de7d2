package near

import "testing"

func TestDistance(t *testing.T) {
	for name, want := range map[string]int{"": 3, "abc": 0, "abd": 1, "acb": 1, "cab": 2, "ab": 1, "abcd": 1} {
		if got := distance(name, "abc"); got != want {
			t.Errorf("from %q to abc it is %d, want %d", name, got, want)
		}
	}
}
