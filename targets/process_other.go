//go:build !linux

package targets

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

func apart(*exec.Cmd) {}

func terminate(p *os.Process) error {
	if runtime.GOOS == "windows" { // knows no SIGTERM
		return p.Kill()
	}
	return p.Signal(syscall.SIGTERM)
}
