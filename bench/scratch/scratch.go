// Package scratch makes temporary folders. The folder of a process that was killed
// is removed by the next process that makes one with the same prefix; see [New].
package scratch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	lockName = ".lock"
	// unlockedAge is the age from which a folder without a lock is removed: its
	// process was killed between making and locking it.
	unlockedAge = time.Hour
	making      = "new-" // prefix of a folder that has no lock yet
)

// Dir is a temporary folder of this process.
type Dir struct {
	Path string
	lock *os.File // held until Remove or the end of the process
}

// New makes a folder in [os.TempDir] whose name begins with prefix, readable by
// the user alone, and first removes those with the same prefix whose process is
// dead. A folder that cannot be removed stays, which is no error.
func New(prefix string) (*Dir, error) {
	Sweep(prefix)
	// It gets its name once it is locked, so that no other process removes it.
	path, err := os.MkdirTemp("", making+prefix+"*")
	if err != nil {
		return nil, err
	}
	d := &Dir{}
	if d.lock, err = os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	d.Path = filepath.Join(filepath.Dir(path), strings.TrimPrefix(filepath.Base(path), making))
	if err := errors.Join(lock(d.lock), os.Rename(path, d.Path)); err != nil {
		d.lock.Close()
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return d, nil
}

// Remove removes the folder and its contents.
func (d *Dir) Remove() error {
	return errors.Join(os.RemoveAll(d.Path), d.lock.Close())
}

// Sweep removes the folders of a prefix whose process is dead. A folder without a
// lock is not one of this package, or its process is just making it.
func Sweep(prefix string) {
	temp := os.TempDir()
	entries, err := os.ReadDir(temp)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(temp, e.Name())
		switch {
		case !e.IsDir():
		case strings.HasPrefix(e.Name(), prefix):
			sweep(path)
		case strings.HasPrefix(e.Name(), making+prefix):
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unlockedAge {
				os.RemoveAll(path)
			}
		}
	}
}

// sweep removes a folder whose lock is free. It holds the lock meanwhile.
func sweep(path string) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if lock(f) == nil {
		os.RemoveAll(path)
	}
}
