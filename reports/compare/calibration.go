package compare

import (
	_ "embed"
	"encoding/json"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// calibrationJSON is what 'onhold calibrate' counted with these rules. The runs
// are in reports/example/calibration.
//
//go:embed calibration.json
var calibrationJSON []byte

// Calibration is how often one version of the rules was wrong in real
// comparisons with a known answer.
type Calibration struct {
	Version   int  `json:"gate_version"`
	Identical Rate `json:"identical"` // comparisons of a program with itself; counted are false alarms
	Injected  Rate `json:"injected"`  // comparisons with an injected regression; counted are misses
}

// Rate is how often something happened, with the exact 95 % upper bound of its
// rate.
type Rate struct {
	Runs  int     `json:"runs"`
	Count int     `json:"count"`
	Upper float64 `json:"upper_95,omitzero"`
}

// withUpper fills in the bound.
func (r Rate) withUpper() Rate {
	r.Upper = exact.ClopperPearsonUpper(r.Count, r.Runs, 0.95)
	return r
}

// Calibrated returns how often the rules of this version were wrong; ok is false
// where they have not been calibrated yet.
func Calibrated() (c Calibration, ok bool) {
	if json.Unmarshal(calibrationJSON, &c) != nil || c.Version != Version || c.Identical.Runs == 0 || c.Injected.Runs == 0 {
		return Calibration{}, false
	}
	c.Identical, c.Injected = c.Identical.withUpper(), c.Injected.withUpper()
	return c, true
}
