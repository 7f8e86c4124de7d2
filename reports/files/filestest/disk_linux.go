// Package filestest makes small file systems, for tests of full disks.
package filestest

import (
	"strconv"
	"syscall"
	"testing"
)

// SmallDisk returns a folder on a file system of so many bytes.
func SmallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
		t.Skipf("a file system of %d bytes cannot be mounted here: %v", size, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
