//go:build !linux

package host

func accounts() map[int]account { return nil }

func runsOn(int, []int) bool { return false }
