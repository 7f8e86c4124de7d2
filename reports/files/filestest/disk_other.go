//go:build !linux

// Package filestest makes small file systems, for tests of full disks.
package filestest

import "testing"

// SmallDisk skips the test.
func SmallDisk(t *testing.T, _ int) string {
	t.Skip("mounts a file system, on Linux only")
	return ""
}
