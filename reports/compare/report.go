package compare

import "time"

// Schema is the version of verdict.json that this package writes and reads.
const Schema = 1

// Report is a comparison as a whole: what verdict.json holds.
type Report struct {
	Schema  int       `json:"schema"`
	ID      string    `json:"run_id"`
	Time    time.Time `json:"time,omitzero"`
	Verdict Verdict   `json:"verdict"`
	Exit    int       `json:"exit_code"` // as the verdict means it; a command may have been told otherwise
	Reasons []string  `json:"reasons"`   // sentences: why it is not valid, or what else a reader must know

	Advisory bool `json:"advisory"` // there are no pairs: drift of the machine cannot be told from a change

	Base      Side `json:"base"`
	Candidate Side `json:"candidate"`

	Findings []Finding `json:"findings"`
	Control  []Finding `json:"aa_control,omitempty"` // the base against itself

	Pairs  int     `json:"pairs"`  // as many as were compared
	Redone int     `json:"redone"` // slices or launches that a guard threw out, before any ratio was looked at
	Design Design  `json:"design"`
	Seed   uint64  `json:"seed"`
	Took   float64 `json:"took_s,omitzero"` // seconds

	Version     int    `json:"gate_version"`
	FalseAlarms *Rate  `json:"measured_false_alarms,omitempty"` // of this version of the gate, in comparisons of a program with itself
	Misses      *Rate  `json:"measured_misses,omitempty"`       // of this version of the gate, in comparisons with an injected regression
	Environment string `json:"environment,omitempty"`           // machine, in words
	Scenario    string `json:"scenario_about,omitempty"`        // load, in words
}

// Side is what one arm was built from.
type Side struct {
	Name   string `json:"name"`             // as the user named it
	Commit string `json:"commit,omitempty"` // in full
}

// Finding is what was found out about one metric of one scenario. Estimate,
// Lower and Upper say how much worse the candidate is: of scale ratio and
// exact as a share of the base (0.05 is 5 % worse), of scale points as a
// difference of shares (0.005 is half a percentage point worse). From zero there
// is no share: see [Finding.FromZero].
type Finding struct {
	Scenario string `json:"scenario"` // as in benchmark names: target=…/load=…/level=…
	Metric   string `json:"metric"`   // short name, as in --tolerance
	Unit     string `json:"unit"`
	Better   string `json:"better"` // lower or higher
	Scale    Scale  `json:"scale"`
	Gated    bool   `json:"gated"`          // false: it informs, and never decides
	Same     bool   `json:"same,omitempty"` // both sides are the same program, so nothing was measured

	Pairs          int     `json:"n_pairs"`
	BaseValue      Bound   `json:"base"`      // typical value, in the unit; null: there is none
	CandidateValue Bound   `json:"candidate"` // likewise
	Estimate       Bound   `json:"estimate"`  // null: there is none, as from zero
	Lower          Bound   `json:"lower"`     // null: there is no bound
	Upper          Bound   `json:"upper"`
	Noise          float64 `json:"sd_pair"` // standard deviation of a pair's change
	Alpha          float64 `json:"alpha"`   // the chance that Lower, or that Upper, is wrong
	Look           int     `json:"look"`    // at which it was decided, from 1; 0: before the first
	Margin         float64 `json:"margin"`
	Tolerance      float64 `json:"tolerance"`
	Verdict        Verdict `json:"verdict"`
	Reason         string  `json:"reason"`
	MDE            float64 `json:"mde_at_max"`             // the regression that would be found in 95 % at the last look, at this noise, by a comparison that gets there; 0: not known
	Needed         int     `json:"pairs_needed,omitempty"` // pairs to find one as large as the tolerance, where the last look is too early
	Values         []Pair  `json:"values,omitempty"`       // pair by pair, in the unit
	Shift          []Shift `json:"shift,omitempty"`        // where in the distribution of latency the change sits

	Outliers *Outliers `json:"outliers,omitempty"` // launches that are far worse than the typical one; none before the first look, and without pairs
}

// Pair is a figure of the two arms of one pair, in the metric's unit.
type Pair struct {
	Number    int     `json:"pair"`
	Base      float64 `json:"base"`
	Candidate float64 `json:"candidate"`
}

// Shift is the change of one quantile of latency, with a 95 % interval. It
// informs, and never decides.
type Shift struct {
	Quantile float64 `json:"quantile"`
	Estimate float64 `json:"estimate"`
	Lower    Bound   `json:"lower"`
	Upper    Bound   `json:"upper"`
}
