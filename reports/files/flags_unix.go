//go:build unix

package files

import "syscall"

const (
	noFollow = syscall.O_NOFOLLOW // a link at the path is an error
	noWait   = syscall.O_NONBLOCK // opening a pipe does not wait for its other end
)
