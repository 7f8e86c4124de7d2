package verdict

import (
	"fmt"
	"io"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// A comparison of very many benchmarks takes seconds, not hours: nothing is
// quadratic in their number.
func TestManyNames(t *testing.T) {
	const names = 20_000
	var samples []compare.Sample
	for i := range names {
		for _, arm := range []compare.Arm{compare.Base, compare.Candidate} {
			samples = append(samples, compare.Sample{Scenario: fmt.Sprintf("Name%d", i), Unit: "ns/op", Arm: arm, Value: float64(1000 + i%50)})
		}
	}
	all, missing, fresh := compare.Collect(samples, compare.Policy{})
	design := compare.DefaultDesign()
	design.Looks, design.Spend = []int{1}, []float64{1}
	r := compare.Conclude(design, all, missing, fresh)
	if len(r.Findings) != names {
		t.Fatalf("%d findings", len(r.Findings))
	}
	if err := Text(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(t.TempDir(), r); err != nil {
		t.Fatal(err)
	}
}
