//go:build !linux

package host

func readQuota(int) Quota { return Quota{} }
