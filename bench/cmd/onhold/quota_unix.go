//go:build unix

package main

import "syscall"

const errQuota = syscall.EDQUOT
