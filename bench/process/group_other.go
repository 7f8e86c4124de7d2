//go:build !linux

package process

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

func isolate(*exec.Cmd) {}

// terminate asks the process to end; Windows cannot ask.
func terminate(p *os.Process) (gently bool, err error) {
	if runtime.GOOS == "windows" {
		return false, p.Kill()
	}
	return true, p.Signal(syscall.SIGTERM)
}

// kill ends the process. What it started is unknown here.
func kill(p *os.Process) error { return p.Kill() }

func awaitEnd(*os.Process) bool { return false }
