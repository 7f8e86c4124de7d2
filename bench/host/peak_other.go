//go:build !linux

package host

// PeakRSS is the most memory, in bytes, that the process pid ever had resident.
func PeakRSS(int) (int64, error) { return 0, errUnsupported }
