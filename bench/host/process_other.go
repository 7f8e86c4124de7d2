//go:build !linux

package host

func readProcess(int) (snapshot, error) { return snapshot{}, errUnsupported }
