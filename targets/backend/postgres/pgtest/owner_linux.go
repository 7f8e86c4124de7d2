package pgtest

import (
	"os/exec"
	"syscall"
)

// runAs has the program run as another user.
func runAs(cmd *exec.Cmd, as *owner) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}}
}
