package host

import (
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// Sample is what the generator, the target and their CPUs have done so far. What is
// not known is zero.
type Sample struct {
	Generator, Target result.Spent
	Steal             time.Duration // taken from the CPUs by the hypervisor
	Busy              time.Duration // for which the CPUs ran processes that are not nice
	Throttled         result.Throttled
}

// Since is what has been done since an earlier sample.
func (s Sample) Since(before Sample) Sample {
	s.Generator.CPU = max(0, s.Generator.CPU-before.Generator.CPU)
	s.Target.CPU = max(0, s.Target.CPU-before.Target.CPU)
	s.Steal = max(0, s.Steal-before.Steal) // the kernel's counts may go back a little
	s.Busy = max(0, s.Busy-before.Busy)
	s.Throttled = s.Throttled.Minus(before.Throttled)
	return s
}

// Others is the CPU time of other processes; kernel ticks make it off by some 10 ms.
func (s Sample) Others() time.Duration { return max(0, s.Busy-s.Generator.CPU-s.Target.CPU) }
