package host

import (
	"golang.org/x/sys/unix"

	"github.com/a628bb15/onhold/reports/result"
)

func describe(e *result.Environment) {
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		e.Kernel = field(string(name.Release[:]))
	}
	fsys, err := proc()
	if err != nil {
		return
	}
	if cpus, err := fsys.CPUInfo(); err == nil && len(cpus) > 0 {
		e.CPU = field(cpus[0].ModelName)
	}
	if mem, err := fsys.Meminfo(); err == nil && mem.MemTotalBytes != nil {
		e.Memory = int64(*mem.MemTotalBytes)
	}
}
