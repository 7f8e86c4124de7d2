//go:build !linux

package duet

import "errors"

// watchOpens watches which of some files are opened from now on, which this
// system does not tell.
func watchOpens(string, []string) (stop func() []string, err error) {
	return nil, errors.ErrUnsupported
}
