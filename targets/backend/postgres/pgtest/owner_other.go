//go:build !linux

package pgtest

import "os/exec"

// runAs does nothing here: as root the server then says itself that it must not
// run so.
func runAs(*exec.Cmd, *owner) {}
