//go:build race

package bench

// The race detector of Go 1.26 crashes now and then in tests on synctest's
// fake clock (golang/go#78156), so those are left to the run without it.
const raceEnabled = true
