package compare_test

import (
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/a628bb15/onhold/bench/slow"
)

// inFull reports whether there is time for as many comparisons as the README's
// tables are of, which takes some minutes: plain tests play a tenth of them.
func inFull() bool { return slow.Asked() || *cmpimg.GenerateTestData }

func TestSlowSimulation(t *testing.T) {
	slow.Only(t)
	TestSimulation(t)
}

func TestSlowAlarms(t *testing.T) {
	slow.Only(t)
	TestAlarms(t)
}

func TestSlowOutlyingLaunches(t *testing.T) {
	slow.Only(t)
	TestOutlyingLaunches(t)
}

func TestSlowControlIsSeldomWrong(t *testing.T) {
	slow.Only(t)
	TestControlIsSeldomWrong(t)
}

func TestSlowBankFalseAlarms(t *testing.T) {
	slow.Only(t)
	TestBankFalseAlarms(t)
}

func TestSlowBankPower(t *testing.T) {
	slow.Only(t)
	TestBankPower(t)
}
