// Package slow marks the tests that take too long for the plain suite. They are
// skipped unless [Variable] is set, which .ci/run does.
package slow

import (
	"os"
	"strings"
)

// Variable is the environment variable that asks for the slow tests.
const Variable = "ONHOLD_SLOW"

// Prefix begins the name of every slow test: .ci/run selects them by it.
const Prefix = "TestSlow"

// T is the part of [testing.T] that this package needs.
type T interface {
	Helper()
	Name() string
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Asked reports whether [Variable] asks for the slow tests: it is 1, or all.
func Asked() bool { return os.Getenv(Variable) == "1" || All() }

// All reports whether [Variable] asks for each case of the slow tests, and for the
// longest of them: .ci/run takes a part of them, so that it ends in time.
func All() bool { return os.Getenv(Variable) == "all" }

// Only skips a slow test unless [Variable] is
// set to 1, or to all. It fails a test whose name does not begin with [Prefix], as .ci/run
// would never run it.
func Only(t T) {
	t.Helper()
	if !strings.HasPrefix(t.Name(), Prefix) {
		t.Fatalf("%s: the name of a slow test begins with %s, by which .ci/run selects it", t.Name(), Prefix)
	}
	if !Asked() {
		t.Skipf("slow: run with %s=1", Variable)
	}
}

// Longest is [Only], of a test that .ci/run has no time for: it is skipped unless
// [Variable] is set to all.
func Longest(t T) {
	t.Helper()
	if Only(t); Asked() && !All() {
		t.Skipf("takes minutes: run with %s=all", Variable)
	}
}
