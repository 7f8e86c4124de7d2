package compare

import (
	_ "embed"
	"encoding/json"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// proofJSON is what 'onhold prove' counted in live runs of these rules; the
// runs themselves are in reports/example/proof.
//
//go:embed proof.json
var proofJSON []byte

// LiveProof is how often the rules of one version were wrong in live runs.
type LiveProof struct {
	Version int   `json:"gate_version"`
	Same    Proof `json:"same"`    // of a program with itself: runs that were called regressed
	Planted Proof `json:"planted"` // with a planted regression: runs that were not
}

// Measured is how often the rules of this version were wrong in live runs; ok
// is false where they have not been proven yet.
func Measured() (p LiveProof, ok bool) {
	if json.Unmarshal(proofJSON, &p) != nil || p.Version != Version || p.Same.Runs == 0 || p.Planted.Runs == 0 {
		return LiveProof{}, false
	}
	p.Same.Upper = exact.ClopperPearsonUpper(p.Same.Count, p.Same.Runs, 0.95)
	p.Planted.Upper = exact.ClopperPearsonUpper(p.Planted.Count, p.Planted.Runs, 0.95)
	return p, true
}
