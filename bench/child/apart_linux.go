package child

import (
	"os"
	"os/exec"
	"syscall"
)

// apart keeps a terminal's Ctrl-C from reaching the process, which is its
// parent's to end, and has the kernel end it should its parent be killed.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// terminate asks the process to end, which is gentle.
func terminate(p *os.Process) (gently bool, err error) { return true, p.Signal(syscall.SIGTERM) }

// kill ends the process and what it started: the group that apart made. Where
// it has ended already there is nothing to do.
func kill(p *os.Process) error {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil {
		return p.Kill()
	}
	return nil
}
