package result

import "testing"

// LimitStages has no more than n stages read at once, until the test ends.
func LimitStages(t *testing.T, n int) {
	before := mostStages
	mostStages = n
	t.Cleanup(func() { mostStages = before })
}
