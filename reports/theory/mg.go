package theory

import (
	"fmt"
)

// MG1Wait is the mean wait, in mean service times, at one worker with a queue
// without a bound, under Poisson arrivals of load a, below 1, where cv is the
// standard deviation of the service time over its mean: the model M/G/1, such as
// an event loop, with what it does for a request between two waits as service. It
// is exact (Pollaczek and Khinchin), whatever the law of service. cv is from 0 to
// 100.
func MG1Wait(a, cv float64) (float64, error) {
	if err := firstOf(badLoad(a), badStable(1, a), bad(cv >= 0 && cv <= maxCV, "cv", cv, fmt.Sprintf("from 0 to %d", maxCV))); err != nil {
		return 0, err
	}
	return a * (1 + cv*cv) / (2 * (1 - a)), nil
}

// MGcWait is an approximation of the mean wait, in mean service times, at c
// workers with a queue without a bound, under Poisson arrivals of load a, below
// c, where cv is the standard deviation of the service time over its mean, from 0
// to 1: by interpolation over the square of cv between M/D/c and M/M/c, of which
// it is exact at both ends (Cosmetatos; Tijms, A First Course in Stochastic
// Models, section 9.6). Above 1 nothing simple can be trusted to within 5 %:
// [Simulate].
func MGcWait(c int, a, cv float64) (float64, error) {
	if err := bad(cv >= 0 && cv <= 1, "cv", cv, "from 0 to 1"); err != nil {
		return 0, err
	}
	d, err := MDc(c, a)
	if err != nil {
		return 0, err
	}
	m, err := mmc(c, a)
	if err != nil {
		return 0, err
	}
	s := cv * cv
	return (1-s)*d.WaitMean + s*m.WaitMean, nil
}
