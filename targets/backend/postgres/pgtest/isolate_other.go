//go:build !linux

package pgtest

import "os/exec"

// isolate does nothing here: as root the server then says itself that it must not
// run so.
func isolate(*exec.Cmd, *owner) {}
