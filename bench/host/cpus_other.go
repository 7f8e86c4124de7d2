//go:build !linux

package host

import "os/exec"

// Affinity is known on Linux only.
func Affinity(int) ([]int, error) { return nil, errUnsupported }

// ProcessCPUs are known on Linux only.
func ProcessCPUs(int) ([]int, error) { return nil, errUnsupported }

// PinSelf is possible on Linux only.
func PinSelf([]int) error { return errUnsupported }

// StartPinned starts cmd; only on Linux can it be confined to CPUs.
func StartPinned(cmd *exec.Cmd, cpus []int) error {
	if len(cpus) > 0 {
		return errUnsupported
	}
	return cmd.Start()
}
