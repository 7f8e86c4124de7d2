package targets_test

import "golang.org/x/sys/unix"

const clockNanosleep = unix.SYS_CLOCK_NANOSLEEP
