//go:build !unix || solaris || aix

package scratch

import (
	"errors"
	"os"
)

// lock takes an empty file, which is our own. It fails for any other, which another
// process may hold: without locks nothing is swept.
func lock(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() > 0 {
		return errors.Join(err, errors.ErrUnsupported)
	}
	_, err = f.WriteString("held\n")
	return err
}
