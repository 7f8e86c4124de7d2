package theory_test

import (
	"fmt"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/theory"
)

// What 50 requests a second may expect of ten workers that wait 200 ms each, and
// of what a queue of ten places makes of it.
func ExamplePredict() {
	s := theory.Setting{Load: load.Load{Rate: 50}, Workers: 10, ServiceTime: 200 * time.Millisecond}
	p, err := theory.Predict(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, exact %v: %.1f %% rejected, p99 %.0f ms\n", p.Model, p.Exact, 100**p.Rejected, *p.Latency.P99/1e6)

	s.Queue = 10
	s.ServiceLaw.Kind = theory.Exponential
	if p, err = theory.Predict(s); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, exact %v: %.1f %% rejected, p99 %.0f ms\n", p.Model, p.Exact, 100**p.Rejected, *p.Latency.P99/1e6)

	s.Workers = 0
	_, err = theory.Predict(s)
	fmt.Println(err)
	// Output:
	// M/G/c/c, exact true: 21.5 % rejected, p99 200 ms
	// M/M/c/K, exact true: 6.8 % rejected, p99 1019 ms
	// Workers is 0, want 1 to 1000000, or inf
}
