package compare

import "github.com/a628bb15/onhold/reports/result"

// Sample is one figure of one launch of one arm.
type Sample struct {
	Scenario string // as in benchmark names: target=…/load=…/level=…
	Unit     string
	Higher   bool // more is better, where the source says so
	Arm      Arm
	Pair     int // from 1; 0 where the sample belongs to no pair
	Value    float64
	NoProcs  bool   // the source says that there is no number of CPUs at the end of the scenario
	Package  string // import path, where the source says it; part of the scenario where that is of more than one

	// Driven are the settings of how the target was driven, as [result.Settings.Driven]
	// has them; nil where the source has none.
	Driven result.Settings
}

// Series is one metric of one scenario.
type Series struct {
	Scenario string
	Metric   Metric
	Pairs    []Pair // base and candidate
	Control  []Pair // base and, as the candidate, the control

	// Same says that both sides are the same program and read the same files:
	// the series is equal without a value.
	Same bool

	// Where there are no pairs: all values of each arm, in order.
	BaseValues, CandidateValues []float64
}
