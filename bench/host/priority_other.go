//go:build !linux

package host

// LowerPriority does nothing on this system.
func LowerPriority() {}

// ThreadID is not known on this system.
func ThreadID() int { return 0 }
