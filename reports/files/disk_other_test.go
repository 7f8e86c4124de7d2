//go:build !linux

package files

import (
	"errors"
	"testing"
)

func mkfifo(string) error { return errors.ErrUnsupported }

func smallDisk(t *testing.T, _ int) string {
	t.Skip("mounts a file system, on Linux only")
	return ""
}
