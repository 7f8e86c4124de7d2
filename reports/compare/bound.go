package compare

import (
	"encoding/json"
	"math"
)

// Bound is a figure that there may be none of: a bound of a change that is
// infinite, a share of zero, the middle of values that are no numbers. JSON has
// neither infinity nor NaN: it is null there.
type Bound float64

// None reports whether there is no such figure.
func (b Bound) None() bool { return math.IsInf(float64(b), 0) || math.IsNaN(float64(b)) }

// MarshalJSON writes a number, or null.
func (b Bound) MarshalJSON() ([]byte, error) {
	if b.None() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(b))
}

// UnmarshalJSON reads what MarshalJSON writes; null becomes NaN, for which
// of them it was is not known any more.
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

// pairJSON is a pair whose values may be none.
type pairJSON struct {
	Number    int   `json:"pair"`
	Base      Bound `json:"base"`
	Candidate Bound `json:"candidate"`
}

// MarshalJSON writes a value that is no number as null: it must not cost the
// others.
func (p Pair) MarshalJSON() ([]byte, error) {
	return json.Marshal(pairJSON{p.Number, Bound(p.Base), Bound(p.Candidate)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Pair) UnmarshalJSON(data []byte) error {
	var out pairJSON
	if err := json.Unmarshal(data, &out); err != nil {
		return err
	}
	*p = Pair{out.Number, float64(out.Base), float64(out.Candidate)}
	return nil
}
