//go:build !linux

package pgtest

import "os/exec"

// apart does nothing here: as root the server then says itself that it must not
// run so.
func apart(*exec.Cmd, *owner) {}
