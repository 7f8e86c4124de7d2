package pgtest

import (
	"os/exec"
	"syscall"
)

// isolate keeps a terminal's Ctrl-C from reaching the server, has the kernel end
// it should the tests be killed, and runs it as another user where asked.
func isolate(cmd *exec.Cmd, as *owner) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	if as != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}
	}
}
