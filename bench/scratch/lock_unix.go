//go:build unix && !solaris && !aix

package scratch

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the lock of a file, and fails where another process holds it. The
// kernel releases it when the process ends, however it ends.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
