//go:build !linux

package bench_test

import "net"

// cork does nothing where there is no such option.
func cork(net.Conn) {}
