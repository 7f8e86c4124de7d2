package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Throttled is how often the CPU quota of this process's control group has held
// its processes up so far; 0 where there is no quota, or it is not told.
func Throttled() int64 {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", group, "cpu.stat"))
		if err != nil {
			return 0
		}
		return throttled(string(stat))
	}
	return 0
}

func throttled(stat string) int64 {
	for line := range strings.Lines(stat) {
		if n, ok := strings.CutPrefix(line, "nr_throttled "); ok {
			v, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			if err != nil {
				return 0
			}
			return v
		}
	}
	return 0
}
