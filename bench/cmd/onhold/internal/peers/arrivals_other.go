//go:build !linux

package peers

import (
	"context"
	"errors"
)

// logged is a server that notes when the kernel received each request, on Linux.
func logged(protocol) func(context.Context, *runner) (*server, error) {
	return func(context.Context, *runner) (*server, error) {
		return nil, errors.New("the instants at which the kernel received requests are known on Linux only")
	}
}
