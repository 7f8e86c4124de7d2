package host

import (
	"os"

	"github.com/a628bb15/onhold/reports/result"
)

// Quota is what the CPU quotas of control groups allow a process, and how often
// they have stopped it so far. A process is held by the quotas of its own group
// and of every group around that one; those outside of a container are not seen
// from within it.
type Quota struct {
	CPUs      float64          // CPU seconds per second of the smallest quota; 0 where there is none, or it is unknown
	Group     string           // the folder of the control group that has it; "" likewise
	Throttled result.Throttled // since the groups exist, summed over all of them and their CPUs
}

// ReadQuota reads the quotas of the process pid. What the system does not report
// is zero.
func ReadQuota(pid int) Quota { return readQuota(pid) }

// SelfThrottled is by how much CPU quotas have stopped this process so far, or
// anything else in its control groups.
func SelfThrottled() result.Throttled { return ReadQuota(os.Getpid()).Throttled }
