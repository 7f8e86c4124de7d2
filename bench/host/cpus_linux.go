package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Affinity returns the CPUs that the thread tid may run on, in rising order; 0 is
// the calling thread.
func Affinity(tid int) ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(tid, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// ProcessCPUs returns the CPUs that the process pid may run on, in rising order: those
// of all of its threads. Any may be confined to fewer, also the one whose id the
// process has.
func ProcessCPUs(pid int) ([]int, error) {
	cpus, err := Affinity(pid)
	if err != nil {
		return nil, err
	}
	const enough = 64 // threads: the rest of a larger pool is like them
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return nil, err
	}
	for _, task := range tasks[:min(len(tasks), enough)] {
		tid, err := strconv.Atoi(filepath.Base(task))
		if err != nil {
			continue
		}
		if more, err := Affinity(tid); err == nil { // else it has ended
			cpus = append(cpus, more...)
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus), nil
}

func cpuSet(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return &set
}

// PinThread confines the calling thread to one CPU.
func PinThread(cpu int) error { return unix.SchedSetaffinity(0, cpuSet([]int{cpu})) }

// PinSelf confines this process, all its threads and those to come, to cpus,
// and lets Go run as many goroutines at once as there are of them.
func PinSelf(cpus []int) error {
	set := cpuSet(cpus)
	// A thread made while we walk the list inherits from one that may not yet
	// be confined, so walk until a whole round finds nothing new.
	pinned := map[int]bool{}
	for fresh := true; fresh; {
		fresh = false
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil || pinned[tid] {
				continue
			}
			if err := unix.SchedSetaffinity(tid, set); err != nil && err != unix.ESRCH {
				return fmt.Errorf("confining this process to CPUs %s: %w", FormatCPUs(cpus), err)
			}
			pinned[tid], fresh = true, true
		}
	}
	runtime.GOMAXPROCS(len(cpus))
	return nil
}

// StartPinned starts cmd confined to cpus; with none it just starts it.
func StartPinned(cmd *exec.Cmd, cpus []int) error {
	if len(cpus) == 0 {
		return cmd.Start()
	}
	// A child inherits the CPUs of the thread that forks it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := Affinity(0)
	if err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, cpuSet(cpus)); err != nil {
		return fmt.Errorf("confining a process to CPUs %s: %w", FormatCPUs(cpus), err)
	}
	started := cmd.Start()
	if err := unix.SchedSetaffinity(0, cpuSet(before)); err != nil {
		return fmt.Errorf("going back to CPUs %s: %w", FormatCPUs(before), err)
	}
	return started
}
