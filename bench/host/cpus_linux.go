package host

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Affinity returns the CPUs that the process or thread pid may run on, in
// rising order; pid 0 is the calling thread.
func Affinity(pid int) ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
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
