//go:build unix

package host

import (
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptorLimit is the soft limit, which Go's runtime has already raised to
// the hard one.
func descriptorLimit() (int, bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return int(min(limit.Cur, math.MaxInt32)), true
}

// portRange is the range of local ports that connections are made from, read
// where Linux shows it.
func portRange() (low, high int, ok bool) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, false
	}
	fields := strings.Fields(string(b))
	if len(fields) != 2 {
		return 0, 0, false
	}
	low, err1 := strconv.Atoi(fields[0])
	high, err2 := strconv.Atoi(fields[1])
	return low, high, err1 == nil && err2 == nil
}

// readMore adds what no check needs, but a reader.
func readMore(l *Limits) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		l.MostAllowed = int(min(limit.Max, math.MaxInt32))
	}
	l.Backlog, _ = strconv.Atoi(line("/proc/sys/net/core/somaxconn"))
	l.ClockSource = line("/sys/devices/system/clocksource/clocksource0/current_clocksource")
}

// line is the one line of a small file, "" where it cannot be read.
func line(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
