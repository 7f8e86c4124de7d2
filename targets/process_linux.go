package targets

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

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
