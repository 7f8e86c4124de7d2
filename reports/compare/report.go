package compare

import (
	"encoding/json"
	"time"

	"github.com/a628bb15/onhold/reports/units"
)

// Schema is the version of verdict.json that this package writes and reads.
const Schema = 2

// Report is a complete comparison: what verdict.json holds.
type Report struct {
	Schema  int       `json:"schema"`
	ID      string    `json:"run_id"`
	Time    time.Time `json:"time,omitzero"`
	Verdict Verdict   `json:"verdict"`
	Exit    int       `json:"exit_code"` // of the verdict; a command may end with another, such as with --inconclusive=warn
	Reasons []string  `json:"reasons"`   // sentences: why it is not valid, and remarks

	Advisory bool `json:"advisory"` // there are no pairs, so a change cannot be separated from drift of the machine

	Base      Side `json:"base"`
	Candidate Side `json:"candidate"`

	Findings []Finding `json:"findings"`
	Control  []Finding `json:"control,omitempty"` // the base against itself

	Limits []SideLimit `json:"limits,omitempty"` // who set the pace, of servers that were driven; it decides nothing

	Pairs    int     `json:"pairs"`
	Repeated int     `json:"repeated"` // rounds or launches that were disturbed and repeated, decided before any ratio is computed
	Design   Design  `json:"design"`
	Seed     uint64  `json:"seed"`
	Took     float64 `json:"took_s,omitzero"` // seconds

	Version     int    `json:"gate_version"`
	FalseAlarms *Rate  `json:"measured_false_alarms,omitempty"` // of this version of the gate, in comparisons of a program with itself
	Misses      *Rate  `json:"measured_misses,omitempty"`       // of this version of the gate, in comparisons with an injected regression
	Environment string `json:"environment,omitempty"`           // machine, in words
	Scenario    string `json:"scenario,omitempty"`              // load, in words
}

// Side is what one arm was built from.
type Side struct {
	Name   string `json:"name"`             // as the user named it
	Commit string `json:"commit,omitempty"` // in full
}

// Finding is the result for one metric of one scenario. Estimate, Lower and Upper
// are how much worse the candidate is: with scale ratio and exact a share of the
// base (0.05 is 5 % worse), with scale points a difference of shares (0.005 is half
// a percentage point worse). A change from zero has no share: see
// [Finding.FromZero].
type Finding struct {
	Scenario string `json:"scenario"` // as in benchmark names: target=…/load=…/level=…
	Metric   string `json:"metric"`   // short name, as in --tolerance
	Unit     string `json:"unit"`
	Better   string `json:"better"` // lower or higher
	Scale    Scale  `json:"scale"`
	Gated    bool   `json:"gated"` // false: it never decides
	// Identical: both sides are the same program, so nothing was measured.
	Identical bool `json:"identical,omitempty"`

	Pairs          int     `json:"n_pairs"`
	BaseValue      Bound   `json:"base"`      // typical value, in the unit; null: none
	CandidateValue Bound   `json:"candidate"` // likewise
	Estimate       Bound   `json:"estimate"`  // null: none, as from zero
	Lower          Bound   `json:"lower"`     // null: no bound
	Upper          Bound   `json:"upper"`
	Noise          float64 `json:"sd_pair"` // standard deviation of a pair's change
	Alpha          float64 `json:"alpha"`   // probability that Lower is wrong, and that Upper is
	Look           int     `json:"look"`    // at which it was decided, from 1; 0: before the first
	Margin         float64 `json:"margin"`
	Tolerance      float64 `json:"tolerance"`
	Verdict        Verdict `json:"verdict"`
	Reason         string  `json:"reason"`
	MDE            float64 `json:"mde_at_max"`             // regression found in 95 % of comparisons at the last look, at this noise; 0: unknown
	Needed         int     `json:"pairs_needed,omitempty"` // pairs that find a regression of the tolerance, where the last look has too few
	Values         []Pair  `json:"values,omitempty"`       // pair by pair, in the unit
	Shift          []Shift `json:"shift,omitempty"`        // change of each latency quantile

	Outliers *Outliers `json:"outliers,omitempty"` // nil before the first look, and without pairs
}

// Pair holds one metric's value of both arms of a pair, in the metric's unit.
type Pair struct {
	Number    int     `json:"pair"`
	Base      float64 `json:"base"`
	Candidate float64 `json:"candidate"`
}

// Shift is the change of one quantile of latency, with a 95 % interval. It
// never decides.
type Shift struct {
	Quantile float64 `json:"quantile"`
	Estimate float64 `json:"estimate"`
	Lower    Bound   `json:"lower"`
	Upper    Bound   `json:"upper"`
}

// Bound is a number that may be missing: an infinite bound of a change, a share of
// zero, the median of no values.
type Bound = units.Value

// pairJSON is a pair whose values may be missing.
type pairJSON struct {
	Number    int   `json:"pair"`
	Base      Bound `json:"base"`
	Candidate Bound `json:"candidate"`
}

// MarshalJSON writes a value that is not a number as null.
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
