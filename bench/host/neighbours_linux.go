package host

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// accounts are those of all processes but this one. It allocates little, for what is
// allocated in this process may be what is being measured.
func accounts() map[int]account {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(mostProcesses)
	out := make(map[int]account, len(names))
	buf := make([]byte, 1024)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() {
			continue
		}
		fd, err := unix.Open("/proc/"+name+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue // it has ended
		}
		n, _ := unix.Read(fd, buf)
		unix.Close(fd)
		if a, ok := parseAccount(buf[:max(0, n)]); ok {
			out[pid] = a
		}
	}
	return out
}

// parseAccount reads /proc/PID/stat: proc_pid_stat(5).
func parseAccount(stat []byte) (a account, ok bool) {
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return a, false
	}
	fields := bytes.Fields(stat[to+1:])
	if len(fields) < 20 {
		return a, false
	}
	a = account{name: string(stat[from+1 : to]), parent: int(number(fields[1])), started: uint64(number(fields[19])), yields: number(fields[16]) > 0}
	for _, ticks := range fields[11:15] { // user and system time, also of children
		a.cpu += time.Duration(number(ticks)) * tick
	}
	return a, true
}

// runsOn reports whether the process may run on one of the CPUs, as far as is known.
func runsOn(pid int, cpus []int) bool {
	may, err := Affinity(pid)
	return err != nil || len(cpus) == 0 || slices.ContainsFunc(may, func(cpu int) bool { return slices.Contains(cpus, cpu) })
}
