package host

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// CPUs is how many CPUs this process may use at once: as many as it is
// confined to, or as Go would use where that is fewer.
func CPUs() int {
	n := runtime.NumCPU()
	if cpus, err := ProcessCPUs(os.Getpid()); err == nil {
		n = len(cpus) // NumCPU is of the start, before any PinSelf
	}
	return min(n, runtime.GOMAXPROCS(0))
}

// Split shares the CPUs out between a target and the generator, so that
// neither takes time from the other: the first half, rounded down, to the
// target. With fewer than two CPUs there is nothing to share out and both
// results are nil.
func Split(cpus []int) (target, generator []int) {
	if len(cpus) < 2 {
		return nil, nil
	}
	half := len(cpus) / 2
	return cpus[:half], cpus[half:]
}

// FormatCPUs writes a list of CPUs as Linux does, like 0,2-3.
func FormatCPUs(cpus []int) string {
	cpus = slices.Sorted(slices.Values(cpus))
	var b strings.Builder
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(cpus[i]))
		if j > i {
			fmt.Fprintf(&b, "-%d", cpus[j])
		}
		i = j + 1
	}
	return b.String()
}
