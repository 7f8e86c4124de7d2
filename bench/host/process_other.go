//go:build !linux

package host

import "github.com/a628bb15/onhold/reports/result"

func readProcess(int, bool) (snapshot, error) { return snapshot{}, errUnsupported }

func readSwitches() result.Switches { return result.Switches{} }
