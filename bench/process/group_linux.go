package process

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate keeps a terminal's Ctrl-C from the process, whose parent stops it, and
// has the kernel kill it when its parent is killed.
func isolate(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
}

// terminate asks the process to end, which is gentle.
func terminate(p *os.Process) (gently bool, err error) { return true, p.Signal(syscall.SIGTERM) }

// kill kills the process and what it started: the group that isolate made, which
// has the process's id. The process must not have been waited for: the id may be
// reused then.
func kill(p *os.Process) error {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil {
		return p.Kill()
	}
	return nil
}

// awaitEnd waits until the process has ended, and leaves it to be waited for, so
// that its id is not reused. It reports whether it could.
func awaitEnd(p *os.Process) bool {
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
