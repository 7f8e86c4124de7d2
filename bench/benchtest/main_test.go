package benchtest_test

import (
	"os"
	"testing"

	"github.com/a628bb15/onhold/bench/benchtest"
)

// plainEnv makes the test binary do without benchtest.Main, as a package that
// has no TestMain.
const plainEnv = "ONHOLD_TEST_PLAIN"

func TestMain(m *testing.M) {
	if os.Getenv(plainEnv) != "" {
		m.Run()
		return
	}
	benchtest.Main(m)
}
