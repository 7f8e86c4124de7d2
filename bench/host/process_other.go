//go:build !linux

package host

import "github.com/a628bb15/onhold/reports/result"

func readProcess(int) (snapshot, error) { return snapshot{}, errUnsupported }

type watch struct{}

func watchProcess(int) (*watch, error) { return new(watch), nil }

func (*watch) read() (snapshot, error) { return snapshot{}, nil }

func (*watch) close() {}

func readSwitches() result.Switches { return result.Switches{} }
