package canvas

import (
	"testing"

	"github.com/a628bb15/onhold/reports/units"
)

// A limit that a log axis cannot show is none: its logarithm would be, or make, an
// empty range.
func TestLogAxisIgnoresLimitsItCannotShow(t *testing.T) {
	for _, most := range []float64{5e-324, 1e-300, 1e-13, 0, -1} {
		a := NewAxis(Axis{Unit: units.Time, Log: true, Hi: most}, []float64{1, 10}, false)
		if !(a.Lo > 0 && a.Lo <= 1 && a.Hi >= 10) {
			t.Errorf("a limit of %v: from %v to %v", most, a.Lo, a.Hi)
		}
	}
}
