package compare

import (
	"encoding/json"
	"math"
)

// Bound is a bound of a change, infinite where there is none. JSON has no
// infinity: it is null there.
type Bound float64

// None reports whether there is no bound.
func (b Bound) None() bool { return math.IsInf(float64(b), 0) || math.IsNaN(float64(b)) }

// MarshalJSON writes a number, or null.
func (b Bound) MarshalJSON() ([]byte, error) {
	if b.None() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(b))
}

// UnmarshalJSON reads what MarshalJSON writes; null becomes NaN, for the side is
// not known any more.
func (b *Bound) UnmarshalJSON(data []byte) error {
	v := math.NaN()
	if string(data) != "null" {
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
	}
	*b = Bound(v)
	return nil
}
