//go:build !linux

package source

import "errors"

// watchOpens is not supported on this system.
func watchOpens(string, []string) (stop func() []string, err error) {
	return nil, errors.ErrUnsupported
}
