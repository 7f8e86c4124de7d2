//go:build !linux

package targets_test

const clockNanosleep = -1
