package benchtest

import (
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/a628bb15/onhold/reports/result"
)

// Main is for a test package that wants a TestMain: it does what that of
// package testing does. Beyond that, the units are printed before anything else, and
// a folder of -onhold.out that cannot be made ends the process with exit code 2
// before anything is run, not one benchmark after another. No package needs it.
func Main(m *testing.M) {
	flag.Parse()
	if benchmarking() {
		printUnits()
		if err := kept.open(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	m.Run() // the process ends with its code
}

// benchmarking is whether this process was asked to run benchmarks, so that
// its standard output is in the benchmark format.
func benchmarking() bool {
	f := flag.Lookup("test.bench")
	return f != nil && f.Value.String() != ""
}

var unitsOnce sync.Once

// printUnits prints, once in a process, which direction of each unit is better.
//
// Note: package testing prints the name of a benchmark before all but its first
// run, and the numbers afterwards, so this must not be printed while one is
// measured. A benchmark that has sub-benchmarks is never measured: it is run
// once, and before it only complete lines were printed. That is where Sweep
// calls this, so no TestMain is needed.
func printUnits() {
	if benchmarking() {
		unitsOnce.Do(func() { writeUnits(os.Stdout) })
	}
}

func writeUnits(w io.Writer) {
	for _, m := range result.Metrics {
		if m.Bench != "" {
			fmt.Fprintf(w, "Unit %s better=%s\n", m.Bench, m.Better())
		}
	}
}
