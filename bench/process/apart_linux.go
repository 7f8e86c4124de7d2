package process

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart keeps a terminal's Ctrl-C from reaching the process, which is its
// parent's to end, and has the kernel end it should its parent be killed.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// terminate asks the process to end, which is gentle.
func terminate(p *os.Process) (gently bool, err error) { return true, p.Signal(syscall.SIGTERM) }

// kill ends the process and what it started: the group that apart made, whose
// number is the process's. The process must not have been waited for: the
// number may be another's then.
func kill(p *os.Process) error {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil {
		return p.Kill()
	}
	return nil
}

// awaitEnd waits until the process has ended, and leaves it to be waited for,
// so that its number stays its own. It reports whether it could.
func awaitEnd(p *os.Process) bool {
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
